"""What somebody sees of a selection before anything is done with it: how many rows, from when to when, how large, the first ones."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import sqlalchemy as sa

from exports.sources.base import Extent, Head, Selection
from exports.sources.generic_types import BINARY
from exports.sources.selecting import Backend, choose, columns_of

Element = sa.ColumnElement[Any]
Fetch = Callable[[Any], list[Any]]
"""The rows that a SELECT gives."""
_LONGEST = 100
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class Looks:
    """How one database shows a value. text: at most so many characters of it; size: its bytes, None if the database cannot say."""

    text: Callable[[sa.Column[Any], Element, int], Element]
    size: Callable[[Element], Element] | None


def extent(backend: Backend, fetch: Fetch, selection: Selection) -> Extent:
    """In one query, so that the rows are gone through once."""
    chosen = choose(backend, selection)
    asked: list[Element] = [sa.func.count()]
    if selection.timestamp:
        here = chosen.column(selection.timestamp)
        asked += [sa.func.min(here), sa.func.max(here)]
    [(rows, *ends)] = fetch(sa.select(*asked).select_from(chosen.rows).where(*chosen.where))
    oldest, newest = [_moment(value) for value in ends] or (None, None)
    return Extent(int(rows), oldest, newest)


def head(backend: Backend, fetch: Fetch, looks: Looks, selection: Selection, rows: int) -> Head:
    chosen = choose(backend, selection)
    columns = columns_of(chosen.table, selection)
    shown = [looks.text(column, chosen.column(column.name), _LONGEST + 1).label(f"c{place}") for place, column in enumerate(columns)]
    found = fetch(sa.select(*shown).select_from(chosen.rows).where(*chosen.where).limit(rows))
    return Head(tuple(str(column.name) for column in columns), tuple(tuple(_shortened(value) for value in row) for row in found))


def row_bytes(backend: Backend, fetch: Fetch, looks: Looks, selection: Selection, rows: int) -> float | None:
    """The mean of the first `rows`, as the database comes by them."""
    if looks.size is None:
        return None
    chosen = choose(backend, selection)
    sizes = [sa.func.coalesce(looks.size(chosen.column(column.name)), 0) for column in columns_of(chosen.table, selection)]
    sample = (
        sa.select(reduce(operator.add, sizes).label("bytes")).select_from(chosen.rows).where(*chosen.where).limit(rows).subquery("sample")
    )
    [(mean,)] = fetch(sa.select(sa.func.avg(sample.c.bytes)))
    return None if mean is None else float(mean)


def _moment(value: object) -> str | None:
    """ISO 8601; what the database holds as text, or Python has no moment for, as it stands."""
    if not isinstance(value, datetime):
        return None if value is None else str(value)
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _shortened(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _postgresql_text(column: sa.Column[Any], here: Element, length: int) -> Element:
    if str(getattr(column.type, "base", "")) == "bytea":
        return sa.literal("(").concat(sa.cast(sa.func.octet_length(here), sa.Text)).concat(" bytes)")
    return sa.func.left(sa.cast(here, sa.Text), length)


def _sqlite_text(column: sa.Column[Any], here: Element, length: int) -> Element:
    size = sa.literal("(").concat(sa.func.length(here)).concat(" bytes)")
    return sa.case((sa.func.typeof(here) == "blob", size), (here.is_not(None), sa.func.substr(here, 1, length)))


def _generic_text(column: sa.Column[Any], here: Element, length: int) -> Element:
    if isinstance(column.type, BINARY):
        return sa.func.concat("(", sa.func.octet_length(here), " bytes)")
    return sa.cast(here, sa.String(length))


POSTGRESQL = Looks(_postgresql_text, sa.func.pg_column_size)
SQLITE = Looks(_sqlite_text, lambda here: sa.func.length(sa.cast(here, sa.LargeBinary)))
MYSQL = Looks(_generic_text, sa.func.octet_length)
OTHERS = Looks(_generic_text, None)
