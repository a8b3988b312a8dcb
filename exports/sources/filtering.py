"""Conditions as SQL: each database says how a column compares exactly, the operators are the same for all."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.operators import custom_op

from exports.sources.conditions import Operator, Value

Element = sa.ColumnElement[Any]
_CHAIN = 50
"""Terms that are joined one after another."""


@dataclass(frozen=True)
class Comparable:
    """A column as it compares exactly.

    operand: its value. literal: a typed value (exports.sources.conditions), bound, to be compared with it.
    index: an equality that holds for every row for which the exact one does, and that an index can answer; None if there is no better one.
    position: where the literal begins within the operand, from 1; 0 if nowhere.
    range: the same for LT, LE, GT and GE.
    holds: for databases whose columns take any type, that the row's value is of the column's.
    """

    operand: Element
    literal: Callable[[Any], Element]
    position: Callable[[Element, Element], Element] = sa.func.instr
    index: Callable[[tuple[Value, ...]], Element] | None = None
    holds: Element | None = None
    range: Callable[[Operator, Value], Element] | None = None


def compare(column: Comparable, here: Element, operator: Operator, values: tuple[Value, ...]) -> Element:
    """Whether a row keeps the condition. `here` is the column as it stands."""
    if operator is Operator.IS_NULL:
        return here.is_(None)
    if operator is Operator.IS_NOT_NULL:
        return here.is_not(None)
    exact = _OPERATORS[operator](column, [column.literal(value) for value in values])
    parts = [exact] if column.holds is None else [column.holds, exact]
    if column.index and operator in {Operator.EQ, Operator.IN}:
        parts.insert(0, column.index(values))
    if column.range and operator in _RANGES:
        parts.insert(0, column.range(operator, values[0]))
    return sa.and_(*parts)


_RANGES = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}
_OPERATORS: dict[Operator, Callable[[Comparable, list[Element]], Element]] = {
    Operator.EQ: lambda column, values: column.operand == values[0],
    Operator.NE: lambda column, values: column.operand != values[0],
    Operator.LT: lambda column, values: column.operand < values[0],
    Operator.LE: lambda column, values: column.operand <= values[0],
    Operator.GT: lambda column, values: column.operand > values[0],
    Operator.GE: lambda column, values: column.operand >= values[0],
    Operator.IN: lambda column, values: column.operand.in_(values),
    Operator.NOT_IN: lambda column, values: column.operand.not_in(values),
    Operator.CONTAINS: lambda column, values: column.position(column.operand, values[0]) > 0,
    Operator.STARTS_WITH: lambda column, values: column.position(column.operand, values[0]) == 1,
}


def all_of(parts: Sequence[Element]) -> Element:
    return _joined("AND", sa.and_, parts) if parts else sa.true()


def any_of(parts: Sequence[Element]) -> Element:
    return _joined("OR", sa.or_, parts) if parts else sa.false()


def _joined(word: str, join: Callable[..., Element], parts: Sequence[Element]) -> Element:
    """As a balanced tree where there are many: SQLite parses no more than 1000 levels, and takes each term of a chain for one."""
    if len(parts) <= _CHAIN:
        return join(*parts)
    middle = len(parts) // 2
    left, right = [_joined(word, join, half).self_group() for half in (parts[:middle], parts[middle:])]
    operator: custom_op[Any] = custom_op(word, precedence=-20)
    return BinaryExpression(left, right, operator, type_=sa.Boolean())


def bound(value: object) -> Element:
    """The value as the driver binds or quotes it."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)


def single(value: float) -> float:
    """The value as a float of 4 bytes holds it, if one does: what such a column is compared with."""
    try:
        [rounded] = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        return value
    return float(rounded)
