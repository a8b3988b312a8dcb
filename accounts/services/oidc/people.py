"""From verified claims to a user of ours: found by (issuer, subject) and by nothing else, made if the settings allow it.

Never by name or mail address: whoever can choose those at the provider would choose somebody else's account.
"""

from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Identity, Membership, Organization, User
from accounts.services.access import Access, access_to
from accounts.services.audit import record, values_of
from accounts.services.oidc.claims import Person, person
from accounts.services.oidc.errors import Refused
from accounts.services.oidc.options import Options
from accounts.services.oidc.tokens import Claims


@transaction.atomic
def sign_in(options: Options, claims: Claims) -> User:
    """The user whom the claims of a sign-in name, with the memberships and roles that they give. Raises Refused."""
    someone = person(options, claims, roles_must_be_told=True)
    user = _settle(options, someone)
    home = next(iter(someone.organizations), None) or user.default_organization()
    record("user.sign-in", user, organization=home, user=user, after={"how": f"OpenID Connect at {options.issuer}"})
    return user


def access(options: Options, claims: Claims) -> Access:
    """What an access token with these claims gives. Raises Refused.

    Memberships and roles follow its claims only if it is newer than what was followed last: an old token gives nothing back.
    """
    someone = person(options, claims, roles_must_be_told=False)
    identity = Identity.objects.select_related("user").filter(issuer=options.issuer, subject=someone.subject).first()
    is_old = identity is not None and identity.claims_at is not None and identity.claims_at >= someone.issued_at
    user = identity.user if identity and is_old else _settle(options, someone)  # nothing to write, so nothing to lock
    organization = someone.organizations[0] if someone.organizations else user.default_organization()
    found = access_to(user, organization) if organization else None
    if found is None:
        raise Refused(f"{user} does not belong to {organization or 'any organization'}, or is not active.")
    return found


@transaction.atomic
def _settle(options: Options, someone: Person) -> User:
    """The user, found or made, with memberships and roles as the claims say; all that changed is recorded."""
    identity = _known(options, someone)
    is_new = identity is None
    identity = identity or _first_time(options, someone)
    user = identity.user
    if not user.is_active:
        raise Refused(f"The account {user} is not active.")
    before = _memberships(user)
    _follow(options, identity, someone)
    after = _memberships(user)
    # One order for everybody: a trail is held until the transaction ends.
    for organization in sorted({*before, *after}, key=lambda row: str(row.pk)):
        if is_new and organization == someone.organizations[0]:
            record("user.create", user, organization=organization, user=user, after=values_of(user, ("username", "email")))
        _record_change(user, before.get(organization), after.get(organization))
    return user


def _known(options: Options, someone: Person) -> Identity | None:
    """Locked, so that what follows happens once at a time for each person."""
    rows = Identity.objects.select_for_update(of=("self",)).select_related("user")
    return rows.filter(issuer=options.issuer, subject=someone.subject).first()


def _first_time(options: Options, someone: Person) -> Identity:
    if not options.create_users:
        raise Refused(
            f"{options.name} knows you, but no account here is linked with you. Ask an administrator to link one with "
            f"the subject {someone.subject}."
        )
    try:
        with transaction.atomic():
            user = _new_user(options, someone)
            return Identity.objects.create(user=user, issuer=options.issuer, subject=someone.subject)
    except IntegrityError:
        raise Refused(f"An account for {someone.username} was made at this very moment. Sign in once more.") from None


def _new_user(options: Options, someone: Person) -> User:
    user = User(username=User.normalize_username(someone.username), email=User.objects.normalize_email(someone.email))
    if User.objects.filter(username__iexact=user.username).exists():
        raise Refused(
            f"There is an account {user.username} already, which is not linked with you. Ask an administrator to link it with "
            f"the subject {someone.subject}, if it is yours."
        )
    user.set_unusable_password()
    try:
        user.full_clean(exclude=["password"])
    except ValidationError:
        raise Refused(f"{options.name} gives a name that no account here can have: its claim {options.username_claim}.") from None
    user.save()
    return user


def _follow(options: Options, identity: Identity, someone: Person) -> None:
    """Make memberships and covered roles what the claims say. Organizations that the claims never gave are left alone."""
    for organization in identity.organizations.exclude(pk__in=[row.pk for row in someone.organizations]):
        _leave(options, identity.user, organization)
    for organization in someone.organizations:
        membership, _ = Membership.objects.get_or_create(user=identity.user, organization=organization)
        if someone.roles is not None:
            _set_roles(membership, options.covered_roles, someone.roles)
    identity.organizations.set(someone.organizations)
    identity.claims_at = someone.issued_at
    identity.save(update_fields=["claims_at"])


def _leave(options: Options, user: User, organization: Organization) -> None:
    """Take the covered roles; the membership too, if no role that was given here remains."""
    membership = Membership.objects.filter(user=user, organization=organization).first()
    if membership is None:
        return
    _set_roles(membership, options.covered_roles, frozenset())
    if not membership.roles.exists():
        membership.delete()


def _set_roles(membership: Membership, covered: frozenset[str], wanted: frozenset[str]) -> None:
    """Of the covered roles, those that are wanted; all other roles stay as they are."""
    found = list(Group.objects.filter(name__in=wanted))
    missing = sorted(wanted - {role.name for role in found})
    if missing:
        raise Refused(f"The settings of the sign-in give the role {missing[0]}, which there is not any more.")
    membership.roles.remove(*membership.roles.filter(name__in=covered - wanted))
    membership.roles.add(*found)


Told = tuple[Membership, dict[str, Any]]
"""A membership, and what the audit trail tells about it."""


def _memberships(user: User) -> dict[Organization, Told]:
    rows = Membership.objects.filter(user=user).select_related("organization", "user").prefetch_related("roles")
    return {row.organization: (row, values_of(row, ("user", "roles"))) for row in rows}


def _record_change(user: User, before: Told | None, after: Told | None) -> None:
    kept = after or before
    old, new = before and before[1], after and after[1]
    if kept and old != new:
        action = "membership.create" if old is None else "membership.update" if new else "membership.delete"
        record(action, kept[0], organization=kept[0].organization, user=user, before=old, after=new)
