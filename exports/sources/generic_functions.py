"""See exports.sources.functions.Functions. Documents: MariaDB only, as MySQL has no JSON_EXISTS."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from exports.sources.base import SourceError
from exports.sources.conditions import Kind, Operator, Value
from exports.sources.filtering import Element, bound, compare
from exports.sources.functions import AS_TIGHT_AS_MUL, GREATEST, LEAST, key_literal, no_document, rounded
from exports.sources.generic_filtering import comparable, decimal
from exports.sources.generic_types import kind_of


@dataclass(frozen=True)
class GenericFunctions:
    is_mysql: bool

    def member(self, column: sa.Column[Any], here: Element, name: str) -> Element:
        """A text that is no JSON makes every function here NULL, with a warning. MariaDB's JSON_CONTAINS_PATH misses names that are escaped."""
        if not self.is_mysql or not isinstance(column.type, sa.JSON | sa.String):
            raise no_document(column)
        text = sa.cast(here, mysql.CHAR(charset="utf8mb4"))
        path = bound(f"$.{json.dumps(name, ensure_ascii=False)}")
        is_object = sa.case((sa.func.json_valid(text) == sa.literal_column("1"), sa.func.json_type(text) == bound("OBJECT")))
        return sa.and_(is_object, sa.func.json_exists(text, path) == sa.literal_column("1"))

    def one_of(self, column: sa.Column[Any], here: Element, values: list[Any]) -> Element:
        kind, exact = kind_of(column), comparable(column, here, is_mysql=self.is_mysql)
        plain = sa.type_coerce(here, sa.types.NullType())  # SQLAlchemy knows no comparison of YEAR and BIT
        if kind is Kind.INTEGER and all(type(value) is int for value in values):
            return plain.in_(_many(values))
        if kind is not Kind.TEXT:
            return plain.in_([key_literal(column, kind, value, exact) for value in values])
        texts = [str(value) for value in values]
        if not self.is_mysql:
            return compare(exact, here, Operator.IN, tuple(texts))
        same = exact.operand.in_(_many([text.encode() for text in texts]))
        return sa.and_(plain.in_(_many(texts)), same) if all(text.isascii() for text in texts) else same

    def column(self, column: sa.Column[Any], here: Element) -> Element:
        """Texts by code point, and whole numbers as decimals, which hold any product of two."""
        if not self.is_mysql:
            raise SourceError("Functions of columns can be compared in PostgreSQL, MariaDB and SQLite only.")
        match kind_of(column):
            case Kind.TEXT:
                return _text(here)
            case Kind.INTEGER:
                return sa.cast(here, _WHOLE)
            case Kind.NUMBER:
                return sa.cast(here, mysql.DOUBLE())
            case Kind.UUID:
                return _bytes(sa.cast(here, sa.CHAR(36)))
            case _:
                return here

    def literal(self, kind: Kind, value: Value) -> Element:
        match kind:
            case Kind.TEXT:
                return _text(bound(value))
            case Kind.INTEGER:
                return sa.cast(bound(str(value)), _WHOLE)
            case Kind.DECIMAL:
                return decimal(value)
            case Kind.UUID:
                return bound(str(value).encode())
            case Kind.DATE:
                return sa.cast(bound(str(value)), sa.Date)
            case _:
                return bound(value.replace(tzinfo=None) if isinstance(value, datetime) else value)

    def call(self, function: str, arguments: list[Element]) -> Element:
        return _CALLS[function](*arguments)

    def exact(self, kind: Kind, operand: Element) -> Element:
        return _bytes(operand) if kind is Kind.TEXT else operand


_WHOLE = mysql.DECIMAL(65, 0)


def _text(here: Element) -> Element:
    return sa.collate(sa.cast(here, mysql.CHAR(charset="utf8mb4")), "utf8mb4_bin")


def _bytes(text: Element) -> Element:
    """With trailing spaces, which no collation looks at."""
    return sa.cast(text, mysql.BINARY())


def _letters(have: str, want: str) -> Callable[[Element], Element]:
    """Letter by letter: LOWER and UPPER change more than A to Z."""

    def change(text: Element) -> Element:
        for one, other in zip(have, want, strict=True):
            text = sa.func.replace(text, sa.literal_column(f"'{one}'"), sa.literal_column(f"'{other}'"))
        return text

    return change


def _ends(text: Element, part: Element) -> Element:
    return sa.func.right(_bytes(text), sa.func.length(part)) == _bytes(part)


def _bounded(number: Element) -> Element:
    """NULL beyond 64 bits."""
    low: Element = sa.literal_column(str(LEAST - 1))
    high: Element = sa.literal_column(str(GREATEST + 1))
    return sa.func.nullif(sa.func.nullif(sa.func.greatest(sa.func.least(number, high), low), high), low)


def _remainder(one: Element, other: Element) -> Element:
    """MariaDB's decimals know a -0, which is less than 0, until something is added."""
    return sa.func.mod(one, other) + sa.literal_column("0")


def _quotient(one: Element, other: Element) -> Element:
    """Without a remainder the division is exact; DIV fails where the result has more than 64 bits."""
    return (one - sa.func.mod(one, other)).op("/", precedence=AS_TIGHT_AS_MUL)(other)


_CALLS: dict[str, Callable[..., Element]] = {
    "length": sa.func.char_length,
    "indexof": lambda text, part: sa.func.locate(part, text) - 1,
    "substring": lambda text, start, *length: sa.func.substring(text, start + 1, *length),
    "tolower": _letters(ascii_uppercase, ascii_lowercase),
    "toupper": _letters(ascii_lowercase, ascii_uppercase),
    "trim": sa.func.trim,
    "concat": sa.func.concat,
    "contains": lambda text, part: sa.func.locate(part, text) > 0,
    "startswith": lambda text, part: sa.func.locate(part, text) == 1,
    "endswith": _ends,
    **{name: getattr(sa.func, name) for name in ("year", "month", "day", "hour", "minute", "second", "date")},
    "time": lambda moment: _text(sa.func.time_format(moment, bound("%H:%i:%s.%f"))),
    "floor": sa.func.floor,
    "ceiling": sa.func.ceiling,
    "round": lambda number: rounded(sa.func.floor(number), sa.func.ceiling(number), number),
    "add": lambda one, other: _bounded(one + other),
    "sub": lambda one, other: _bounded(one - other),
    "mul": lambda one, other: _bounded(one * other),
    "div": lambda one, other: _bounded(_quotient(one, other)),
    "mod": _remainder,
}


def _many(values: list[Any]) -> sa.BindParameter[Any]:
    """The values as one parameter, which SQLAlchemy spreads out when the statement is sent: many times faster than one for each."""
    return sa.bindparam(None, values, type_=sa.types.NullType(), unique=True, expanding=True)
