"""What all versions of the User Data Management face share: how failure is said, and how ids and lists are read.

A failure is `{"message": "…"}`; one about input also has `errors`, which maps each field's path to its sentence.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.dialect import render_failure
from exports.api.udm.version import DEPRECATED_SINCE, Version
from exports.services.errors import Conflict, Invalid, NotFound

IDS_AT_ONCE = 1000

Row = TypeVar("Row", bound=Model)


class UdmView(APIView):
    """A view of all versions; `serve()` makes the one of each (exports/api/udm/schema.py)."""

    version: Version

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return _render_failure

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Those of a deprecated version say so, failures too (RFC 9745)."""
        since = {"Deprecation": f"@{int(DEPRECATED_SINCE.timestamp())}"} if self.version.deprecated else {}
        return {**super().default_response_headers, **since}


def _render_failure(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, Invalid):
        error = exceptions.ValidationError(error.errors)
    elif isinstance(error, NotFound):
        error = exceptions.NotFound(str(error))
    elif isinstance(error, Conflict):
        error = exceptions.ParseError(str(error))
    return render_failure(error, context)


def page(rows: QuerySet[Row], query: Mapping[str, Any], orders: Mapping[str, str]) -> tuple[int, list[Row]]:
    """(how many there are in all, the slice that the query asks for)."""
    field, descending = query.get("orderField"), query.get("descAsc", "orderField" not in query)
    names = [orders[field], "pk"] if field else ["pk"]
    ordered = rows.order_by(*[f"-{name}" if descending else name for name in names])
    return rows.count(), list(ordered[query["from"] : query["from"] + query["size"]])


def paged(count: int, items: Iterable[Any], query: Mapping[str, Any]) -> Response:
    """The PagedResponse."""
    return Response({"count": count, "from": query["from"], "items": list(items), "size": query["size"]})


def listed(items: list[Any]) -> Response:
    """A list that is not paged; an empty one is 204."""
    return Response(items) if items else Response(status=204)


def undone(left: list[int] | list[str] | None) -> Response:
    """What a bulk deletion answers that left these ids or names: 204 if none."""
    return Response(left, status=500) if left else Response(status=204)


def read_id(text: str, what: str) -> int:
    """An id out of a path. Raises Invalid for what is no number, NotFound for a number that can be no id."""
    return _id(text, "id", what)


def read_ids(text: str, field: str, what: str) -> list[int]:
    """Ids, separated by commas. Raises Invalid under `field`, or NotFound."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or len(words) > IDS_AT_ONCE:
        raise Invalid({field: f"{field} must hold 1 to {IDS_AT_ONCE} ids, separated by commas."})
    return [_id(word, field, what) for word in words]


def _id(text: str, field: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Invalid({field: f'{field} must be the number of a {what}; "{text[:40]}" is none.'})
    if len(text) > 18:
        raise NotFound(f"There is no {what} of that id.")
    return int(text)
