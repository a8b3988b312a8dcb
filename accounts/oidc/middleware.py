"""Asks the provider again, silently, whether its session still stands (STRONGROOM_OIDC_REFRESH_SECONDS)."""

import time
from functools import cached_property
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from mozilla_django_oidc import middleware

from accounts.oidc import library
from accounts.oidc.urls import START
from accounts.oidc.views import failure_page
from accounts.services.oidc.errors import ProviderDown

_BACKEND = "accounts.oidc.backend.ProviderBackend"


class SessionRefresh(middleware.SessionRefresh):  # type: ignore[misc]  # published without types
    """The library's, for sessions that the provider began, and without asking for endpoints before they are needed."""

    get_settings = staticmethod(library.setting)

    def __init__(self, get_response: Any) -> None:
        MiddlewareMixin.__init__(self, get_response)

    @cached_property
    def exempt_urls(self) -> set[str]:
        return {reverse(START), reverse(library.CALLBACK), reverse("sign-out")}

    @cached_property
    def exempt_url_patterns(self) -> set[Any]:
        return set()

    def is_refreshable_url(self, request: HttpRequest) -> bool:
        due = request.session.get("oidc_id_token_expiration", 0) <= time.time()
        return due and request.session.get(BACKEND_SESSION_KEY) == _BACKEND and bool(super().is_refreshable_url(request))

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        if not self.is_refreshable_url(request):
            return None
        if "HX-Request" in request.headers:
            # A part of a page cannot go to the provider and back; the page as a whole can.
            return HttpResponse(headers={"HX-Refresh": "true"})
        try:
            super().__init__(self.get_response)  # the endpoints as they are now
            response: HttpResponseBase | None = super().process_request(request)
        except ProviderDown as error:
            return failure_page(request, error)
        return response
