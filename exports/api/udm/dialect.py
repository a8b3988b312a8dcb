"""What all versions of the User Data Management face share: how input is read, and how failure is said.

A failure is `{"message": "…"}`; one about input also has `errors`, which maps each field's path to its sentence.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from accounts.api.dialect import StrictSerializer
from accounts.api.parsers import in_words
from accounts.services.access import Denied
from exports.services.errors import Conflict, Invalid, NotFound

DEFAULT_SIZE, HIGHEST_SIZE = 100, 1000
_HIGHEST_INDEX = 2**31 - 1

Row = TypeVar("Row", bound=Model)


class UdmView(APIView):
    """A view of this face: its failures are in the face's dialect."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return _render_failure


def _render_failure(error: Exception, context: dict[str, Any]) -> Response | None:
    error = in_words(error)
    if isinstance(error, ValidationError):
        error = Invalid(dict(_flatten("", error.detail)))
    if isinstance(error, Invalid):
        return Response({"message": _summary(error.errors), "errors": error.errors}, status=400)
    if isinstance(error, Denied):
        return Response({"message": str(error)}, status=403)
    if isinstance(error, Conflict | NotFound):
        return Response({"message": str(error)}, status=404 if isinstance(error, NotFound) else 400)
    response = exception_handler(error, context)
    if response is not None:
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
            yield from _flatten(path if name == "non_field_errors" else f"{path}.{name}".lstrip("."), inner)
    elif isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        for number, inner in enumerate(detail):
            yield from _flatten(f"{path}.{number}".lstrip("."), inner)
    else:
        yield path or "body", " ".join(str(sentence) for sentence in (detail if isinstance(detail, list) else [detail]))


# --- Bodies --------------------------------------------------------------------------------------------------------
class TrueFalse(serializers.BooleanField):
    """true or false, as a JSON value or as its text."""

    TRUE_VALUES = {True, "true", "True"}
    FALSE_VALUES = {False, "false", "False"}
    NULL_VALUES = {None}
    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, int) and not isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    """ISO 8601, date or date and time; UTC unless it names another offset. Empty text counts as absent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["iso-8601", "%Y-%m-%d"], allow_null=True, required=False, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return None if data == "" else super().run_validation(data)


# --- Queries -------------------------------------------------------------------------------------------------------
class ListQuery(StrictSerializer):
    """Which slice of a list, and in which order. `ORDERS` maps the field names of the face to those of the database."""

    ORDERS: ClassVar[dict[str, str]] = {}

    size = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_SIZE, default=DEFAULT_SIZE, help_text="Maximum number of items to return."
    )
    orderField = serializers.CharField(required=False, help_text="By which field to order; without it, the newest come first.")  # noqa: N815
    descAsc = TrueFalse(required=False, help_text="true: descending, false: ascending (the default with orderField).")  # noqa: N815
    bgUpdate = TrueFalse(required=False, help_text="true marks a background refresh: it is not recorded as a use of the token.")  # noqa: N815

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is a word of Python's, so it cannot be declared above."""
        index = serializers.IntegerField(min_value=0, max_value=_HIGHEST_INDEX, default=0, help_text="Index of the first item to return.")
        return {"from": index, **super().get_fields()}

    def validate_orderField(self, name: str) -> str:  # noqa: N802 DRF finds the method by the field's name
        if name not in self.ORDERS:
            raise ValidationError(f"Cannot order by {name[:40]}. There are: {', '.join(self.ORDERS)}.")
        return name


def page(rows: QuerySet[Row], query: Mapping[str, Any], orders: Mapping[str, str]) -> tuple[int, list[Row]]:
    """(how many there are in all, the slice that the query asks for)."""
    field, descending = query.get("orderField"), query.get("descAsc", "orderField" not in query)
    names = [orders[field], "pk"] if field else ["pk"]
    ordered = rows.order_by(*[f"-{name}" if descending else name for name in names])
    return rows.count(), list(ordered[query["from"] : query["from"] + query["size"]])


def paged(count: int, items: Iterable[Any], query: Mapping[str, Any]) -> Response:
    """The PagedResponse; an empty one is 204."""
    listed = list(items)
    if not listed:
        return Response(status=204)
    return Response({"count": count, "from": query["from"], "items": listed, "size": query["size"]})


def read_id(text: str, what: str) -> int:
    """An id out of a path. Raises NotFound for what can be none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(f"There is no {what} of that id.")
    return int(text)


def read_ids(text: str, field: str, what: str) -> list[int]:
    """Ids, separated by commas. Raises Invalid under `field`, or NotFound."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or len(words) > HIGHEST_SIZE:
        raise Invalid({field: f"{field} must hold 1 to {HIGHEST_SIZE} ids, separated by commas."})
    return [read_id(word, what) for word in words]
