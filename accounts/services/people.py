"""Users and their memberships: made by commands, by the admin, and on a first sign-in."""

from collections.abc import Iterable

from django.apps.registry import Apps
from django.contrib.auth.models import Group
from django.db import transaction

from accounts.models import Membership, Organization, User
from accounts.roles import PERMISSIONS, ROLES
from accounts.services.access import Access
from accounts.services.audit import record, values_of

_AUDITED = ("user", "roles")


class UnknownRole(Exception):
    """The text names the role and those that there are."""


def make_roles(apps: Apps) -> None:
    """The groups of accounts.roles.ROLES with their permissions. `apps`: a migration's, or django.apps.apps."""
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="accounts", model="membership")
    permission, group = apps.get_model("auth", "Permission").objects, apps.get_model("auth", "Group").objects
    rows = {
        codename: permission.get_or_create(codename=codename, content_type=kind, defaults={"name": name})[0]
        for codename, name in PERMISSIONS.items()
    }
    for role, codenames in ROLES.items():
        row, is_new = group.get_or_create(name=role)
        if is_new:
            row.permissions.set([rows[codename] for codename in codenames])


@transaction.atomic
def join(user: User, organization: Organization, roles: Iterable[str] = (), by: User | None = None) -> Membership:
    """Make the user a member, and give them `roles` on top of those that they have; recorded. `by`: who decided so. Raises UnknownRole."""
    former = Membership.objects.filter(user=user, organization=organization).first()
    before = values_of(former, _AUDITED) if former else None
    membership = enrol(user, organization, roles)
    after = values_of(membership, _AUDITED)
    if after != before:
        action = "membership.update" if former else "membership.create"
        record(action, membership, organization=organization, user=by, before=before, after=after)
    return membership


def enrol(user: User, organization: Organization, roles: Iterable[str] = ()) -> Membership:
    """What `join` does, without a record: for whoever records it otherwise. Raises UnknownRole."""
    membership, _ = Membership.objects.get_or_create(user=user, organization=organization)
    membership.roles.add(*[_role(name) for name in roles])
    return membership


@transaction.atomic
def choose_notices(access: Access, choice: str) -> None:
    """What `access.user` is told by e-mail, in all their organizations. Raises ValueError for what is no User.Notices."""
    if choice not in User.Notices.values:
        raise ValueError(f"Choose one of {', '.join(User.Notices.values)}.")
    user = User.objects.get(pk=access.user.pk)
    before = values_of(user, ["notices"])
    user.notices = choice
    user.save(update_fields=["notices"])
    record("user.notices", user, organization=access.organization, user=user, before=before, after=values_of(user, ["notices"]))


def roles_of(access: Access) -> dict[str, list[str]]:
    """The user's roles in the organization, with the permissions that each gives there."""
    roles = Group.objects.filter(membership__user=access.user, membership__organization=access.organization).order_by("name")
    return {
        role.name: sorted(permission.codename for permission in role.permissions.all() if permission.codename in PERMISSIONS)
        for role in roles.prefetch_related("permissions")
    }


def _role(name: str) -> Group:
    found = Group.objects.filter(name__iexact=name).first()
    if found is None:
        raise UnknownRole(
            f"There is no role {name!r}. There are: {', '.join(Group.objects.order_by('name').values_list('name', flat=True))}."
        )
    return found
