"""Cells of JSON Lines as values for MariaDB and MySQL."""

import json
from base64 import b64decode
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from exports.sources.base import SourceError
from exports.sources.generic_types import BINARY
from exports.sources.writers.generic_keys import reading


class AsItIs(sa.types.UserDefinedType[Any]):
    """The type of a value that goes to the driver without SQLAlchemy's own conversion to the column's type."""

    cache_ok = True


def is_binary(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, BINARY)


def driver_value(column: sa.Column[Any], cell: str) -> Any:
    """What is bound: moments and decimals as text, which the database reads exactly. Raises SourceError for a cell that is none of the column's type."""
    if cell == "null" or isinstance(column.type, sa.JSON):
        return None if cell == "null" else cell.strip()
    try:
        return _value(column, cell)
    except ValueError:
        raise SourceError(f"Column {column.name} cannot hold what a cell of the file has.") from None


def _value(column: sa.Column[Any], cell: str) -> Any:
    kind = column.type
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return cell
    value = json.loads(cell)
    if isinstance(kind, BINARY):
        return b64decode(value, validate=True)
    if isinstance(kind, sa.DateTime):
        return str(value).removesuffix("+00:00").replace("T", " ")
    return float(value) if isinstance(kind, sa.Float) else value


def key_value(column: sa.Column[Any], cell: str) -> Any:
    """The value of a key column as the exact reader gives it. Raises SourceError."""
    value = driver_value(column, cell)
    if isinstance(column.type, sa.DateTime):
        value = _moment(value)
    return reading(column)(value)


def _moment(text: str) -> datetime | str:
    """As text if no calendar has it."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text
