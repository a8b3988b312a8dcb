"""The authentication backend: mozilla-django-oidc's exchange of the code, with the checks that it leaves out."""

from typing import Any

import requests
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from accounts.models import User
from accounts.oidc import library
from accounts.services.oidc.errors import ProviderDown, Refused
from accounts.services.oidc.people import sign_in
from accounts.services.oidc.provider import current
from accounts.services.oidc.tokens import Claims, id_token_claims


class ProviderBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # published without types
    """Raises Refused and ProviderDown, which the callback's view explains; None only for sign-ins of another kind."""

    get_settings = staticmethod(library.setting)

    def __init__(self) -> None:
        """The library's own asks for endpoints here, and Django makes backends for every request."""
        self.UserModel = User

    def __getattr__(self, name: str) -> Any:
        """What the library's own __init__ would have set."""
        if name.startswith(("OIDC_OP_", "OIDC_RP_")):
            return library.setting(name)
        raise AttributeError(name)

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> User | None:
        """Only for the callback, which passes the nonce of its request: with none, anybody's code would do."""
        if not kwargs.get("nonce") or current() is None:
            return None
        try:
            user: User | None = super().authenticate(request, **kwargs)
        except requests.HTTPError as error:
            raise _not_accepted(error) from None
        except requests.RequestException:
            raise ProviderDown(f"{library.options().name} does not answer. Try again later.") from None
        return user

    def verify_token(self, token: object, **kwargs: Any) -> Claims:
        return id_token_claims(library.provider(), token, kwargs.get("nonce") or "")

    def get_userinfo(self, access_token: str, id_token: str, payload: Claims) -> Claims:
        """Both answers in one, the signed one first. Core 5.3.2: userinfo about somebody else must not be used."""
        if not self.OIDC_OP_USER_ENDPOINT:
            return payload
        found = super().get_userinfo(access_token, id_token, payload)
        if not isinstance(found, dict) or found.get("sub") != payload["sub"]:
            raise Refused(f"{library.options().name} told about somebody else than who signed in.")
        return {**found, **payload}

    def get_or_create_user(self, access_token: str, id_token: str, payload: Claims) -> User:
        return sign_in(library.options(), self.get_userinfo(access_token, id_token, payload))

    def store_tokens(self, access_token: str, id_token: str) -> None:
        """For the callback's view, which keeps it when the sign-in has succeeded: signing in may begin a new session."""
        self.request.id_token = id_token


def _not_accepted(error: requests.HTTPError) -> Exception:
    name = library.options().name
    if error.response is not None and error.response.status_code < 500:
        return Refused(f"{name} did not accept this sign-in. Try again; if it happens again, Strongroom's settings are not right.")
    return ProviderDown(f"{name} does not answer. Try again later.")
