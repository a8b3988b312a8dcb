"""SQLite's storage classes: which one a column should hold, and what Arrow makes of it."""

from enum import Enum
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from exports.sources.base import JSON_TEXT, number_text
from exports.sources.conditions import Kind
from exports.sources.selecting import quoted


class Stored(Enum):
    INTEGER = "integer"
    REAL = "real"
    TEXT = "text"
    BLOB = "blob"
    NUMBER = "integer or real"
    JSON = "text that is JSON"
    MIXED = "several"


class Declared(sa.types.UserDefinedType[Any]):
    """The type as the table declares it, in capitals."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name.upper()

    def get_col_spec(self, **_: object) -> str:
        return self.name or "BLOB"


ARROW = {Stored.INTEGER: pa.int64(), Stored.REAL: pa.float64(), Stored.TEXT: pa.string(), Stored.BLOB: pa.binary()}


def column_from(row: tuple[str, str, int, int]) -> sa.Column[Any]:
    """A row of pragma_table_xinfo as a column. A key column may hold NULL: SQLite allows it unless it is the rowid."""
    name, declared, not_null, _ = row
    return sa.Column(quoted(name), Declared(declared), nullable=not not_null)


def store_of(column: sa.Column[Any], seen: set[str]) -> Stored:
    """What the column should hold: by its declared type (https://sqlite.org/datatype3.html, 3.1), or by what its first rows hold."""
    declared = column.type.name if isinstance(column.type, Declared) else ""
    expected = _declared(declared)
    if expected in {Stored.JSON, Stored.NUMBER} or expected.value in seen or (not seen and expected is not Stored.MIXED):
        return expected
    if len(seen) == 1:
        return Stored(next(iter(seen)))
    if seen == {"integer", "real"}:
        return Stored.NUMBER
    return Stored.MIXED if seen else Stored.TEXT


def _declared(declared: str) -> Stored:  # noqa: PLR0911 SQLite's own rules, in their order
    if declared.startswith("JSON"):
        return Stored.JSON
    if "INT" in declared:
        return Stored.INTEGER
    if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
        return Stored.TEXT
    if "BLOB" in declared:
        return Stored.BLOB
    if any(word in declared for word in ("REAL", "FLOA", "DOUB")):
        return Stored.REAL
    if declared.startswith(("NUM", "DEC")):
        return Stored.NUMBER
    return Stored.INTEGER if declared.startswith("BOOL") else Stored.TEXT if declared.startswith(("DATE", "TIME")) else Stored.MIXED


_KINDS = (
    (("JSON", "BLOB"), Kind.OTHER),
    (("BOOL",), Kind.BOOLEAN),
    (("DATETIME", "TIMESTAMP"), Kind.TIMESTAMP),
    (("DATE",), Kind.DATE),
    (("UUID",), Kind.UUID),
    (("CHAR", "CLOB", "TEXT"), Kind.TEXT),
    (("INT",), Kind.INTEGER),
    (("REAL", "FLOA", "DOUB"), Kind.NUMBER),
    (("NUM", "DEC"), Kind.DECIMAL),
)


def kind_of(column: sa.Column[Any]) -> Kind:
    """By the words of its declared type. Without any, a column may be meant to hold anything."""
    declared = column.type.name if isinstance(column.type, Declared) else ""
    return next((kind for words, kind in _KINDS if any(word in declared for word in words)), Kind.OTHER)


def field_of(name: str, store: Stored) -> pa.Field:
    """The Arrow field of a column that is stored so: JSON text where Arrow has no exact type."""
    if store in ARROW:
        return pa.field(name, ARROW[store])
    return pa.field(name, pa.string(), metadata=number_text(None) if store is Stored.NUMBER else JSON_TEXT)
