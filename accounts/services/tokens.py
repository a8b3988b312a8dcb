"""Bearer tokens: issued by hand, ended by sign-out, and swept when they are of no use any more."""

from copy import copy
from datetime import timedelta

from django.db import transaction
from oauth2_provider.models import clear_expired

from accounts.models import AccessToken, Organization, RefreshToken, User
from accounts.services.audit import record


@transaction.atomic
def issue(user: User, organization: Organization, *, lifetime: timedelta, name: str = "") -> tuple[AccessToken, str]:
    """A token without an application. The second value is the token itself: it is not kept and cannot be shown again."""
    token, secret = AccessToken.issue(user, organization, lifetime=lifetime, name=name)
    record("access-token.issue", token, organization=organization, user=None, after=described(token))
    return token, secret


@transaction.atomic
def revoke(token: AccessToken, *, by: User | None) -> None:
    """End it, and the refresh token that came with it."""
    _end([token], by)


@transaction.atomic
def revoke_all(user: User, *, but: AccessToken | None = None) -> None:
    """End all tokens of the user in all organizations; `but` that one, and what came with it."""
    found = AccessToken.objects.filter(user=user)
    if but is not None:
        found = found.exclude(pk=but.pk)
    refreshing = RefreshToken.objects.filter(user=user, revoked=None, access_token=None)  # whose access token has been swept
    for refresh in refreshing:
        refresh.revoke()
    _end(list(found.select_related("organization", "application", "user").order_by("organization_id", "pk")), user)


def _end(ended: list[AccessToken], by: User | None) -> None:
    """All rows first, then the trail, which is the last that a transaction locks."""
    for token in ended:
        copy(token).end()  # deleting takes a row's id from it, which the trail wants
    for token in ended:
        record("access-token.revoke", token, organization=token.organization, user=by, before=described(token))


def described(token: AccessToken) -> dict[str, str]:
    """What the audit trail keeps of it."""
    return {"user": str(token.user), "name": token.name, "application": str(token.application or ""), "expires": token.expires.isoformat()}


def forget_expired() -> None:
    """Delete tokens and codes that can be used for nothing, not even to notice that one is used twice."""
    clear_expired()
