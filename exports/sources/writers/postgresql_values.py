"""Values for PostgreSQL as it reads them itself: text, which a cast to the column's type makes exactly what it was."""

import json
import re
from base64 import b64decode
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from exports.sources.base import SourceError, is_json
from exports.sources.postgresql_types import Native

MOMENTS = {"date", "timestamp", "timestamptz"}
_ASTRONOMICAL = re.compile(r"([-+]?)(\d{4,})(-.*)", re.DOTALL)


def native(column: sa.Column[Any]) -> Native:
    assert isinstance(column.type, Native)
    return column.type


def key_texts(column: sa.Column[Any], values: pa.ChunkedArray, field: pa.Field) -> list[str]:
    """The values of a key column as a Reader gave them. Raises SourceError for a type that is not given as it is."""
    kind = native(column)
    if kind.category == "A" or kind.kind == "c":
        raise SourceError(f"Column {column.name} of the key is of type {kind.name}, by which rows cannot be named.")
    if values.null_count:
        raise SourceError(f"A key has no value in column {column.name}.")
    if pa.types.is_integer(values.type):
        return [str(value) for value in values.to_pylist()]
    texts = [_text(value) for value in values.to_pylist()]
    if is_json(field):
        return [text.strip('"') for text in texts] if kind.base in {"numeric", "money"} else texts
    return [historic(text) for text in texts] if kind.base in MOMENTS else texts


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return f"\\x{value.hex()}"
        case datetime() | date():
            return value.isoformat()
        case float():
            return repr(value)
        case _:
            return str(value)


def input_cell(column: sa.Column[Any], cell: str) -> str:
    """A cell of JSON Lines as json_populate_recordset reads the column's type."""
    kind = native(column)
    if cell != "null" and kind.base == "bytea":
        return json.dumps(f"\\x{b64decode(json.loads(cell)).hex()}")
    if cell != "null" and kind.base in MOMENTS:
        return json.dumps(historic(json.loads(cell)))
    return cell


def key_cell(column: sa.Column[Any], cell: str) -> str:
    """The same as a cast to the column's type reads it."""
    given = input_cell(column, cell)
    return str(json.loads(given)) if given.startswith('"') else given


def historic(text: str) -> str:
    """ISO 8601 with astronomical years as PostgreSQL writes years: -0043 is 44 BC, +10000 is 10000. Its words for infinity stay."""
    found = _ASTRONOMICAL.fullmatch(text)
    if not found:
        return text
    sign, year, rest = found.groups()
    if sign == "-" or int(year) == 0:
        return f"{int(year) + 1:04d}{rest} BC"
    return f"{year}{rest}"


def array_literal(texts: Sequence[str]) -> str:
    """The texts as one literal of text[]."""
    if not texts:
        return "{}"
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        joined = '","'.join([text.replace("\\", "\\\\").replace('"', '\\"') for text in texts])
    return f'{{"{joined}"}}'
