"""Who asks: the bearer token of a request, and the organization that the token speaks for."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.api import api_keys
from accounts.api.credentials import Taken
from accounts.models import AccessToken, User
from accounts.services.access import Access, access_to


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`; `request.auth` becomes the Access that the token gives."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        if not _is_bearer(get_authorization_header(request)):
            return None
        token = token_of(request)
        access = access_to(token.user, token.organization) if token else None
        if token is None or access is None:
            raise AuthenticationFailed("The bearer token is unknown, expired or revoked.")
        access = api_keys.narrow(request, access)
        if request.query_params.get("bgUpdate") != "true":  # a page's own refresh is not a use of the token by its user
            token.mark_used()
        return token.user, access

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="strongroom"'


def token_of(request: Request) -> AccessToken | None:
    """The row of the request's bearer token, or None if it has none or one that is unknown or expired."""
    words = get_authorization_header(request).split()
    return AccessToken.find(words[1].decode("latin-1")) if len(words) == 2 and _is_bearer(words[0]) else None


def _is_bearer(authorization: bytes) -> bool:
    return authorization.lower().split()[:1] == [b"bearer"]


class BearerScheme(Taken):
    target_class = "accounts.api.authentication.BearerAuthentication"
    alternatives = ({"bearer": []}, {"bearer": [], "apiKey": []})
