"""API keys: made by a member for themselves, for permissions that they name; revoked by them or by an Administrator."""

import re
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import ApiKey, Organization
from accounts.roles import ADMINISTER, PERMISSIONS
from accounts.secrets import NO_DIGEST, matches, new_credential
from accounts.services.access import Access, access_to
from accounts.services.audit import record, values_of

USES_NOTED_EVERY = timedelta(minutes=1)
_HIGHEST_NAME = 100
AUDITED = ("user", "name", "scopes", "expires_at")


class Refused(Exception):
    """A key that cannot be made: `field` is the input that is wrong, the text a sentence that names what would be right."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class NoSuchKey(Exception):
    """There is no key of that id that the asking user may see."""


@transaction.atomic
def issue(access: Access, *, name: str, scopes: Collection[str], days: int | None = None) -> tuple[ApiKey, str]:
    """A key of `access.user` for `access.organization`. The second value is the key itself: it is not kept and cannot be shown again.

    `scopes`: permissions that the user holds, at least one. `days` until it expires: 1 … settings.API_KEY_MAX_DAYS; None takes
    settings.API_KEY_DAYS. Raises Refused.
    """
    name = name.strip()
    _check_name(access, name)
    _check_scopes(access, scopes)
    days = settings.API_KEY_DAYS if days is None else days
    if not 1 <= days <= settings.API_KEY_MAX_DAYS:
        raise Refused("days", f"A key lives 1 to {settings.API_KEY_MAX_DAYS} days, not {days}.")
    credential, prefix, digest = new_credential()
    key = ApiKey.objects.create(
        organization=access.organization,
        user=access.user,
        name=name,
        prefix=prefix,
        digest=digest,
        scopes=[permission for permission in PERMISSIONS if permission in scopes],
        expires_at=timezone.now() + timedelta(days=days),
    )
    record("api-key.issue", key, organization=key.organization, user=access.user, after=values_of(key, AUDITED))
    return key, credential


def _check_name(access: Access, name: str) -> None:
    if not 1 <= len(name) <= _HIGHEST_NAME:
        raise Refused("name", f"A key needs a name of 1 to {_HIGHEST_NAME} characters, for example the program that will use it.")
    if usable(own(access)).filter(name=name).exists():
        raise Refused("name", f"You have a key named {name}. Take another name, or revoke that key first.")


def _check_scopes(access: Access, scopes: Collection[str]) -> None:
    if not scopes:
        raise Refused("scopes", "A key must name at least one permission.")
    unknown = sorted(set(scopes) - access.permissions)
    if unknown:
        held = [permission for permission in PERMISSIONS if access.may(permission)]
        raise Refused("scopes", f"You do not hold {', '.join(unknown)[:200]}. You hold: {', '.join(held) or 'none'}.")


@transaction.atomic
def revoke(access: Access, key_id: int) -> ApiKey:
    """From now on the key is refused. Revoking twice changes nothing. Raises NoSuchKey."""
    key = visible(access).select_for_update(of=("self",)).filter(pk=key_id).first()
    if key is None:
        raise NoSuchKey(f"There is no key {key_id} that you may revoke.")
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        record(
            "api-key.revoke",
            key,
            organization=key.organization,
            user=access.user,
            before={"revoked_at": None},
            after=values_of(key, ["revoked_at"]),
        )
    return key


def own(access: Access) -> QuerySet[ApiKey]:
    """The user's own keys for the organization, the newest first."""
    return ApiKey.objects.filter(organization=access.organization, user=access.user).select_related("user").order_by("-pk")


def visible(access: Access) -> QuerySet[ApiKey]:
    """The user's own keys; for an Administrator, those of the whole organization."""
    if not access.may(ADMINISTER):
        return own(access)
    return ApiKey.objects.filter(organization=access.organization).select_related("user").order_by("-pk")


def usable(keys: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
    """Those that are neither revoked nor expired."""
    return keys.filter(revoked_at=None, expires_at__gt=timezone.now())


# --- What a request sent -------------------------------------------------------------------------------------------
def find(sent: str) -> ApiKey | None:
    """The valid key, or None. Whatever was sent, one query and one comparison of the same length tell that it is not valid."""
    prefix = sent.partition(".")[0] if re.fullmatch(r"[!-~]{1,100}", sent) else ""
    key = ApiKey.objects.select_related("user", "organization").filter(prefix=prefix).first()
    genuine = matches(sent, key.digest if key else NO_DIGEST)
    return key if key and genuine and key.is_good(timezone.now()) else None


def access_by(key: ApiKey) -> Access | None:
    """What a request may do that carries nothing but the key: as its user, within its scopes. None if they left."""
    return access_to(key.user, key.organization, key.scopes)


def speaks_for(key: ApiKey, organization: Organization) -> bool:
    """Whether it is a key of the organization, whose user is still an active member."""
    return key.organization_id == organization.pk and access_by(key) is not None


def note_use(key: ApiKey) -> None:
    """Remember that it was used. Written once a minute at most: a busy program must not write a row for each request."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= USES_NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
