"""How the columns of MySQL and MariaDB compare exactly, whatever their collations; other databases compare texts by their own."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from exports.sources.conditions import Kind, Value
from exports.sources.filtering import Comparable, Element, bound, single
from exports.sources.generic_types import kind_of, moment_for


def comparable(column: sa.Column[Any], here: Element, *, is_mysql: bool) -> Comparable:
    match kind_of(column):
        case Kind.TEXT if is_mysql:
            return _text(here)
        case Kind.NUMBER if isinstance(column.type, mysql.FLOAT) and (column.type.precision or 0) <= 24:
            return Comparable(here, lambda value: bound(single(value)))
        case Kind.DECIMAL if is_mysql:
            return Comparable(here, decimal)
        case Kind.TIMESTAMP:
            return Comparable(here, lambda value: bound(moment_for(column, value)))
        case Kind.UUID:  # as text: MariaDB 10.11 finds nothing with `<>` and certain constants
            return Comparable(sa.cast(here, sa.CHAR(36)), lambda value: bound(str(value)))
        case _:
            return Comparable(here, bound)


def _text(here: Element) -> Comparable:
    """Bytes of UTF-8: a collation may take A for a and ä for a, and nearly all pad with spaces."""
    operand = sa.cast(sa.cast(here, mysql.CHAR(charset="utf8mb4")), mysql.BINARY())
    return Comparable(
        operand,
        lambda value: bound(value.encode()),
        position=lambda text, part: sa.func.locate(part, text),
        index=lambda values: _index(here, values),
    )


def _index(here: Element, values: tuple[Value, ...]) -> Element:
    """With any other character the column's own set of characters may have no way to compare."""
    plain = all(isinstance(value, str) and value.isascii() for value in values)
    return here.in_([bound(value) for value in values]) if plain else sa.true()


def decimal(value: Any) -> Element:
    """A literal in digits would be a double as soon as it had an exponent."""
    text = format(value, "f")
    return sa.cast(bound(text), mysql.DECIMAL(65, len(text.partition(".")[2])))
