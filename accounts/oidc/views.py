"""Signing in with a provider: mozilla-django-oidc's views, with a page and a sentence where they fail."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from accounts.oidc import library
from accounts.services.oidc.errors import ProviderDown, Refused
from accounts.services.oidc.provider import current

View = Callable[..., HttpResponseBase]


def explained(view: View) -> View:
    """404 without a provider; what goes wrong with one becomes a page with its sentence."""

    @require_GET
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if current() is None:
            raise Http404
        try:
            return view(request, *args, **kwargs)
        except (Refused, ProviderDown) as error:
            return failure_page(request, error)

    return page


def failure_page(request: HttpRequest, error: Refused | ProviderDown) -> HttpResponse:
    status = 403 if isinstance(error, Refused) else 502
    return render(request, "console/sign_in_refused.html", {"sentence": str(error), "status": status}, status=status)


class Start(OIDCAuthenticationRequestView):  # type: ignore[misc]  # published without types
    """Sends the browser to the provider, with state, nonce and PKCE challenge of its session."""

    get_settings = staticmethod(library.setting)


class Callback(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # published without types
    """Where the provider sends the browser back to."""

    get_settings = staticmethod(library.setting)

    def get(self, request: HttpRequest) -> HttpResponse:
        _check_is_an_answer(request)
        response: HttpResponse = super().get(request)
        return response

    def login_success(self) -> HttpResponse:
        response: HttpResponse = super().login_success()
        self.request.session["oidc_id_token"] = self.request.id_token  # what signing out shows to the provider
        return response

    def login_failure(self) -> HttpResponse:
        """Reached with an `error` of the provider, the user already signed out."""
        code = self.request.GET.get("error", "")
        raise Refused(_PROVIDER_SAYS.get(code, _OTHER).format(name=library.options().name, code=code if _CODE.fullmatch(code) else "…"))


_CODE = re.compile("[a-z_]{1,40}")  # of the provider's words only its code is shown: the rest is whatever stands in the address
_ENDED = "Your session at {name} has ended. Sign in again."
_PROVIDER_SAYS = {
    "access_denied": "{name} says that you may not, or did not want to, sign in here.",
    "login_required": _ENDED,
    "interaction_required": _ENDED,
    "consent_required": _ENDED,
    "account_selection_required": _ENDED,
}
_OTHER = "{name} ended the sign-in with the error {code}."


def _check_is_an_answer(request: HttpRequest) -> None:
    """An answer to a request of this very session, from our provider (RFC 9207). The library would sign out on any `error`."""
    states = request.session.get("oidc_states")
    if not isinstance(states, dict) or request.GET.get("state") not in states:
        raise Refused("This sign-in was not begun in this browser, is finished, or took too long. Sign in again.")
    if not request.GET.get("code") and not request.GET.get("error"):
        raise Refused(f"{library.options().name} sent neither a code nor an error.")
    issuer = request.GET.get("iss")
    if issuer != library.options().issuer and (issuer is not None or library.provider().endpoints.names_issuer_in_answers):
        raise Refused("The answer comes from another issuer.")
