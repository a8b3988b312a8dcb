"""What a user does with their own sign-in: GET and POST /sign-out, POST /change-password."""

from typing import Any

from django.contrib.auth import authenticate, get_user, logout
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.auth_v3.dialect import FaceView, django_request, envelope, failure
from accounts.api.auth_v3.schema import PASSWORD_REFUSED, operation
from accounts.api.auth_v3.serializers import ApiResponse, BrowserSignOutQuery, ChangePasswordRequest, SignOutQuery
from accounts.api.authentication import token_of
from accounts.models import AccessToken, User
from accounts.oauth.people import split_name
from accounts.services import passwords, tokens
from accounts.services.access import Access

_LOCATION = OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[302], description="`redirectUri`.")


class SignOut(FaceView):
    @operation("sign_out_browser", {200: ApiResponse, 302: None}, query=BrowserSignOutQuery, parameters=(_LOCATION,), failures=(400,))
    def get(self, request: Request) -> Response | HttpResponse:
        """End this token, or all tokens of its user, and redirect if asked to."""
        query = _read(BrowserSignOutQuery, request.query_params.dict())
        token = _token(request)
        target = query.get("redirectUri")
        if target is not None and not _is_registered(token, target):
            return failure(400, "redirectUri is none of the sign-out URIs of the application that the token was issued to.")
        _sign_out(request, token, everywhere=query["global"])
        return HttpResponse(status=302, headers={"Location": target}) if target is not None else envelope(request)

    @operation("sign_out", {200: ApiResponse}, query=SignOutQuery, failures=(400,))
    def post(self, request: Request) -> Response:
        """End this token, or all tokens of its user."""
        query = _read(SignOutQuery, request.query_params.dict())
        _sign_out(request, _token(request), everywhere=query["global"])
        return envelope(request)


class ChangePassword(FaceView):
    permission_classes = [AllowAny]

    @operation("change_password", {200: ApiResponse, 403: PASSWORD_REFUSED}, body=ChangePasswordRequest, failures=(400,))
    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Response:
        """Change the password of the token's user, or of the user that is named. Their other tokens and sessions end."""
        sent = _read(ChangePasswordRequest, request.data)
        wanted, operation_id = sent["data"], sent.get("operationId")
        data = {"operationId": operation_id} if operation_id else {}
        user = _proved(request, wanted)
        if user is None:
            return _refused(request, data, ["The old password is not right."])
        access = request.auth if isinstance(request.auth, Access) else None
        organization = access.organization if access else user.default_organization()
        try:
            passwords.change(user, wanted["newPassword"], organization=organization, keep=token_of(request))
        except passwords.WeakPassword as error:
            return _refused(request, data, error.sentences)
        return envelope(request, data=data)


def _read(shape: type[Any], sent: Any) -> dict[str, Any]:
    """Raises ValidationError, which names what is wrong."""
    serializer = shape(data=sent)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _token(request: Request) -> AccessToken:
    token = token_of(request)
    if token is None:  # it ended since it was authenticated
        raise NotAuthenticated
    return token


def _is_registered(token: AccessToken, target: str) -> bool:
    """Character by character: anything cleverer can be tricked."""
    return token.application is not None and target in token.application.post_logout_redirect_uris.split()


def _sign_out(request: Request, token: AccessToken, *, everywhere: bool) -> None:
    if everywhere:
        tokens.revoke_all(token.user)
    else:
        tokens.revoke(token, by=token.user)
    browser = django_request(request)
    if get_user(browser) == token.user:  # the session's: browser.user is the token's
        logout(browser)


def _proved(request: Request, wanted: dict[str, str]) -> User | None:
    """The user whose password is to change, if the old one is right: the token's, who may be named, or without a token the named one."""
    own = request.user.get_username() if isinstance(request.user, User) else ""
    name = split_name(wanted.get("userName", own))[1]
    if not name or own not in {"", name}:
        return None
    user = authenticate(django_request(request), username=name, password=wanted["oldPassword"])
    return user if isinstance(user, User) else None


def _refused(request: Request, data: dict[str, str], sentences: list[str]) -> Response:
    return envelope(request, data=data, code=403, message="Unable to update password", errors=sentences, status=403)
