"""Expressions, and comparisons of them, as SQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from exports.sources.base import SourceError
from exports.sources.conditions import OPERATORS, Kind, Operator, Value
from exports.sources.expressions import Call, Column, Expression, Literal, result_kind
from exports.sources.filtering import Element
from exports.sources.predicates import Compare
from exports.sources.selecting import Backend, Chosen, known

EXACT = {Kind.INTEGER, Kind.DECIMAL}
"""Numbers that compare with each other exactly."""

_KINDS: list[tuple[type, Kind]] = [
    (bool, Kind.BOOLEAN),
    (int, Kind.INTEGER),
    (float, Kind.NUMBER),
    (Decimal, Kind.DECIMAL),
    (str, Kind.TEXT),
    (UUID, Kind.UUID),
    (datetime, Kind.TIMESTAMP),
    (date, Kind.DATE),
]
_COMPARE: dict[Operator, Callable[[Element, list[Element]], Element]] = {
    Operator.EQ: lambda left, right: left == right[0],
    Operator.NE: lambda left, right: left != right[0],
    Operator.LT: lambda left, right: left < right[0],
    Operator.LE: lambda left, right: left <= right[0],
    Operator.GT: lambda left, right: left > right[0],
    Operator.GE: lambda left, right: left >= right[0],
    Operator.IN: lambda left, right: left.in_(right),
    Operator.NOT_IN: lambda left, right: left.not_in(right),
    Operator.IS_NULL: lambda left, _: left.is_(None),
    Operator.IS_NOT_NULL: lambda left, _: left.is_not(None),
}


@dataclass(frozen=True)
class _Operand:
    kind: Kind
    element: Element


def kind_of_value(value: Value) -> Kind:
    return next(kind for known, kind in _KINDS if isinstance(value, known))


def comparable_kinds(one: Kind, other: Kind) -> bool:
    return one == other or {one, other} <= EXACT


def columns_in(expression: Expression) -> Iterator[str]:
    match expression:
        case Column(name):
            yield name
        case Call(arguments=arguments):
            for argument in arguments:
                yield from columns_in(argument)


def compared(backend: Backend, chosen: Chosen, compare: Compare) -> Element:
    """Raises SourceError if the table has no such columns, or if they are not compared so."""
    left = _operand(backend, chosen, compare.left)
    right = [_operand(backend, chosen, value) for value in compare.values]
    operator = _operator(compare, left.kind, len(right))
    if wrong := next((each for each in right if not comparable_kinds(left.kind, each.kind)), None):
        raise SourceError(f"A value of the type {left.kind} cannot be compared with one of the type {wrong.kind}.")
    if not right:
        return _COMPARE[operator](left.element, [])
    exact = [backend.functions.exact(each.kind, each.element) for each in (left, *right)]
    return _COMPARE[operator](exact[0], exact[1:])


def _operator(compare: Compare, kind: Kind, values: int) -> Operator:
    known = [operator for operator in OPERATORS[kind] if operator in _COMPARE]
    if compare.operator not in known:
        raise SourceError(f"A value of the type {kind} has no operator {compare.operator}.")
    operator = Operator(compare.operator)
    takes_none, takes_many = operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}, operator in {Operator.IN, Operator.NOT_IN}
    if (values == 0) != takes_none or (values > 1 and not takes_many):
        raise SourceError(f"The operator {operator} does not take {values} values.")
    return operator


def _operand(backend: Backend, chosen: Chosen, expression: Expression) -> _Operand:
    match expression:
        case Column(name):
            column = known(chosen.table, name)
            return _Operand(backend.kind(column), backend.functions.column(column, chosen.column(name)))
        case Literal(value):
            kind = kind_of_value(value)
            return _Operand(kind, backend.functions.literal(kind, value))
        case Call(function, arguments):
            given = [_operand(backend, chosen, argument) for argument in arguments]
            kind_given = result_kind(function, [each.kind for each in given])
            if kind_given is None:
                raise SourceError(f"There is no function {function} of {', '.join(each.kind for each in given) or 'nothing'}.")
            return _Operand(kind_given, backend.functions.call(function, [each.element for each in given]))
