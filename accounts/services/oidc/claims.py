"""What verified claims say about a person, in our words: a name, organizations, roles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accounts.models import Organization
from accounts.services.oidc.errors import Refused
from accounts.services.oidc.options import Options
from accounts.services.oidc.tokens import Claims


@dataclass(frozen=True)
class Person:
    """`roles` None: the claims do not tell, so nothing about roles follows from them."""

    subject: str
    username: str
    email: str
    organizations: tuple[Organization, ...]
    roles: frozenset[str] | None
    issued_at: datetime


def person(options: Options, claims: Claims, *, roles_must_be_told: bool) -> Person:
    """`roles_must_be_told`: a missing roles claim means no roles (a sign-in), instead of nothing (an access token). Raises Refused."""
    told = _find(claims, options.roles_claim)
    silent = not options.roles or (told is None and not roles_must_be_told)
    return Person(
        subject=claims["sub"],
        username=str(_find(claims, options.username_claim) or ""),
        # An address that the provider did not verify may be anybody's.
        email=str(claims.get("email", "")) if claims.get("email_verified") is True else "",
        organizations=_organizations(options, claims),
        roles=None if silent else frozenset(role for value, role in options.roles if value in set(_words(told))),
        issued_at=datetime.fromtimestamp(int(claims["iat"]), UTC),
    )


def _organizations(options: Options, claims: Claims) -> tuple[Organization, ...]:
    """Those that the claim names, else the fixed one. Empty only where the settings name neither: then memberships are kept by hand."""
    if not options.organization_claim and not options.organization:
        return ()
    keys = list(_words(_find(claims, options.organization_claim))) or [options.organization]
    rows = {row.key: row for row in Organization.objects.filter(key__in=keys)}
    found = tuple(dict.fromkeys(rows[key] for key in keys if key in rows))
    if not found:
        raise Refused(f"{options.name} names no organization that there is here.")
    return found


def _find(claims: Claims, name: str) -> Any:
    """The claim of that name, or the one that its dots lead to (realm_access.roles). None if there is none."""
    if not name or name in claims:
        return claims.get(name)
    value: Any = claims
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _words(value: Any) -> Iterable[str]:
    """A claim's values: one text, or a list of them."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and each]
