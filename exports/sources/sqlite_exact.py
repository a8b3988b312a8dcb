"""SQLite read value by value: for columns that hold several types, each value as JSON text."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from exports.sources.arrow import empty_batch
from exports.sources.base import SourceError
from exports.sources.sqlite_types import ARROW, Stored, field_of, store_of
from exports.sources.versions import DIGEST

_PYTHON: dict[Stored, type] = {Stored.INTEGER: int, Stored.REAL: float, Stored.TEXT: str, Stored.BLOB: bytes}


@dataclass(frozen=True)
class Exact:
    """How one column is written: its values' one Python type, or `text` for values of several."""

    name: str
    store: Stored
    text: Callable[[Any], str]

    @property
    def field(self) -> pa.Field:
        return field_of(self.name, self.store)

    def convert(self, value: Any) -> Any:
        if value is None:
            return None
        if self.store not in ARROW:
            return self.text(value)
        if type(value) is not _PYTHON[self.store]:
            raise SourceError(f"Column {self.name} changed its type while it was read.")
        return value


@dataclass(frozen=True)
class Version:
    """The last of the columns, if the version of a row is wanted: see exports.sources.versions."""

    field: pa.Field = DIGEST

    def convert(self, value: bytes) -> bytes:
        return value


def classes(table: sa.Table, columns: Sequence[sa.Column[Any]]) -> sa.Select[Any]:
    """One row: for each column the least and the greatest name of a storage class that it holds anywhere in the table."""
    kinds = [sa.func.nullif(sa.func.typeof(table.c[c.name]), "null") for c in columns]
    return sa.select(*[extreme(kind) for kind in kinds for extreme in (sa.func.min, sa.func.max)]).select_from(table)


def seen(row: Sequence[str | None]) -> list[set[str]]:
    """The result of `classes` as one set a column. Two names are enough: between integer and real there is none."""
    return [{kind for kind in row[n : n + 2] if kind} for n in range(0, len(row), 2)]


def plan(column: sa.Column[Any], found: set[str]) -> Exact:
    """A column of one class keeps its Arrow type; one declared as JSON or as a number, and one of several classes, is JSON text."""
    store = store_of(column, found)
    if store is Stored.JSON:
        return Exact(column.name, store, lambda value: _document(column.name, value))
    if (store in ARROW and len(found) > 1) or (store is Stored.NUMBER and not found <= {"integer", "real"}):
        store = Stored.MIXED
    return Exact(column.name, store, to_json)


def to_json(value: float | str | bytes) -> str:
    """A SQLite value as JSON text. The shortest text that gives the same float back; infinities as strings."""
    if isinstance(value, bytes):
        return json.dumps({"$base64": base64.b64encode(value).decode()})
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return json.dumps(value, ensure_ascii=False)


def _document(name: str, value: Any) -> str:
    """A JSON column's value as it stands, on one line. Text that is not JSON is refused: as a string it would be taken for one."""
    if not isinstance(value, str):
        return to_json(value)
    try:
        json.loads(value, parse_constant=_refuse, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise SourceError(f"Column {name} is declared JSON but holds text that is not JSON; cast it to text in a view.") from None
    return on_one_line(value)


def on_one_line(document: str) -> str:
    """Line breaks can only stand between JSON's tokens."""
    return document.replace("\r", " ").replace("\n", " ")


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def batches(fetch: Callable[[], Any], plans: Sequence[Exact | Version], size: int) -> Iterator[pa.RecordBatch]:
    """The rows in batches of about `size` bytes of text and blobs; at least one batch."""
    schema = pa.schema([p.field for p in plans])
    columns: list[list[Any]] = [[] for _ in plans]
    width = sent = 0
    while (row := fetch()) is not None:
        for place, (p, value) in enumerate(zip(plans, row, strict=True)):
            columns[place].append(p.convert(value))
            width += len(value) if isinstance(value, str | bytes) else 8
        if width >= size:
            yield _batch(columns, schema)
            sent, width, columns = sent + 1, 0, [[] for _ in plans]
    if columns and columns[0]:
        yield _batch(columns, schema)
    elif not sent:
        yield empty_batch(schema)


def _batch(columns: list[list[Any]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema)
