"""Values for SQLite: exactly what its cursor gave when the reader read them."""

import base64
import json
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from exports.sources.base import SourceError, is_json, is_number
from exports.sources.sqlite_exact import on_one_line, to_json
from exports.sources.sqlite_types import Stored, store_of

_INFINITE = {"Infinity": float("inf"), "-Infinity": float("-inf")}


def key_values(column: sa.Column[Any], values: pa.ChunkedArray, field: pa.Field) -> list[Any]:
    """The values of a key column as a Reader gave them. Raises SourceError for a column of documents."""
    if store_of(column, set()) is Stored.JSON:
        raise SourceError(f"Column {column.name} of the key holds JSON documents, by which rows cannot be named.")
    if values.null_count:
        raise SourceError(f"A key has no value in column {column.name}.")
    found = values.to_pylist()
    return [from_json(text, number=is_number(field)) for text in found] if is_json(field) else found


def cell_value(column: sa.Column[Any], cell: str, *, binary: bool) -> Any:
    """A cell of JSON Lines as the value that was read. binary: the file has the column's texts as base64. Raises SourceError."""
    store = store_of(column, set())
    if cell == "null" or store is Stored.JSON:
        return None if cell == "null" else cell.strip()
    try:
        if binary and cell.startswith('"'):
            return base64.b64decode(json.loads(cell), validate=True)
        return from_json(cell, number=store in {Stored.INTEGER, Stored.REAL, Stored.NUMBER})
    except (ValueError, KeyError, TypeError):
        raise SourceError(f"Column {column.name} cannot hold what a cell of the file has.") from None


def is_same(column: sa.Column[Any], wanted: Any, found: Any) -> bool:
    """Whether the database made of the value what it was to be: the same class, the same bytes; of a document the same text."""
    if wanted is not None and found is not None and store_of(column, set()) is Stored.JSON:
        return bool(wanted == (on_one_line(found) if isinstance(found, str) else to_json(found)))
    return type(wanted) is type(found) and repr(wanted) == repr(found)


def from_json(text: str, *, number: bool) -> Any:
    """The value of which sqlite_exact.to_json gave the text. number: of a column in which infinity is a number, and no word."""
    value = json.loads(text)
    if isinstance(value, dict):
        return base64.b64decode(value["$base64"])
    return _INFINITE.get(value, value) if number and isinstance(value, str) else value
