"""How PostgreSQL's columns compare exactly, whatever the collation of the database or of the column."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from exports.sources.conditions import Kind
from exports.sources.filtering import Comparable, Element, bound, single
from exports.sources.postgresql_types import Native, kind_of


def comparable(column: sa.Column[Any], here: Element) -> Comparable:
    """NaN is greater than every number, as PostgreSQL has it, and infinity greater than every moment."""
    native = column.type
    assert isinstance(native, Native)
    match kind_of(column):
        case Kind.TEXT:
            return _text(native, here)
        case Kind.NUMBER:
            return Comparable(here, lambda value: sa.cast(bound(single(value) if native.base == "float4" else value), sa.Double))
        case Kind.DECIMAL:
            return Comparable(sa.cast(here, sa.Numeric) if native.base == "money" else here, lambda value: bound(format(value, "f")))
        case Kind.UUID | Kind.DATE:
            return Comparable(here, lambda value: sa.cast(bound(str(value)), native))
        case Kind.TIMESTAMP:
            return Comparable(here, lambda value: literal_moment(column, value))
        case _:
            return Comparable(here, bound)


def _text(native: Native, here: Element) -> Comparable:
    plain = native.base in {"text", "varchar"}
    operand = sa.collate(here if plain else sa.cast(here, sa.Text), "C")
    return Comparable(
        operand,
        _text_literal,
        position=sa.func.strpos,
        index=(lambda values: here.in_([_text_literal(value) for value in values])) if plain else None,
    )


def _text_literal(value: object) -> Element:
    return sa.cast(bound(value), sa.Text)


def literal_moment(column: sa.Column[Any], value: datetime) -> Element:
    """With time zone for timestamptz; without, in UTC, for timestamp and date."""
    assert isinstance(column.type, Native)
    target = sa.TIMESTAMP(timezone=column.type.base == "timestamptz")
    return sa.cast(sa.cast(bound(value.isoformat()), sa.TIMESTAMP(timezone=True)), target)
