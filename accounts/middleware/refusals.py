"""429 in the words of whichever face was asked."""

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework.exceptions import Throttled

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports the throttle, and so this module, through DRF's settings


class TooManyRequests(Throttled):
    """With a sentence of ours; DRF makes `wait`, in seconds, the Retry-After header."""

    def __init__(self, sentence: str, wait: int | None) -> None:
        super().__init__(detail=sentence)
        self.wait = wait


def too_many(request: HttpRequest, sentence: str, wait: int | None, response: HttpResponse | None = None) -> HttpResponse:
    """A page for browsers, plain JSON for others; if a DRF view has answered `response` already, that view's own dialect."""
    context = getattr(response, "renderer_context", None)
    if context:
        view: APIView = context["view"]
        answer: HttpResponse = view.finalize_response(context["request"], view.handle_exception(TooManyRequests(sentence, wait)))
        return answer.render()  # type: ignore[attr-defined,no-any-return]  # a template's response
    if "text/html" in request.headers.get("Accept", ""):
        answer = render(request, "429.html", {"detail": sentence}, status=429)
    else:
        answer = JsonResponse({"message": sentence}, status=429)
    if wait is not None:
        answer["Retry-After"] = str(wait)
    return answer
