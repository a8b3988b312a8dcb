"""GET and POST /oauth/authorize: the sign-in form, the question for consent, and the way back to the client.

Both forms post to the address that they were shown at, so the client's request is read from the query each time and never from
a field. Nothing is sent to a redirect URI before oauthlib has found it, character by character, among the registered ones.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.oauth2.rfc6749.errors import InvalidClientIdError
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts.api.auth_v3.dialect import FaceView, django_request
from accounts.api.auth_v3.schema import operation
from accounts.api.auth_v3.serializers import AuthorizeQuery, SignInForm
from accounts.api.credentials import TOKENLESS
from accounts.models import Application, User
from accounts.oauth.people import access_by_session, access_by_tenant, split_name
from accounts.policy import let_form_lead_to
from accounts.services import sessions
from accounts.services.access import SESSION_KEY, Access
from accounts.services.audit import record

_SAID = {
    400: "A page: the request cannot be read, or names a redirect URI that is not the client's.",
    401: "A page: the client is unknown, or the name or password is not right.",
    403: "A page: the form was not this server's own.",
}
_LOCATION = OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[302], description="Where the browser goes on.")
FORM, PAGE = "application/x-www-form-urlencoded", "text/html"
_PAGES: dict[Any, Any] = {
    302: OpenApiResponse(description="To the client, with a code or with what is wrong; or to this address again."),
    **{(code, PAGE): OpenApiResponse(OpenApiTypes.STR, reason) for code, reason in _SAID.items()},
}
_COMMON: dict[str, Any] = {"tokenless": True, "security": TOKENLESS, "parameters": (_LOCATION,)}
_TRUE_FALSE = {"": False, "false": False, "true": True}


@dataclass(frozen=True)
class Asked:
    """What the client asks for, after oauthlib has found it in order."""

    application: Application
    credentials: dict[str, Any]
    hide_tenant: bool | None
    """None: it can be read as neither."""


class QueryOnly(OAuthLibCore):
    """The client's request is the query; what the user types into a form is none of its business."""

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        return []


@method_decorator(never_cache, name="dispatch")
@method_decorator(csrf_protect, name="dispatch")
@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class Authorize(OAuthLibMixin, FaceView):
    authentication_classes = [SessionAuthentication]  # of a browser, whatever else it is signed in to here
    permission_classes = [AllowAny]
    oauthlib_backend_class = QueryOnly  # type: ignore[assignment]  # None in the toolkit, to be set
    needs_key = False

    @operation("authorize", {**_PAGES, (200, PAGE): OpenApiTypes.STR}, query=AuthorizeQuery, **_COMMON)
    def get(self, request: Request) -> HttpResponse:
        """Show the sign-in form, then the question for consent, and redirect to the client with a code."""
        return self._answered(django_request(request))

    @operation("authorize_form", _PAGES, query=AuthorizeQuery, body=SignInForm, media_type=FORM, **_COMMON)
    def post(self, request: Request) -> HttpResponse:
        """What the two forms send."""
        return self._answered(django_request(request))

    def _answered(self, request: HttpRequest) -> HttpResponse:
        try:
            asked = self._asked(request)
            if asked.hide_tenant is None:
                return _problem(request, "hideTenant must be true or false.", status=400)
            return self._post(request, asked) if request.method == "POST" else self._get(request, asked)
        except OAuthToolkitError as error:
            return _refusal(request, error)
        except _BadClient:
            return _problem(request, "The client's own credentials are not right.", status=401)

    def _asked(self, request: HttpRequest) -> Asked:
        _, credentials = self.validate_authorization_request(request)
        application = Application.named(credentials["client_id"])
        if request.headers.get("Authorization", "").startswith("Basic ") and not _is_client(self.get_oauthlib_core(), request, application):
            raise _BadClient
        return Asked(application, credentials, _TRUE_FALSE.get(request.GET.get("hideTenant", "").lower()))

    def _get(self, request: HttpRequest, asked: Asked) -> HttpResponse:
        access = _access(request, asked)
        if access is None:
            return _sign_in_form(request, asked)
        if asked.application.skip_authorization:
            return self._redirected(request, asked, access, allow=True)
        return _page(request, "consent", asked, access=access)

    def _post(self, request: HttpRequest, asked: Asked) -> HttpResponse:
        step = request.POST.get("step")
        if step == "sign-in":
            return _signed_in(request, asked)
        if step == "switch":
            logout(request)
        access = _access(request, asked)
        if access is None or step not in {"allow", "deny"}:
            return _again(request)
        return self._redirected(request, asked, access, allow=step == "allow")

    def _redirected(self, request: HttpRequest, asked: Asked, access: Access, *, allow: bool) -> HttpResponse:
        credentials = {**asked.credentials, "access": access}
        uri, *_ = self.create_authorization_response(request, "*", credentials, allow)
        return _redirect(uri)


class _BadClient(Exception):
    """Credentials came with the request, and they are not the client's."""


def _is_client(core: OAuthLibCore, request: HttpRequest, application: Application) -> bool:
    """HTTP Basic is for clients, here as at /oauth/token; a user's name and password prove nothing in it."""
    oauth_request = type("Asking", (), {"headers": request.META, "client": application, "grant_type": "authorization_code"})()
    return bool(core.server.request_validator._authenticate_basic_auth(oauth_request))  # noqa: SLF001 no public way


def _access(request: HttpRequest, asked: Asked) -> Access | None:
    """Of the signed-in user, if there is one whom the application serves."""
    if not isinstance(request.user, User):
        return None
    return access_by_session(request.user, request.session.get(SESSION_KEY), asked.application)


def _signed_in(request: HttpRequest, asked: Asked) -> HttpResponse:
    """Whatever is wrong, the answer is the same: it must not tell which names, or which memberships, there are."""
    tenant, name = split_name(request.POST.get("username", "").strip())
    tenant = request.POST.get("tenant", "").strip() or tenant
    user = authenticate(request, username=name, password=request.POST.get("password", ""))
    access = access_by_tenant(user, tenant, asked.application) if isinstance(user, User) else None
    if user is None or access is None:
        if name:
            sessions.note_failure(name)
        return _sign_in_form(request, asked, failed=True)
    login(request, user)
    request.session[SESSION_KEY] = str(access.organization.pk)
    record("user.sign-in", access.user, organization=access.organization, user=access.user, after={"application": str(asked.application)})
    return _again(request)


# --- Answers -------------------------------------------------------------------------------------------------------
def _again(request: HttpRequest) -> HttpResponse:
    """The same request as a GET, so that reloading the page sends no form again."""
    return HttpResponseRedirect(request.get_full_path())


def _sign_in_form(request: HttpRequest, asked: Asked, *, failed: bool = False) -> HttpResponse:
    organization = asked.application.organization
    typed = {"tenant": request.POST.get("tenant", organization.key if organization else ""), "username": request.POST.get("username", "")}
    return _page(request, "sign_in", asked, status=401 if failed else 200, failed=failed, typed=typed)


def _page(request: HttpRequest, name: str, asked: Asked, status: int = 200, **context: Any) -> HttpResponse:
    host = urlsplit(asked.credentials["redirect_uri"]).netloc
    page = render(request, f"oauth/{name}.html", {"asked": asked, "host": host, **context}, status=status)
    let_form_lead_to(page, asked.credentials["redirect_uri"])
    return page


def _refusal(request: HttpRequest, error: OAuthToolkitError) -> HttpResponse:
    """To the client if it may be told there, else to the user: never to a URI that is not the client's."""
    fault = error.oauthlib_error
    if isinstance(error, FatalClientError):
        sentence = fault.description or "The request cannot be read."
        return _problem(request, sentence, status=401 if isinstance(fault, InvalidClientIdError) else 400)
    return _redirect(fault.in_uri(fault.redirect_uri))


def _problem(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    return render(request, "oauth/problem.html", {"sentence": sentence}, status=status)


def _redirect(uri: str) -> HttpResponse:
    answer: HttpResponse = OAuth2ResponseRedirect(uri, oauth2_settings.ALLOWED_REDIRECT_URI_SCHEMES)
    return answer
