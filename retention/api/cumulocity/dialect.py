"""How this face reads requests and says failure: `{"error": "retention/notFound", "message": "…", "info": "…"}`."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.basic import BasicAuthentication
from accounts.api.dialect import StrictSerializer, read_query, render_failure
from exports.services import errors
from retention.api.cumulocity.media import Negotiation, for_failure
from retention.services.rules import NotEditable

FACE = "retention-rules"
_HIGHEST_ID = 18  # digits
_CODES = {
    400: "retention/badRequest",
    401: "security/Unauthorized",
    403: "security/Forbidden",
    404: "retention/notFound",
    405: "retention/methodNotAllowed",
    406: "retention/notAcceptable",
    409: "retention/conflict",
    415: "retention/unsupportedMediaType",
    422: "retention/validationError",
    429: "retention/tooManyRequests",
    503: "retention/serviceUnavailable",
}
"""What `error` says: as Cumulocity's own errors are called, where these are known."""


class Unprocessable(exceptions.ValidationError):
    """The body can be read, but not as a rule."""

    status_code = 422


class BadQuery(exceptions.ValidationError):
    """400."""


class NoQuery(StrictSerializer):
    """Nothing is asked."""


class FaceView(APIView):
    content_negotiation_class = Negotiation

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Basic comes first, so that it is what a client without credentials is asked for."""
        found = super().get_authenticators()
        return [BasicAuthentication(), *found] if settings.RETENTION_BASIC else found

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return _render_failure


def _render_failure(error: Exception, context: dict[str, Any]) -> Response | None:
    request: Request = context["request"]
    renderer = for_failure(request)
    response = render_failure(_translated(error), context)
    if response is None:
        return None
    request.accepted_renderer, request.accepted_media_type = renderer, renderer.media_type
    code = "retention/notEditable" if isinstance(error, NotEditable) else _CODES[response.status_code]
    info = request.build_absolute_uri(reverse("docs-face", args=[FACE]))
    response.data = {"error": code, "message": response.data["message"], "info": info}
    return response


def _translated(error: Exception) -> Exception:
    if isinstance(error, errors.Invalid):
        return Unprocessable({field: [sentence] for field, sentence in error.errors.items()})
    if isinstance(error, errors.NotFound):
        return exceptions.NotFound(str(error))
    return exceptions.PermissionDenied(str(error)) if isinstance(error, NotEditable) else error


def query_of(request: Request, shape: type[StrictSerializer] = NoQuery) -> dict[str, Any]:
    """Raises BadQuery."""
    try:
        return read_query(request, shape)
    except exceptions.ValidationError as error:
        raise BadQuery(error.detail) from None


def body_of(request: Request, shape: type[StrictSerializer], **context: object) -> dict[str, Any]:
    """What the body says; what it calls null it leaves unsaid. Raises Unprocessable, and BadQuery if there is a query."""
    query_of(request)
    if not isinstance(request.data, Mapping):
        raise Unprocessable({"body": ["The body must be a JSON object."]})
    sent = shape(data=request.data, context=context)
    if not sent.is_valid():
        raise Unprocessable(sent.errors)
    return {name: value for name, value in sent.validated_data.items() if value is not None}


def id_of(text: str) -> int:
    """Raises NotFound."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _HIGHEST_ID):
        raise errors.NotFound(f'There is no retention rule "{text[:40]}".')
    return int(text)
