"""POST /oauth/token"""

import json
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from oauth2_provider.views.mixins import OAuthLibMixin
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.auth_v3.dialect import FaceView, django_request
from accounts.api.auth_v3.schema import CLIENT, operation
from accounts.api.auth_v3.serializers import DefaultOAuth2AccessToken, OAuthFailure, TokenRequest
from accounts.models import Grant
from accounts.oauth.people import split_name

_BAD_CREDENTIALS = "Bad credentials"
_SENTENCES = {
    "authorization_code": "The authorization code is unknown, expired or used, or redirect_uri or code_verifier does not belong to it.",
    "refresh_token": "The refresh token is unknown, expired, used or revoked.",
}


@method_decorator(sensitive_post_parameters("password", "client_secret", "code", "refresh_token", "code_verifier"), name="dispatch")
class Token(OAuthLibMixin, FaceView):
    authentication_classes = []
    permission_classes = [AllowAny]
    parser_classes = [FormParser]

    @operation(
        "token",
        {200: DefaultOAuth2AccessToken, 400: OAuthFailure, 401: OAuthFailure},
        body=TokenRequest,
        media_type="application/x-www-form-urlencoded",
        tokenless=True,
        security=CLIENT,
        failures=(503,),
    )
    def post(self, request: Request) -> Response:
        """Get a token. Clients prove themselves by HTTP Basic; public ones name themselves by `client_id`."""
        plain = django_request(request)
        try:
            _, headers, body, status = self.create_token_response(plain)
        except Grant.DoesNotExist:  # of two that bring the same code at once, the other was quicker
            headers, body, status = {}, json.dumps({"error": "invalid_grant"}), 400
        _pass_on_lock(plain)
        answer, status = _as_documented(json.loads(body), status, plain.POST.get("grant_type", ""))
        headers = {**headers, "Cache-Control": "no-store", "Pragma": "no-cache"}
        headers.pop("Content-Type", None)
        return Response(answer, status=status, headers=headers)


def _pass_on_lock(request: HttpRequest) -> None:
    """The toolkit checks passwords with a request of its own; django-axes' middleware, which answers 429, looks at this one."""
    if request.POST.get("grant_type") == "password":
        _, name = split_name(request.POST.get("username", ""))
        request.axes_locked_out = AxesProxyHandler.is_locked(request, {"username": name})  # type: ignore[attr-defined]  # django-axes reads it


def _as_documented(answer: dict[str, Any], status: int, grant_type: str) -> tuple[dict[str, Any], int]:
    """oauthlib's answer in the words of the document."""
    if status == 200:
        return {**answer, "token_type": "bearer"}, status
    if answer["error"] == "invalid_client":
        return {"error": "Unauthorized", "error_description": _BAD_CREDENTIALS}, 401
    if answer["error"] == "invalid_grant":
        answer["error_description"] = _SENTENCES.get(grant_type, _BAD_CREDENTIALS)
    return answer, status
