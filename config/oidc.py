"""The settings STRONGROOM_OIDC_*: read at boot into one Options, or None where nobody signs in with a provider. docs/oidc.md."""

import os
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from accounts.roles import ROLES
from accounts.services.oidc.options import Endpoints, Options, is_safe_address
from config.env import PREFIX, Environment

_ENDPOINTS = {
    "authorization": "OIDC_AUTHORIZATION_ENDPOINT",
    "token": "OIDC_TOKEN_ENDPOINT",
    "jwks": "OIDC_JWKS_URI",
    "userinfo": "OIDC_USERINFO_ENDPOINT",
    "end_session": "OIDC_END_SESSION_ENDPOINT",
}


def read(env: Environment) -> Options | None:
    """Raises ImproperlyConfigured with a sentence. Without an issuer nothing else may be set: it would be ignored."""
    issuer = env.text("OIDC_ISSUER", "")
    if not issuer:
        _refuse_leftovers()
        return None
    options = Options(
        issuer=_address("OIDC_ISSUER", issuer),
        client_id=env.text("OIDC_CLIENT_ID"),
        client_secret=env.text("OIDC_CLIENT_SECRET"),
        name=env.text("OIDC_NAME", urlsplit(issuer).hostname or issuer),
        scopes=tuple(env.words("OIDC_SCOPES", ["openid", "profile", "email"])),
        algorithm=env.choice("OIDC_ALGORITHM", "RS256", ("RS256", "ES256")),
        client_authentication=env.choice("OIDC_CLIENT_AUTHENTICATION", "post", ("post", "basic")),
        endpoints=_endpoints(env),
        username_claim=env.text("OIDC_USERNAME_CLAIM", "preferred_username"),
        organization_claim=env.text("OIDC_ORGANIZATION_CLAIM", ""),
        organization=env.text("OIDC_ORGANIZATION", ""),
        roles_claim=env.text("OIDC_ROLES_CLAIM", ""),
        roles=tuple(_role(pair) for pair in env.words("OIDC_ROLES", [])),
        create_users=env.boolean("OIDC_CREATE_USERS", default=False),
        refresh_seconds=env.whole("OIDC_REFRESH_SECONDS", 0, low=0, high=86_400),
        api_tokens=env.boolean("OIDC_API_TOKENS", default=False),
        api_audience=env.text("OIDC_API_AUDIENCE", ""),
    )
    _check(options)
    return options


def _refuse_leftovers() -> None:
    left = sorted(name for name, value in os.environ.items() if name.startswith(f"{PREFIX}OIDC_") and value)
    if left:
        raise ImproperlyConfigured(f"{left[0]} is set, but {PREFIX}OIDC_ISSUER is not, so nobody can sign in with a provider.")


def _address(name: str, url: str) -> str:
    if not is_safe_address(url):
        raise ImproperlyConfigured(f"{PREFIX}{name} is {url!r}; it must be an https:// address (http:// only on this machine).")
    return url


def _endpoints(env: Environment) -> Endpoints | None:
    given = {key: _address(name, url) for key, name in _ENDPOINTS.items() if (url := env.text(name, ""))}
    if not given:
        return None
    for key in ("authorization", "token", "jwks"):
        if key not in given:
            names = ", ".join(f"{PREFIX}{_ENDPOINTS[each]}" for each in ("authorization", "token", "jwks"))
            raise ImproperlyConfigured(f"{PREFIX}{_ENDPOINTS[key]} must be set too: either {names}, or none and they are discovered.")
    return Endpoints(
        authorization=given["authorization"],
        token=given["token"],
        jwks=given["jwks"],
        userinfo=given.get("userinfo", ""),
        end_session=given.get("end_session", ""),
    )


def _role(pair: str) -> tuple[str, str]:
    """`claim's value=role`; the value may hold an equals sign itself."""
    value, _, name = pair.rpartition("=")
    role = next((role for role in ROLES if role.casefold() == name.strip().casefold()), None)
    if not value.strip() or role is None:
        raise ImproperlyConfigured(
            f"{PREFIX}OIDC_ROLES cannot be read at {pair!r}; it looks like strongroom-admins=Administrator,auditors=Auditor, "
            f"and the roles are {', '.join(ROLES)}."
        )
    return value.strip(), role


def _check(options: Options) -> None:
    """Settings that need one another."""
    if "openid" not in options.scopes:
        raise ImproperlyConfigured(f"{PREFIX}OIDC_SCOPES must hold openid: without it the provider names nobody.")
    if bool(options.roles) != bool(options.roles_claim):
        raise ImproperlyConfigured(f"{PREFIX}OIDC_ROLES_CLAIM and {PREFIX}OIDC_ROLES need one another: set both or none.")
    if (options.create_users or options.roles) and not (options.organization or options.organization_claim):
        raise ImproperlyConfigured(
            f"{PREFIX}OIDC_ORGANIZATION or {PREFIX}OIDC_ORGANIZATION_CLAIM must be set: users are made, and roles given, in an organization."
        )
    if options.api_tokens != bool(options.api_audience):
        raise ImproperlyConfigured(f"{PREFIX}OIDC_API_TOKENS and {PREFIX}OIDC_API_AUDIENCE need one another: set both or none.")
    if options.api_audience == options.client_id:
        raise ImproperlyConfigured(
            f"{PREFIX}OIDC_API_AUDIENCE must differ from {PREFIX}OIDC_CLIENT_ID: an ID token would pass for an access token."
        )
