"""Every request is counted once, as early as it is known who asks, and every answer says how much is left.

Who asks is known at different moments, so there are three places:

- a view outside DRF (console, admin, sign-in, links): before it runs, by the session's user or the client's address;
- a view of DRF: in its `initial()`, by what its authentication found. `Throttle` is in REST_FRAMEWORK's defaults;
- what never got that far (no such page, a bad token, a permission that is missing): on the way out. Nothing was done yet, so
  the answer can still become a 429.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.middleware.addresses import client_network
from accounts.middleware.refusals import TooManyRequests, too_many
from accounts.services.access import SESSION_KEY, Access
from accounts.services.limits import Subject, Verdict, count

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, through DRF's settings


class LimitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        verdict = getattr(request, "limits", None)
        if verdict is None:
            verdict = count_request(request)
            if verdict.retry_after is not None:
                response = too_many(request, verdict.sentence, verdict.retry_after, response)
        for name, value in verdict.headers().items():
            response[name] = value
        return response

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], *_: Any) -> HttpResponse | None:
        if Throttle in getattr(getattr(view, "cls", None), "throttle_classes", ()):
            return None
        verdict = count_request(request)
        return None if verdict.retry_after is None else too_many(request, verdict.sentence, verdict.retry_after)


class Throttle(BaseThrottle):
    """DRF's hook. Its refusal is an exception, so each face says it in its own dialect."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        verdict = count_request(request._request)  # noqa: SLF001 DRF has no public name for it
        if verdict.retry_after is not None:
            raise TooManyRequests(verdict.sentence, verdict.retry_after)
        return True


def count_request(request: HttpRequest) -> Verdict:
    """Count it, and keep the verdict in `request.limits`: a request is counted once."""
    verdict = count(_subjects(request))
    request.limits = verdict  # type: ignore[attr-defined]  # ours, on Django's request
    return verdict


def _subjects(request: HttpRequest) -> Iterator[Subject]:
    """The user first: whoever is over their own limit uses up nothing of their organization's."""
    access, user = getattr(request, "auth", None), getattr(request, "user", None)
    if isinstance(access, Access):
        yield Subject("user", str(access.user.pk))
        yield Subject("organization", str(access.organization.pk))
    elif user is not None and user.is_authenticated:
        yield Subject("user", str(user.pk))
        organization = request.session.get(SESSION_KEY) or getattr(user.default_organization(), "pk", None)
        if organization:
            yield Subject("organization", str(organization))
    else:
        yield Subject("address", client_network(request))
