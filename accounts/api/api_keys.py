"""`x-api-key`: beside a bearer token it narrows what the token may do; on Strongroom's own `/api/v1` it may stand alone.

Only the header counts. A key in a body, a cookie or a query is nothing: those are sent by browsers on their own, or end up in logs. But
one view has its key in the query, by its document; `key_in_query` says so, and there too it can only narrow what a token may do.
"""

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from accounts.api.credentials import Taken
from accounts.models import ApiKey, User
from accounts.services import keys
from accounts.services.access import Access

HEADER = "x-api-key"


class ForbiddenApiKey(APIException):
    """403 for an `x-api-key` that is not valid beside the token (semantics: if sent it must be valid)."""

    status_code = 403
    default_detail = "Forbidden"
    default_code = "forbidden"


def narrow(request: Request, access: Access) -> Access:
    """`access`, a token's, within the scopes of the key that came with it. Raises ForbiddenApiKey.

    Without a key it is unchanged, unless settings.API_KEY_REQUIRED.
    """
    sent = _sent(request)
    if not sent and not settings.API_KEY_REQUIRED:
        return access
    key = keys.find(sent.pop()) if len(sent) == 1 else None
    if key is None or not keys.speaks_for(key, access.organization):
        raise ForbiddenApiKey
    _note(request, key)
    return Access(access.user, access.organization, access.permissions.intersection(key.scopes))


def _sent(request: Request) -> set[str]:
    """The keys that came with it: two that differ are none that is valid."""
    view = (request.parser_context or {}).get("view")
    query = request.query_params.get(HEADER) if getattr(view, "key_in_query", False) else None
    return {key for key in (request.headers.get(HEADER), query) if key is not None}


def check(request: Request) -> None:
    """For a request that carries no token: its key, if it has one, must be valid. Raises ForbiddenApiKey."""
    sent = request.headers.get(HEADER)
    if sent is None and not settings.API_KEY_REQUIRED:
        return
    key = keys.find(sent or "")
    if key is None or keys.access_by(key) is None:
        raise ForbiddenApiKey
    _note(request, key)


class ApiKeyAuthentication(BaseAuthentication):
    """`x-api-key: KEY` alone; `request.auth` becomes the Access of the key's user, within the key's scopes."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        sent = request.headers.get(HEADER)
        if sent is None:
            return None
        key = keys.find(sent)
        access = keys.access_by(key) if key else None
        if key is None or access is None:
            raise AuthenticationFailed("The API key is unknown, expired or revoked.")
        _note(request, key)
        return access.user, access

    def authenticate_header(self, request: Request) -> str:
        return 'ApiKey realm="strongroom"'


def _note(request: Request, key: ApiKey) -> None:
    if request.query_params.get("bgUpdate") != "true":  # a page's own refresh is not a use by its user
        keys.note_use(key)


class ApiKeyScheme(Taken):
    target_class = "accounts.api.api_keys.ApiKeyAuthentication"
    alternatives = ({"apiKey": []},)
