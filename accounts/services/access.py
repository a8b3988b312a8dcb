"""Who acts, for which organization, and what they may do there: the one thing that every face decides before it does anything."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.models import Membership, Organization, User
from accounts.roles import PERMISSIONS

SESSION_KEY = "organization"
"""Where a session keeps the id of the organization that its user chose."""


class Denied(Exception):
    """The user belongs to the organization but lacks the permission. The text is one sentence for them."""


@dataclass(frozen=True)
class Access:
    """`permissions`: those of accounts.roles.PERMISSIONS that the user's roles give here, less what the credential leaves out."""

    user: User
    organization: Organization
    permissions: frozenset[str] = field(repr=False)

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def need(self, *permissions: str) -> None:
        """Raise Denied unless one of them is held."""
        if not self.permissions.intersection(permissions):
            what = " or ".join(PERMISSIONS[permission].removeprefix("May ") for permission in permissions)
            raise Denied(f"{self.user} has no role in {self.organization} that allows to {what}.")


def superuser_access(user: User, organization: Organization) -> Access:
    """Everything, in any organization: for the admin and nothing else. Raises Denied for anybody but an active superuser."""
    if not (user.is_active and user.is_superuser):
        raise Denied(f"{user} is not a superuser.")
    return Access(user, organization, frozenset(PERMISSIONS))


def access_to(user: User, organization: Organization, scopes: Iterable[str] | None = None) -> Access | None:
    """The user's access to the organization as of now, or None if they are not (or no longer) an active member.

    `scopes`: permissions that the credential is limited to; None does not limit.
    """
    held = set(Membership.objects.filter(user=user, organization=organization).values_list("roles__permissions__codename", flat=True))
    if not held or not user.is_active:  # a member without any role is one row of None
        return None
    limit = PERMISSIONS if scopes is None else PERMISSIONS.keys() & set(scopes)
    return Access(user, organization, frozenset(codename for codename in held if codename in limit))
