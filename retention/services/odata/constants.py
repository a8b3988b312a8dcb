"""Constants of a filter: from odata-query's literals to exact Python values, and to what a column's kind compares."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from odata_query import ast

from exports.services.nearest import shown
from exports.sources.conditions import Condition, Kind, Operator, Value, WrongCondition, typed
from retention.services.odata.wrong import Wrong

DURATION, TIME = "duration", "time of day"
_LONGEST_NUMBER = 100
_DURATION = re.compile(r"([+-]?)P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?")


@dataclass(frozen=True)
class Constant:
    """`type`: a Kind, DURATION or TIME; "" for null. A time of day is text as HH:MM:SS.ffffff; numbers are exact."""

    type: str
    value: Any


NULL = Constant("", None)


def constant(node: Any) -> Constant:
    """Raises Wrong for a literal that means nothing."""
    read = _READ.get(type(node))
    if read is None:
        raise Wrong("This cannot be compared.")
    try:
        return read(node.val) if hasattr(node, "val") else NULL
    except (ValueError, OverflowError, ArithmeticError):
        raise Wrong(f"{shown(str(node.val))} is no {_CALLED.get(type(node), 'value')}.") from None


def wanted(kind: str, given: Constant, what: str) -> Value:
    """The constant as a column (`what`) of that kind is compared with it. Raises Wrong if it is of another type."""
    if kind in {TIME, DURATION}:
        if given.type != kind:
            raise _mismatch(kind, given, what)
        return str(given.value)
    if given.type not in _TAKES.get(Kind(kind), {kind}):
        raise _mismatch(kind, given, what)
    written = given.value
    if kind == Kind.TIMESTAMP and given.type == Kind.DATE:
        written = datetime.combine(written, time(), UTC)
    if isinstance(written, Decimal):
        written = format(written, "f")
    elif not isinstance(written, bool | int | float | str):
        written = written.isoformat() if isinstance(written, date) else str(written)
    try:
        _, (value,) = typed(Condition(what, Operator.EQ, written), Kind(kind))
    except WrongCondition as wrong:
        raise Wrong(f"{what} cannot be compared with this: {wrong}") from None
    return value


def _mismatch(kind: str, given: Constant, what: str) -> Wrong:
    return Wrong(f"{what} is of the type {kind} and cannot be compared with {_spelled(given)}. {_RIGHT.get(kind, '')}".strip())


def _spelled(given: Constant) -> str:
    return f"the {given.type} {shown(str(given.value))}" if given.type else "null"


def _integer(text: str) -> Constant:
    return Constant(Kind.INTEGER, int(_short(text)))


def _decimal(text: str) -> Constant:
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,3})?", _short(text), re.IGNORECASE):
        raise ValueError
    return Constant(Kind.DECIMAL, Decimal(text))


def _short(text: str) -> str:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError
    return text


def _moment(text: str) -> Constant:
    """Without offset in UTC. No database compares less than a microsecond."""
    _check_fraction(text)
    moment = datetime.fromisoformat(text)
    return Constant(Kind.TIMESTAMP, moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))


def _time(text: str) -> Constant:
    _check_fraction(text)
    return Constant(TIME, time.fromisoformat(text).isoformat(timespec="microseconds"))


def _check_fraction(text: str) -> None:
    if re.search(r"\.\d{6}\d*[1-9]", text):
        raise ValueError


def _duration(text: str) -> Constant:
    """Years and months have no length of their own."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError
    sign, days, hours, minutes, seconds = found.groups()
    micros = int(Decimal(seconds or 0) * 1_000_000)
    length = timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0), microseconds=micros)
    return Constant(DURATION, -length if sign == "-" else length)


_READ: dict[type, Callable[[Any], Constant]] = {
    ast.Null: lambda _: NULL,
    ast.Integer: _integer,
    ast.Float: _decimal,
    ast.Boolean: lambda text: Constant(Kind.BOOLEAN, text.lower() == "true"),
    ast.String: lambda text: Constant(Kind.TEXT, text),
    ast.GUID: lambda text: Constant(Kind.UUID, UUID(text)),
    ast.Date: lambda text: Constant(Kind.DATE, date.fromisoformat(text)),
    ast.Time: _time,
    ast.DateTime: _moment,
    ast.Duration: _duration,
}
_CALLED: dict[type, str] = {
    ast.Integer: f"number of at most {_LONGEST_NUMBER} digits",
    ast.Float: f"number of at most {_LONGEST_NUMBER} digits, with an exponent of at most three",
    ast.GUID: "UUID",
    ast.Date: "day of the calendar",
    ast.Time: "time of day to the microsecond",
    ast.DateTime: "moment to the microsecond",
    ast.Duration: "duration of days, hours, minutes and seconds: years and months have no length of their own",
}
_TAKES: dict[Kind, set[str]] = {
    Kind.INTEGER: {Kind.INTEGER},
    Kind.NUMBER: {Kind.INTEGER, Kind.DECIMAL},
    Kind.DECIMAL: {Kind.INTEGER, Kind.DECIMAL},
    Kind.TIMESTAMP: {Kind.TIMESTAMP, Kind.DATE},
}
_RIGHT: dict[str, str] = {
    Kind.BOOLEAN: "Write true or false.",
    Kind.INTEGER: "Write a number, e.g. 42.",
    Kind.NUMBER: "Write a number, e.g. 1.5.",
    Kind.DECIMAL: "Write a number, e.g. 19.90.",
    Kind.TEXT: "Write a text in single quotes, e.g. 'open'.",
    Kind.UUID: "Write a UUID without quotes.",
    Kind.DATE: "Write a day without quotes, e.g. 2024-01-31.",
    Kind.TIMESTAMP: "Write a moment without quotes, e.g. 2024-01-31T12:00:00Z.",
    TIME: "Write a time of day without quotes, e.g. 12:00:00.",
    Kind.OTHER: "It can only be compared with null.",
}
