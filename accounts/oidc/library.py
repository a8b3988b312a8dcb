"""What mozilla-django-oidc asks Django's settings for, answered from ours and from what the provider publishes.

Answered at each use instead of at import: endpoints are discovered, and a server must start while its provider is down.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings

from accounts.services.oidc.options import Options
from accounts.services.oidc.provider import TIMEOUT, Provider, current

CALLBACK = "oidc-callback"
_NEVER = 10 * 365 * 86_400

_ANSWERS: dict[str, Callable[[Provider], Any]] = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": lambda provider: provider.endpoints.authorization,
    "OIDC_OP_TOKEN_ENDPOINT": lambda provider: provider.endpoints.token,
    "OIDC_OP_USER_ENDPOINT": lambda provider: provider.endpoints.userinfo,
    "OIDC_RP_CLIENT_ID": lambda provider: provider.options.client_id,
    "OIDC_RP_CLIENT_SECRET": lambda provider: provider.options.client_secret,
    "OIDC_RP_SCOPES": lambda provider: " ".join(provider.options.scopes),
    "OIDC_TOKEN_USE_BASIC_AUTH": lambda provider: provider.options.client_authentication == "basic",
    "OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS": lambda provider: provider.options.refresh_seconds or _NEVER,
}
_FIXED: dict[str, Any] = {
    "OIDC_AUTHENTICATION_CALLBACK_URL": CALLBACK,
    "OIDC_USE_NONCE": True,
    "OIDC_USE_PKCE": True,
    "OIDC_PKCE_CODE_CHALLENGE_METHOD": "S256",
    "OIDC_TIMEOUT": TIMEOUT,
}


def setting(name: str, *default: Any) -> Any:
    """The library's `get_settings`. Raises ProviderDown where an endpoint cannot be discovered."""
    if name in _FIXED:
        return _FIXED[name]
    if name in _ANSWERS:
        return _ANSWERS[name](provider())
    return getattr(settings, name, *default)


def provider() -> Provider:
    """The provider, where the caller has seen that there is one."""
    found = current()
    assert found is not None, "there is no provider in the settings"
    return found


def options() -> Options:
    return provider().options
