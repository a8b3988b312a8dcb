"""The provider itself: where its endpoints are, and the keys that it signs with. Both are asked for at first use and kept for a while."""

import threading
import time
from functools import cached_property, lru_cache
from typing import Any

import requests
from django.conf import settings
from jwt import PyJWKClient

from accounts.services.oidc.errors import ProviderDown
from accounts.services.oidc.options import Endpoints, Options, is_safe_address

TIMEOUT = 10
"""Seconds to wait for an answer of the provider."""
_KEPT = 3600
"""Seconds for which discovered endpoints are kept. Keys are kept for five minutes, and looked for again when one is unknown."""
_REQUIRED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")


class Provider:
    """One provider as this process knows it. Safe for threads."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._found: tuple[float, Endpoints] | None = None
        self._lock = threading.Lock()

    @property
    def endpoints(self) -> Endpoints:
        """Raises ProviderDown."""
        if self.options.endpoints:
            return self.options.endpoints
        with self._lock:
            if self._found is None or time.monotonic() > self._found[0] + _KEPT:
                self._found = time.monotonic(), _discover(self.options)
            return self._found[1]

    @cached_property
    def keys(self) -> PyJWKClient:
        """Raises ProviderDown. The client waits half a minute before it asks again for a key that is unknown."""
        return PyJWKClient(self.endpoints.jwks, lifespan=300, timeout=TIMEOUT)


@lru_cache(maxsize=8)
def _provider(options: Options) -> Provider:
    return Provider(options)


def current() -> Provider | None:
    """The provider of the settings, or None."""
    options: Options | None = settings.OIDC
    return _provider(options) if options else None


def _discover(options: Options) -> Endpoints:
    """OpenID Connect Discovery 1.0, section 4. The document must be the issuer's own: its `issuer` is compared exactly."""
    metadata = _metadata(options)
    if metadata.get("issuer") != options.issuer:
        raise ProviderDown(f"{options.name} says that its issuer is {metadata.get('issuer')!r}, which is not the one that is configured.")
    found = {name: str(metadata.get(name) or "") for name in (*_REQUIRED, *_OPTIONAL)}
    for name, url in found.items():
        if (url or name in _REQUIRED) and not is_safe_address(url):
            raise ProviderDown(f"{options.name} publishes no safe address as its {name}.")
    return Endpoints(
        authorization=found["authorization_endpoint"],
        token=found["token_endpoint"],
        jwks=found["jwks_uri"],
        userinfo=found["userinfo_endpoint"],
        end_session=found["end_session_endpoint"],
        names_issuer_in_answers=metadata.get("authorization_response_iss_parameter_supported") is True,
    )


def _metadata(options: Options) -> dict[str, Any]:
    url = f"{options.issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = requests.get(url, timeout=TIMEOUT, allow_redirects=False)
        answer.raise_for_status()
        metadata = answer.json()
    except requests.RequestException:
        raise ProviderDown(f"{options.name} does not answer. Try again later.") from None
    if answer.status_code != 200 or not isinstance(metadata, dict):
        raise ProviderDown(f"{options.name} does not describe itself at its address.")
    return metadata
