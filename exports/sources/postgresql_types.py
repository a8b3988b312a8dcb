"""PostgreSQL's types: how each is read exactly, and as what."""

from typing import Any

import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

from exports.sources.arrow import Form, Plan
from exports.sources.base import VERSION
from exports.sources.conditions import Kind

# Columns of one table with the type below every domain. to_regclass follows the search path when there is no schema.
CATALOGUE = """
WITH RECURSIVE columns AS (
    SELECT a.attnum, a.attname, a.attnotnull, a.atttypid, a.atttypid AS base, a.atttypmod AS modifier
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass(CASE WHEN %(schema)s = '' THEN '' ELSE quote_ident(%(schema)s) || '.' END || quote_ident(%(name)s))
    AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
    SELECT c.attnum, c.attname, c.attnotnull, c.atttypid, t.typbasetype, t.typtypmod
    FROM columns c JOIN pg_type t ON t.oid = c.base WHERE t.typtype = 'd'
)
SELECT c.attname, c.attnotnull, format_type(c.atttypid, -1), CASE WHEN n.nspname = 'pg_catalog' THEN t.typname ELSE '' END, t.typtype, t.typcategory, c.modifier
FROM columns c JOIN pg_type t ON t.oid = c.base JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype <> 'd' ORDER BY c.attnum
"""

UTC = pa.timestamp("us", tz="UTC")
PLAIN: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": UTC,
}
# Types whose values psycopg gives as Python objects that a Key may hold. Every other key column is read as text.
KEYS = {"bool", "int2", "int4", "int8", "text", "varchar", "bpchar", "uuid", "numeric", "bytea", "date", "timestamp", "timestamptz"}

_KINDS = {
    "bool": Kind.BOOLEAN,
    **dict.fromkeys(("int2", "int4", "int8"), Kind.INTEGER),
    **dict.fromkeys(("float4", "float8"), Kind.NUMBER),
    **dict.fromkeys(("numeric", "money"), Kind.DECIMAL),
    "uuid": Kind.UUID,
    "date": Kind.DATE,
    **dict.fromkeys(("timestamp", "timestamptz"), Kind.TIMESTAMP),
}
_TEXTS = {"S", "E"}
"""Categories of types that are texts: strings (citext too) and enums."""


class Native(sa.types.UserDefinedType[Any]):
    """A column's type as the catalogue has it: `name` for casts, `base` the built-in type below its domains or "" if it is not built in, `modifier` what its parentheses say."""

    cache_ok = True

    def __init__(self, name: str, base: str, kind: str, category: str, modifier: int = -1) -> None:
        self.name = name
        self.base = base
        self.kind = kind
        self.category = category
        self.modifier = modifier

    @property
    def digits(self) -> tuple[int, int] | None:
        """(precision, scale) of a numeric, as numeric.c packs them; a scale below 0 rounds before the point."""
        if self.base == "money":
            return 19, 2
        if self.base != "numeric" or self.modifier < 0:
            return None
        precision, scale = (self.modifier - 4) >> 16, ((self.modifier - 4 & 0x7FF) ^ 1024) - 1024
        return max(precision, scale) - min(scale, 0), max(scale, 0)

    def get_col_spec(self, **_: object) -> str:
        return self.name


def column_from(row: tuple[str, bool, str, str, str, str, int]) -> sa.Column[Any]:
    """A row of CATALOGUE as a column."""
    from exports.sources.selecting import quoted

    name, not_null, spelled, base, kind, category, modifier = row
    return sa.Column(quoted(name), Native(spelled, base, kind, category, modifier), nullable=not not_null)


def kind_of(column: sa.Column[Any]) -> Kind:
    native = column.type
    assert isinstance(native, Native)
    return _KINDS.get(native.base, Kind.TEXT if native.category in _TEXTS else Kind.OTHER)


def plan(column: sa.Column[Any], *, exact: bool) -> Plan:  # noqa: PLR0911 a table of types
    """How a column is read. `exact` reads dates and timestamps as ISO 8601 text: Arrow has no infinity, and formats no year 0."""
    native = column.type
    assert isinstance(native, Native)
    if exact and native.base in {"date", "timestamp", "timestamptz"}:
        return Plan(column.name, pa.string(), Form.PLAIN, lambda here: _iso(here, native.base))
    if native.base in PLAIN:
        return Plan(column.name, PLAIN[native.base], Form.PLAIN, lambda here: here)
    if native.base == "jsonb":
        return Plan(column.name, pa.string(), Form.JSON, lambda here: here)
    if native.base == "json":
        return Plan(column.name, pa.string(), Form.JSON, lambda here: _one_line(_text(here)))
    if native.base == "numeric":
        return Plan(column.name, pa.string(), Form.NUMBER, _text, None if exact else native.digits)
    if native.base == "money":
        return Plan(column.name, pa.string(), Form.NUMBER, lambda here: _text(sa.cast(here, sa.Numeric)), None if exact else native.digits)
    if native.category == "A" or native.kind == "c":
        return Plan(column.name, pa.string(), Form.JSON, lambda here: _one_line(_text(sa.func.to_json(here))))
    if native.base == "inet":
        return Plan(column.name, pa.string(), Form.PLAIN, _address)
    return Plan(column.name, pa.string(), Form.PLAIN, _text)


def key_text(column: sa.Column[Any], here: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The key column as something that a Key may hold."""
    assert isinstance(column.type, Native)
    return here if column.type.base in KEYS else _text(here)


def version_plan() -> Plan:
    """How the version of a row is read: `version` is its expression. See exports.sources.versions."""
    return Plan(VERSION, pa.int64(), Form.PLAIN, lambda here: here)


def version(rows: sa.FromClause) -> sa.ColumnElement[Any]:
    """The number of the transaction that wrote the row. A view has none."""
    return sa.cast(_text(sa.column("xmin", _selectable=rows)), sa.BigInteger)


def _address(here: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """An inet as PostgreSQL shows it: a host without its mask, which the cast to text would add."""
    whole = sa.case((sa.func.family(here) == 4, 32), else_=128)
    return sa.case((sa.func.masklen(here) == whole, sa.func.host(here)), else_=_text(here))


def _text(here: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(here, sa.Text)


def _one_line(here: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Line breaks can only stand between JSON's tokens: inside strings they are escaped."""
    return sa.func.translate(here, "\n\r", "  ")


def _iso(here: sa.ColumnElement[Any], base: str) -> sa.ColumnElement[Any]:
    """ISO 8601 with astronomical years (44 BC is -0043) and a sign on years over 9999; infinity and -infinity stay words."""
    historic = sa.cast(sa.func.date_part("year", here), sa.Integer)
    year = sa.case((historic < 0, historic + 1), else_=historic)  # there is no year 0 between 1 BC (-1) and 1
    sign = sa.case((year < 0, "-"), (year > 9999, "+"), else_="")
    digits = sa.func.lpad(_text(sa.func.abs(year)), sa.func.greatest(4, sa.func.length(_text(sa.func.abs(year)))), "0")
    rest = {"date": "-MM-DD", "timestamp": '-MM-DD"T"HH24:MI:SS.US', "timestamptz": '-MM-DD"T"HH24:MI:SS.US"+00:00"'}[base]
    return sa.case((sa.func.isfinite(here), sign.concat(digits).concat(sa.func.to_char(here, rest))), else_=_text(here))


def register_loaders(connection: psycopg.Connection[Any]) -> None:
    """Dates that Python has not (infinity, BC, after 9999) come as PostgreSQL's own text instead of an error."""
    for name, loader in (("date", _Date), ("timestamp", _Timestamp), ("timestamptz", _Timestamptz)):
        connection.adapters.register_loader(name, loader)


class _Date(DateLoader):
    def load(self, data: Any) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


class _Timestamp(TimestampLoader):
    def load(self, data: Any) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


class _Timestamptz(TimestamptzLoader):
    def load(self, data: Any) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()
