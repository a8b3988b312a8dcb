"""See exports.sources.functions.Functions."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from exports.sources.conditions import Kind, Value
from exports.sources.filtering import Element, bound
from exports.sources.functions import GREATEST, LEAST, key_literal, no_document, rounded
from exports.sources.postgresql_filtering import comparable
from exports.sources.postgresql_types import Native, kind_of

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"


class PostgresFunctions:
    def member(self, column: sa.Column[Any], here: Element, name: str) -> Element:
        native = column.type
        assert isinstance(native, Native)
        if native.base == "jsonb":  # the operator, because an index can answer it
            return sa.and_(sa.func.jsonb_typeof(here) == bound("object"), here.bool_op("?")(_text(bound(name))))
        if native.base == "json":
            return _readable(here, name).op("->")(_text(bound(name))).is_not(None)
        raise no_document(column)

    def one_of(self, column: sa.Column[Any], here: Element, values: list[Any]) -> Element:
        native = column.type
        assert isinstance(native, Native)
        kind, exact = kind_of(column), comparable(column, here)
        held = [value for value in values if not isinstance(value, str) or "\0" not in value]  # no text here holds NUL
        if not held:
            return sa.false()
        if kind is not Kind.TEXT:
            return here.in_([sa.cast(key_literal(column, kind, value, exact), native) for value in held])
        same = here.in_([sa.cast(bound(value), native) for value in held])
        if native.base == "bpchar":  # whose trailing spaces are no part of the value
            return same
        return sa.and_(same, exact.operand.in_([exact.literal(value) for value in held]))

    def column(self, column: sa.Column[Any], here: Element) -> Element:
        """Texts in the collation C, moments without time zone in UTC, whole numbers as numeric, which no sum is too large for."""
        native = column.type
        assert isinstance(native, Native)
        match kind_of(column):
            case Kind.TEXT:
                return sa.collate(_text(here), "C")
            case Kind.INTEGER | Kind.DECIMAL:
                return sa.cast(here, sa.Numeric)
            case Kind.NUMBER:
                return sa.cast(here, sa.Double)
            case Kind.TIMESTAMP if native.base == "timestamptz":
                return sa.func.timezone(bound("UTC"), here)
            case _:
                return here

    def literal(self, kind: Kind, value: Value) -> Element:
        text = format(value, "f") if kind is Kind.DECIMAL else value.isoformat() if hasattr(value, "isoformat") else str(value)
        held = sa.cast(bound(text), _TYPES[kind])
        if kind is Kind.TIMESTAMP:
            return sa.func.timezone(bound("UTC"), held)
        return sa.collate(held, "C") if kind is Kind.TEXT else held

    def call(self, function: str, arguments: list[Element]) -> Element:
        return _CALLS[function](*arguments)

    def exact(self, kind: Kind, operand: Element) -> Element:
        return operand


_TYPES: dict[Kind, Any] = {
    Kind.BOOLEAN: sa.Boolean,
    Kind.INTEGER: sa.Numeric,
    Kind.NUMBER: sa.Double,
    Kind.DECIMAL: sa.Numeric,
    Kind.TEXT: sa.Text,
    Kind.UUID: sa.Uuid,
    Kind.DATE: sa.Date,
    Kind.TIMESTAMP: sa.TIMESTAMP(timezone=True),
}


def _number(here: Element) -> Element:
    return sa.cast(here, sa.Numeric)


def _integer(here: Element) -> Element:
    return sa.cast(here, sa.Integer)


def _bounded(number: Element) -> Element:
    """NULL beyond 64 bits."""
    low: Element = sa.literal_column(str(LEAST - 1))
    high: Element = sa.literal_column(str(GREATEST + 1))
    return sa.func.nullif(sa.func.nullif(sa.func.greatest(sa.func.least(number, high), low), high), low)


def _quotient(one: Element, other: Element) -> Element:
    return sa.func.div(one, sa.func.nullif(other, 0))


def _part(name: str) -> Callable[[Element], Element]:
    return lambda here: _number(sa.func.floor(sa.extract(name, here)))


_CALLS: dict[str, Callable[..., Element]] = {
    "length": lambda text: _number(sa.func.length(text)),
    "indexof": lambda text, part: _number(sa.func.strpos(text, part) - 1),
    "substring": lambda text, start, *length: sa.func.substr(text, _integer(start + 1), *map(_integer, length)),
    "tolower": sa.func.lower,
    "toupper": sa.func.upper,
    "trim": sa.func.btrim,
    "concat": lambda one, other: one.op("||")(other),
    "contains": lambda text, part: sa.func.strpos(text, part) > 0,
    "startswith": lambda text, part: sa.func.strpos(text, part) == 1,
    "endswith": lambda text, part: sa.func.right(text, sa.func.length(part)) == part,
    **{name: _part(name) for name in ("year", "month", "day", "hour", "minute", "second")},
    "date": lambda moment: sa.cast(moment, sa.Date),
    "time": lambda moment: sa.collate(sa.func.to_char(moment, bound("HH24:MI:SS.US")), "C"),
    "floor": sa.func.floor,
    "ceiling": sa.func.ceil,
    "round": lambda number: rounded(sa.func.floor(number), sa.func.ceil(number), number),
    "add": lambda one, other: _bounded(one + other),
    "sub": lambda one, other: _bounded(one - other),
    "mul": lambda one, other: _bounded(one * other),
    "div": lambda one, other: _bounded(_quotient(one, other)),
    "mod": lambda one, other: sa.func.mod(one, sa.func.nullif(other, 0)),
}


def _text(here: Element) -> Element:
    return sa.cast(here, sa.Text)


def _readable(here: Element, name: str) -> Element:
    """The json without what it may hold but PostgreSQL's functions fail on: the escapes of NUL and of half characters, which no name has."""
    strange = next(mark for mark in "~^|" if mark not in name)
    text = sa.func.replace(_text(here), bound("\\\\"), bound("\\u005c"))
    for escape in (r"\\u0000", rf"{_HIGH}(?!{_LOW})", rf"(?<!{_HIGH}){_LOW}"):
        text = sa.func.regexp_replace(text, bound(escape), bound(strange), bound("g"))
    mended = sa.cast(text, sa.types.JSON)
    return sa.case((_text(here).op("~")(bound(r"\\u(0000|[dD][89a-fA-F])")), mended), else_=here)
