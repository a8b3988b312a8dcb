"""Sessions end: after a time without use, and in any case after so many hours.

A page's own refresh (`bgUpdate=true`) is no use of it: a page that is left open must not keep its user signed in.
"""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

BEGAN, USED = "began", "used"
_STEP = 60
"""Seconds: the last use is written down no more often than that."""


class SessionEndMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            _end_or_note(request, timezone.now().timestamp())
        return self.get_response(request)


def _end_or_note(request: HttpRequest, now: float) -> None:
    began, used = request.session.get(BEGAN, now), request.session.get(USED, now)
    if now - began > settings.SESSION_HOURS * 3600 or now - used > settings.SESSION_IDLE_MINUTES * 60:
        logout(request)
    elif BEGAN not in request.session:
        request.session[BEGAN] = request.session[USED] = now
    elif now - used >= _STEP and request.GET.get("bgUpdate") != "true":
        request.session[USED] = now
