"""How Strongroom's own resources (/api/v1) read input and say failure; faces above do it the same way.

A failure is `{"message": "…"}`; one about input also has `errors`, which maps each field's path to its sentence.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from accounts.api.api_keys import ApiKeyAuthentication
from accounts.api.parsers import in_words
from accounts.api.schema import Operations
from accounts.services.access import Denied


class Negotiation(DefaultContentNegotiation):
    """An unknown `format` is left to the query's serializer, which says what there is."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:  # noqa: A002 DRF's signature
        return [renderer for renderer in renderers if renderer.format == format] or renderers


class OwnView(APIView):
    """Answers to a bearer token, or to an API key alone."""

    authentication_classes = [*APIView.authentication_classes, ApiKeyAuthentication]
    content_negotiation_class = Negotiation

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return render_failure


class Failure(serializers.Serializer[Any]):
    message = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]  # the face's name, which DRF uses too
        child=serializers.CharField(), required=False, help_text="By the name of each wrong field: what would be right."
    )


def describe(tag: str) -> Operations:
    """How Strongroom's own resources of one kind stand in their OpenAPI document."""
    reasons = {
        400: "Bad request: `errors` names each wrong field.",
        401: "The bearer token or API key is missing, unknown, expired or revoked.",
    }
    return Operations(prefix="own_v1", tag=tag, failure=Failure, reasons=reasons)


class Csv(BaseRenderer):
    """Stands for a CSV answer in the negotiation; its views stream it themselves."""

    media_type = "text/csv"
    format = "csv"


def _shown(name: object) -> str:
    """A client's name for something, short enough and fit to be sent back."""
    return str(name)[:80].encode("utf-8", "backslashreplace").decode()


class Text(serializers.CharField):
    """JSON text. A number is none, which Django REST framework would take as its digits."""

    default_error_messages = {"invalid": "Must be text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


_MOST_NAMED = 20


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses what it does not know, by name: nothing is accepted and ignored. Of very many unknown names the first are told."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [_shown(name) for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        if unknown:
            known = ", ".join(self.fields)
            raise ValidationError({name: [f"{name} is unknown here. Known are: {known}."] for name in unknown[:_MOST_NAMED]})
        return super().to_internal_value(data)


def read_query(request: Request, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The query's values, without those that are not given. Raises ValidationError."""
    repeated = {name: f"{name} is given more than once." for name, values in request.query_params.lists() if len(values) > 1}
    if repeated:
        raise ValidationError(repeated)
    query = serializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return {name: value for name, value in query.validated_data.items() if value not in {"", None}}


def render_failure(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler of these faces. None for a bug, which becomes a 500."""
    request = context["request"]
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type  # whatever was asked for
    if isinstance(error, Denied):
        return Response({"message": str(error)}, status=403)
    error = in_words(error)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, ValidationError):
        errors = dict(_flatten("", error.detail))
        response.data = {"message": _summary(errors), "errors": errors}
    else:
        response.data = {"message": str(error.detail) if isinstance(error, APIException) else "Not found."}
    return response


def _summary(errors: Mapping[str, str]) -> str:
    """The sentences one after another, each once, each naming its field."""
    named = [
        sentence if not field or field.rpartition(".")[2] in sentence else f"{field}: {sentence}" for field, sentence in errors.items()
    ]
    return " ".join(dict.fromkeys(named))


def _flatten(path: str, detail: Any) -> Iterator[tuple[str, str]]:
    """DRF's nested errors as (dotted path, sentence)."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flatten(_below(path, name), inner)
    elif isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        for number, inner in enumerate(detail):
            yield from _flatten(_below(path, number), inner)
    else:
        yield path or "body", " ".join(str(sentence) for sentence in (detail if isinstance(detail, list) else [detail]))


def _below(path: str, name: str | int) -> str:
    if name == "non_field_errors":
        return path
    return f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}".lstrip(".")
