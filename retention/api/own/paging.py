"""Pages of what is listed by id, the newest first."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from exports.api.own.dialect import DEFAULT_SIZE

Row = TypeVar("Row", bound=Model)


def page(rows: QuerySet[Row], query: Mapping[str, Any], by: str = "pk") -> tuple[list[Row], int | None]:
    """(the page that the query, a PageQuery's values, asks for; `olderThan` of the next, None on the last one)."""
    older, size = query.get("olderThan"), query.get("size", DEFAULT_SIZE)
    found = list((rows if older is None else rows.filter(**{f"{by}__lt": older}))[: size + 1])
    return found[:size], getattr(found[size - 1], by) if len(found) > size else None
