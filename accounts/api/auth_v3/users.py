"""Who the token speaks for: GET /userinfo, /openid/userinfo, /jwt-userinfo, /ping, and the keys that verify the JWT."""

import time
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from oauth2_provider.settings import oauth2_settings
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.auth_v3.dialect import FaceView, django_request, envelope
from accounts.api.auth_v3.schema import operation
from accounts.api.auth_v3.serializers import ApiResponse, CloudUserDetails, JsonWebKeySet, OpenIdUserInfo
from accounts.api.authentication import token_of
from accounts.api.credentials import TOKENLESS
from accounts.api.permissions import access_of
from accounts.oauth import signing
from accounts.services.access import Access
from accounts.services.people import roles_of

JWT_SECONDS = 300
_JWT = OpenApiParameter("X-GWS-User", str, OpenApiParameter.HEADER, response=[200], description="The user as a JWT (ES256).")


class UserInfo(FaceView):
    @operation("userinfo", {200: CloudUserDetails})
    def get(self, request: Request) -> Response:
        """Get information about the token's user."""
        return Response(_details(access_of(request)))


class OpenIdInfo(FaceView):
    @operation("openid_userinfo", {200: OpenIdUserInfo})
    def get(self, request: Request) -> Response:
        """Get information about the token's user, in the words of OpenID."""
        access = access_of(request)
        user, organization = access.user, access.organization
        return Response(
            {
                "aud": _audience(request),
                "authorities": _authorities(access),
                "contact_center_id": str(organization.pk),
                "dbid": user.pk,
                "email": user.email,
                "environment_id": organization.key,
                "family_name": user.last_name,
                "given_name": user.first_name,
                "properties": {},
                "sub": str(user.pk),
                "user_name": user.get_username(),
            }
        )


class JwtInfo(FaceView):
    @operation("jwt_userinfo", {200: ApiResponse}, parameters=(_JWT,))
    def get(self, request: Request) -> Response:
        """Get information about the token's user as a JWT, in the header X-GWS-User. /.well-known/jwks.json verifies it."""
        now = int(time.time())
        claims = {
            **_details(access_of(request)),
            "iss": oauth2_settings.oauth2_authorization_server_issuer(django_request(request)),
            "sub": str(access_of(request).user.pk),
            "aud": _audience(request),
            "iat": now,
            "exp": now + JWT_SECONDS,
        }
        response = envelope(request)
        response["X-GWS-User"] = signing.sign(claims)
        return response


class Keys(FaceView):
    authentication_classes = []
    permission_classes = [AllowAny]
    needs_key = False

    @operation("keys", {200: JsonWebKeySet}, tokenless=True, security=TOKENLESS)
    def get(self, request: Request) -> Response:
        """The public keys that verify what this server signs (RFC 7517)."""
        return Response(signing.public_keys())


class Ping(FaceView):
    @operation("ping", {200: ApiResponse})
    def get(self, request: Request) -> Response:
        """200 if the user is authenticated, otherwise 403."""
        return envelope(request)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NotAuthenticated | AuthenticationFailed):
            exc = PermissionDenied(exc.detail)
        return super().handle_exception(exc)


def _details(access: Access) -> dict[str, Any]:
    user = access.user
    return {
        "authorities": _authorities(access),
        "cmeUserName": user.get_username(),
        "contactCenterId": str(access.organization.pk),
        "dbid": user.pk,
        "environmentId": access.organization.key,
        "loginName": user.get_username(),
        "properties": {"email": user.email, "firstName": user.first_name, "lastName": user.last_name},
        "username": user.get_username(),
    }


def _authorities(access: Access) -> list[dict[str, Any]]:
    """The roles, each with as much of what it allows as the credential does."""
    return [
        {"name": role, "privileges": [name for name in privileges if access.may(name)]} for role, privileges in roles_of(access).items()
    ]


def _audience(request: Request) -> str:
    token = token_of(request)
    return token.application.client_id if token and token.application else ""
