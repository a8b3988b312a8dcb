"""Declared types to Arrow, for databases read through SQLAlchemy."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL

from exports.sources.base import JSON_TEXT, MixedColumn, SourceError, number_text
from exports.sources.conditions import Kind
from exports.sources.network import checked_addresses
from exports.sources.versions import DIGEST

Element = sa.ColumnElement[Any]
BINARY = (sa.LargeBinary, sa.BINARY, sa.VARBINARY, mysql.TINYBLOB, mysql.MEDIUMBLOB, mysql.LONGBLOB)


@dataclass(frozen=True)
class Column:
    """How one column is read: its expression, its Arrow field, and what makes a driver's value (never None) fit the field."""

    field: pa.Field
    project: Callable[[Element], Element]
    convert: Callable[[Any], Any]


def arguments(url: URL) -> dict[str, Any]:
    """What the driver is told besides the URL: an end to waiting, and that no file or password of this machine is its own to use."""
    seconds = int(str(url.query.get("connect_timeout", 10)))
    match url.get_backend_name():
        case "mysql" | "mariadb":
            return {"local_infile": False, "connect_timeout": seconds}
        case "postgresql":
            return {"connect_timeout": seconds, **libpq_arguments(url)}
        case _:
            return {}


def libpq_arguments(url: URL) -> dict[str, str]:
    """The checked addresses, beside the name that TLS is checked against; and no password file or certificate of this machine.

    Raises SourceError if the host may not be a source's.
    """
    addresses = checked_addresses(url)
    nowhere = {"passfile": "/dev/null/none", "sslcert": "/dev/null/none"}
    if not addresses:
        return nowhere
    return nowhere | {"host": ",".join([str(url.host)] * len(addresses)), "hostaddr": ",".join(addresses)}


def pinned(url: URL) -> list[URL]:
    """The URL with each of its host's checked addresses instead of the name, for drivers that resolve names themselves.

    PostgreSQL's keeps the name (see libpq_arguments), SQLite's has none. Raises SourceError if the host may not be a source's.
    """
    if url.get_backend_name() in {"postgresql", "sqlite"}:
        return [url]
    return [url.set(host=address) for address in checked_addresses(url)]


def moment_for(column: sa.Column[Any], moment: datetime) -> datetime:
    """A moment (UTC) as the column's type compares it. Raises SourceError if the column is no timestamp."""
    if not isinstance(column.type, sa.DateTime | sa.Date):
        raise SourceError(f"Column {column.name} is of type {column.type!s}, which is no timestamp.")
    aware = getattr(column.type, "timezone", False) and not isinstance(column.type, mysql.TIMESTAMP)
    return moment if aware else moment.replace(tzinfo=None)


def kind_of(column: sa.Column[Any]) -> Kind:
    """A MySQL BOOLEAN is a TINYINT(1)."""
    if isinstance(column.type, mysql.TINYINT) and column.type.display_width == 1:
        return Kind.BOOLEAN
    return next((kind for known, kind in _KINDS if isinstance(column.type, known)), Kind.OTHER)


def plan(column: sa.Column[Any], *, exact: bool = False) -> Column:
    """How the column is read; `exact` reads moments as text, for those that no calendar has. Raises SourceError naming column and type if it cannot be written exactly."""
    kind = column.type
    name = column.name
    if isinstance(kind, sa.DateTime):
        return _moment(name, kind, exact=exact)
    if isinstance(kind, sa.Date):
        return _date(name, exact=exact)
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return _number(name, kind, exact=exact)
    for known, build in _BUILDERS:
        if isinstance(kind, known):
            return build(name, kind)
    raise SourceError(
        f"Column {name} is of type {_spelled(kind)}, which cannot be written exactly: leave it out of the dataset, or cast it in a view."
    )


def projected(column: sa.Column[Any], here: Element) -> Element:
    """What is read of the column, whether exactly or not: it is the converting that differs. A column of no plan, which only a version reads, comes raw."""
    try:
        return plan(column).project(here)
    except SourceError:
        return _raw(here)


def check_characters(url: URL) -> None:
    """A version must tell all texts apart: a connection in another character set has a `?` for what that set lacks. Raises SourceError."""
    if url.get_backend_name() in {"mysql", "mariadb"} and url.query.get("charset", "utf8mb4") != "utf8mb4":
        raise SourceError("To say which rows have changed, the URL's charset must be utf8mb4, which it is when the URL names none.")


def rename(values: list[list[Any]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(column, field.type) for column, field in zip(values, schema, strict=True)], schema=schema)


def _spelled(kind: sa.types.TypeEngine[Any]) -> str:
    return "unknown" if isinstance(kind, sa.types.NullType) else str(kind)


def _raw(here: Element) -> Element:
    """Without SQLAlchemy's own conversion of values."""
    return sa.type_coerce(here, sa.types.NullType())


def _simple(name: str, arrow: pa.DataType, convert: Callable[[Any], Any] = lambda value: value, *, json: bool = False) -> Column:
    return Column(pa.field(name, arrow, metadata=JSON_TEXT if json else None), _raw, convert)


def _integer(name: str, kind: Any) -> Column:
    return _simple(name, pa.uint64() if getattr(kind, "unsigned", False) else pa.int64(), int)


def _float(name: str, kind: Any) -> Column:
    """MySQL writes a 4-byte FLOAT with six digits, so it is read as the double that it is."""
    if isinstance(kind, mysql.FLOAT) and (kind.precision or 0) <= 24:
        return Column(pa.field(name, pa.float32()), lambda here: _raw(sa.cast(here, mysql.DOUBLE())), float)
    return _simple(name, pa.float64(), float)


def _number(name: str, kind: Any, *, exact: bool) -> Column:
    known = None if exact or kind.precision is None else (int(kind.precision), int(kind.scale or 0))
    return Column(pa.field(name, pa.string(), metadata=number_text(known)), _raw, _digits)


def _digits(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else f'"{value}"'
    return str(value)


def _moment(name: str, kind: Any, *, exact: bool) -> Column:
    """Naive values are taken as they are; TIMESTAMP comes in UTC, which the session's time zone is."""
    aware = bool(getattr(kind, "timezone", False)) or isinstance(kind, mysql.TIMESTAMP)
    if exact:
        return _simple(name, pa.string(), lambda value: _iso(value, "+00:00" if aware else ""))
    return _simple(name, pa.timestamp("us", tz="UTC") if aware else pa.timestamp("us"), lambda value: _real(name, value))


def _date(name: str, *, exact: bool) -> Column:
    return _simple(name, pa.string(), str) if exact else _simple(name, pa.date32(), lambda value: _real(name, value))


def _real(name: str, value: Any) -> Any:
    """PyMySQL gives zero dates (0000-00-00) as text."""
    if isinstance(value, str):
        raise MixedColumn(f"Column {name} holds a date that is none.")
    return value


def _iso(value: Any, zone: str) -> str:
    if isinstance(value, str):
        return value
    text: str = value.isoformat(timespec="microseconds")
    return text if value.tzinfo else text + zone


def _clock(name: str, kind: Any) -> Column:
    return _simple(name, pa.string(), _clock_text)


def _clock_text(value: Any) -> str:
    """HH:MM:SS[.ffffff]; MySQL's TIME goes from -838:59:59 to 838:59:59."""
    if isinstance(value, time):
        return value.isoformat()
    if not isinstance(value, timedelta):
        return str(value)
    sign = "-" if value < timedelta(0) else ""
    seconds, micro = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{micro:06d}" if micro else text


def _json(name: str, kind: Any) -> Column:
    return _simple(name, pa.string(), lambda value: str(value).replace("\r", " ").replace("\n", " "), json=True)


def _bits(name: str, kind: Any) -> Column:
    return _simple(name, pa.uint64(), lambda value: int.from_bytes(value) if isinstance(value, bytes) else int(value))


def _text(name: str, kind: Any) -> Column:
    return _simple(name, pa.string(), str)


VERSION_COLUMN = Column(DIGEST, _raw, bytes)
"""See exports.sources.versions."""

_BUILDERS: list[tuple[Any, Callable[[str, Any], Column]]] = [
    (mysql.BIT, _bits),
    (mysql.YEAR, lambda name, _: _simple(name, pa.int64(), int)),
    (sa.Boolean, lambda name, _: _simple(name, pa.bool_(), bool)),
    (sa.Integer, _integer),
    (sa.Float, _float),
    (sa.Time, _clock),
    (sa.Interval, _clock),
    (sa.JSON, _json),
    (BINARY, lambda name, _: _simple(name, pa.binary(), bytes)),
    (sa.Uuid, _text),
    (sa.String, _text),
]

_KINDS: list[tuple[Any, Kind]] = [
    ((mysql.BIT, mysql.YEAR, sa.Time, sa.Interval, sa.JSON, *BINARY), Kind.OTHER),
    (sa.Boolean, Kind.BOOLEAN),
    (sa.Integer, Kind.INTEGER),
    (sa.Float, Kind.NUMBER),
    (sa.Numeric, Kind.DECIMAL),
    (sa.DateTime, Kind.TIMESTAMP),
    (sa.Date, Kind.DATE),
    (sa.Uuid, Kind.UUID),
    (sa.String, Kind.TEXT),
]
