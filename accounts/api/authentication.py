"""Who asks: the bearer token of a request, and the organization that the token speaks for."""

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from accounts.models import AccessToken, ApiKey, User


class ForbiddenApiKey(APIException):
    """403 for an `x-api-key` that is not valid (semantics: if sent it must be valid)."""

    status_code = 403
    default_detail = "Forbidden"
    default_code = "forbidden"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`; `request.auth` becomes the AccessToken, whose organization the request acts for."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        token = AccessToken.find(words[1].decode("latin-1")) if len(words) == 2 else None
        if token is None:
            raise AuthenticationFailed("The bearer token is unknown, expired or revoked.")
        self._check_api_key(request, token)
        if request.query_params.get("bgUpdate") != "true":  # a page's own refresh is not a use of the token by its user
            AccessToken.objects.filter(pk=token.pk).update(last_used_at=timezone.now())
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="strongroom"'

    @staticmethod
    def _check_api_key(request: Request, token: AccessToken) -> None:
        sent = request.headers.get("x-api-key")
        if sent is None:
            return
        key = ApiKey.find(sent)
        if key is None or key.organization_id != token.organization_id:
            raise ForbiddenApiKey
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
