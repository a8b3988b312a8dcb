"""What the routes of this face share: the envelope, how failure is said, and that the API key counts here too."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from accounts.api import api_keys
from accounts.api.parsers import BoundedJSONParser, in_words


class AlwaysJson(BaseContentNegotiation):
    """Existing clients ask for `application/x-www-form-urlencoded` and are given JSON."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        content_type = (request.content_type or "").partition(";")[0].strip()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None) -> Any:
        first = next(iter(renderers))
        return first, first.media_type


class FaceView(APIView):
    """A view of this face."""

    content_negotiation_class = AlwaysJson
    parser_classes = [BoundedJSONParser]
    needs_key = True
    """Whether settings.API_KEY_REQUIRED holds here. Pages cannot be sent a header."""

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        if request.auth is None and (self.needs_key or api_keys.HEADER in request.headers):
            api_keys.check(request)  # beside a token it has been checked already

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return render_failure


def render_failure(error: Exception, context: dict[str, Any]) -> Response | None:
    """Failures are `{"status": {"code", "message", "detail"}}`; of the API key, `{"message": "Forbidden"}`."""
    if isinstance(error, OperationalError | InterfaceError):
        return failure(503, "The service is not available now; try again later.")
    error = in_words(error)
    response = exception_handler(error, context)
    if response is None or isinstance(error, api_keys.ForbiddenApiKey):
        return Response({"message": "Forbidden"}, status=403) if response is not None else None
    detail = {"errors": response.data} if isinstance(error, ValidationError) else {}
    message = "The request is not valid." if isinstance(error, ValidationError) else str(getattr(error, "detail", "Not found."))
    response.data = failure(response.status_code, message, detail).data
    return response


def failure(code: int, message: str, detail: Mapping[str, Any] | None = None) -> Response:
    return Response({"status": {"code": code, "message": message, "detail": detail or {}}}, status=code)


def envelope(
    request: Request,
    *,
    data: Mapping[str, Any] | None = None,
    code: int = 0,
    message: str = "OK",
    errors: Sequence[str] = (),
    status: int = 200,
) -> Response:
    """ApiResponse. `code` 0 is success; a failure's is its HTTP status, and `errors` say one by one what is wrong."""
    said = [{"status": {"code": code, "message": sentence, "detail": {}}} for sentence in errors]
    body = {"data": data or {}, "errors": said, "path": request.path, "status": {"code": code, "message": message, "detail": {}}}
    return Response(body, status=status)


def django_request(request: Request) -> HttpRequest:
    """The request that sessions, sign-in and its lock-out keep their notes on."""
    return request._request  # noqa: SLF001 DRF's only way to it
