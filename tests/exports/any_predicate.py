"""Any predicate over rows of every kind, and what Python says of it."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from math import trunc
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from exports.sources.conditions import Condition, Kind
from exports.sources.expressions import Call, Column, Expression, Literal
from exports.sources.predicates import And, Compare, Exists, HasMember, KeyIn, Not, Or, Predicate
from tests.exports.test_sources_filters import COLUMNS, KINDS, PREDICATES, VALUES, conditions, keeps

Row = dict[str, Any]

EXTRA = {"s2": Kind.TEXT, "i2": Kind.INTEGER, "at2": Kind.TIMESTAMP}
DOCUMENT = {"postgresql": "jsonb", "mysql": "json", "sqlite": "JSON"}
NAMES = [*KINDS, *EXTRA]


def columns(backend: str) -> str:
    """Of the table t, besides its id: one of each kind, three for the second time, and a document."""
    types = dict(part.strip().split(" ", 1) for part in COLUMNS[backend].replace("(20, 6)", "(20.6)").split(","))
    every = types | {name: types[name.rstrip("2")] for name in EXTRA} | {"doc": DOCUMENT[backend]}
    return ", ".join(f"{name} {kind.replace('.', ', ')}" for name, kind in every.items())


# --- Rows ----------------------------------------------------------------------------------------------------------
MEMBERS = st.sampled_from(["a", "A", "a\n", "é", "😀", '"', "\\"]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
)
TEXTS = VALUES[Kind.TEXT] | st.sampled_from(["  a ", "Straße", "ÄÖ a", "aXbX", "0:00"])
DOCUMENTS = st.dictionaries(MEMBERS, st.none() | st.integers(0, 9), max_size=3)


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    kinds = KINDS | EXTRA
    values = st.fixed_dictionaries({name: st.none() | (TEXTS if kind is Kind.TEXT else VALUES[kind]) for name, kind in kinds.items()})
    found = draw(st.lists(values, min_size=1, max_size=6))
    children = st.lists(st.fixed_dictionaries({"s": st.none() | st.sampled_from(["a", "b", "ä"])}), max_size=2)
    return [{"id": n, **row, "doc": draw(st.none() | DOCUMENTS), "children": draw(children)} for n, row in enumerate(found)]


def document(row: Row) -> str | None:
    return None if row["doc"] is None else json.dumps(row["doc"], ensure_ascii=bool(row["id"] % 2))


# --- Expressions ---------------------------------------------------------------------------------------------------
@st.composite
def text_of(draw: st.DrawFn, depth: int = 2) -> Expression:
    if not depth or draw(st.booleans()):
        return draw(st.sampled_from([Column("s"), Column("s2")]) | st.builds(Literal, TEXTS))
    inner = text_of(depth - 1)
    start = st.integers(0, 3).map(Literal)
    one = st.builds(lambda name, text: Call(name, (text,)), st.sampled_from(["tolower", "toupper", "trim"]), inner)
    two = st.builds(lambda a, b: Call("concat", (a, b)), inner, inner)
    cut = st.builds(lambda a, *n: Call("substring", (a, *n)), inner, start) | st.builds(
        lambda *a: Call("substring", a), inner, start, start
    )
    return draw(one | two | cut)


@st.composite
def integer_of(draw: st.DrawFn, depth: int = 2) -> Expression:
    if not depth or draw(st.booleans()):
        return draw(st.sampled_from([Column("i"), Column("i2")]) | st.builds(Literal, VALUES[Kind.INTEGER]))
    inner, text = integer_of(depth - 1), text_of(1)
    days = st.builds(lambda name, c: Call(name, (Column(c),)), st.sampled_from(["year", "month", "day"]), st.sampled_from(["day", "at"]))
    hours = st.builds(lambda name: Call(name, (Column("at"),)), st.sampled_from(["hour", "minute", "second"]))
    texts = st.builds(lambda a: Call("length", (a,)), text) | st.builds(lambda a, b: Call("indexof", (a, b)), text, text)
    sums = st.builds(lambda name, a, b: Call(name, (a, b)), st.sampled_from(["add", "sub", "mul", "div", "mod"]), inner, inner)
    return draw(days | hours | texts | sums)


def number_of(name: str) -> st.SearchStrategy[Expression]:
    whole = st.sampled_from(["floor", "ceiling", "round"]).map(lambda function: Call(function, (Column(name),)))
    return st.just(Column(name)) | whole | st.builds(Literal, VALUES[KINDS[name]])


OPERANDS: list[tuple[st.SearchStrategy[Expression], bool]] = [
    (text_of(), True),
    (integer_of(), True),
    (number_of("d"), True),
    (number_of("f"), True),
    (st.sampled_from([Column("day"), Call("date", (Column("at"),)), Literal(date(2024, 1, 31))]), True),
    (st.sampled_from([Column("at"), Column("at2")]) | st.builds(Literal, VALUES[Kind.TIMESTAMP]), True),
    (st.sampled_from([Call("time", (Column("at"),)), Call("time", (Column("at2"),)), Literal("12:00:00.000001")]), True),
    (st.builds(lambda n, a, b: Call(n, (a, b)), st.sampled_from(["contains", "startswith", "endswith"]), text_of(1), text_of(1)), False),
]
"""Strategies for operands that compare with each other, and whether they have an order."""


@st.composite
def compares(draw: st.DrawFn) -> Compare:
    operands, ordered = draw(st.sampled_from(OPERANDS))
    left = draw(operands)
    operator = draw(st.sampled_from([*(("lt", "le", "gt", "ge", "in", "notIn") if ordered else ()), "eq", "ne", "isNull", "isNotNull"]))
    if operator in {"isNull", "isNotNull"}:
        return Compare(left, operator)
    if not ordered:
        return Compare(left, operator, (Literal(draw(st.booleans())),))
    many = operator in {"in", "notIn"}
    return Compare(left, operator, tuple(draw(st.lists(operands, min_size=1, max_size=3 if many else 1))))


def predicates(schema: str) -> st.SearchStrategy[Predicate]:
    child = st.sampled_from([None, *[Condition("s", operator, "a") for operator in ("eq", "ne", "gt")]])
    exists = child.map(lambda where: Exists("c", schema, ("owner",), ("id",), Not(where) if where and where.operator == "gt" else where))
    keys = st.lists(st.integers(-1, 5).map(lambda number: (number,)), max_size=3).map(lambda found: KeyIn(tuple(found)))
    members = MEMBERS.map(lambda name: HasMember("doc", name))
    leaf: st.SearchStrategy[Predicate] = conditions().map(lambda both: both[0]) | compares() | compares() | members | exists | keys
    return st.recursive(
        leaf, lambda part: st.lists(part, max_size=3).map(_and) | st.lists(part, max_size=3).map(_or) | part.map(Not), max_leaves=6
    )


def _and(parts: list[Predicate]) -> Predicate:
    return And(tuple(parts))


def _or(parts: list[Predicate]) -> Predicate:
    return Or(tuple(parts))


# --- What Python says ----------------------------------------------------------------------------------------------
def is_true(predicate: Predicate, row: Row) -> bool:  # noqa: PLR0911 one for each class
    match predicate:
        case Condition(attribute, _, value):
            return keeps(row, predicate, _typed(KINDS[attribute], value))
        case Compare():
            return _compared(predicate, row)
        case And(parts):
            return all(is_true(part, row) for part in parts)
        case Or(parts):
            return any(is_true(part, row) for part in parts)
        case Not(part):
            return not is_true(part, row)
        case HasMember(_, name):
            return row["doc"] is not None and name in row["doc"]
        case Exists(where=where):
            return any(where is None or is_true(where, child) for child in row["children"])
        case KeyIn(keys):
            return (row["id"],) in keys


def _typed(kind: Kind, value: Any) -> Any:
    """The value of a condition as the rows have it."""
    if isinstance(value, tuple):
        return [_typed(kind, one) for one in value]
    read: dict[Kind, Callable[[Any], Any]] = {
        Kind.DECIMAL: Decimal,
        Kind.DATE: date.fromisoformat,
        Kind.TIMESTAMP: datetime.fromisoformat,
        Kind.UUID: UUID,
    }
    return value if value is None or kind not in read else read[kind](value)


def _compared(compare: Compare, row: Row) -> bool:
    left = value_of(compare.left, row)
    if compare.operator in {"isNull", "isNotNull"}:
        return (left is None) == (compare.operator == "isNull")
    right = [value_of(value, row) for value in compare.values]
    if left is None or (compare.operator != "in" and None in right):
        return False
    return PREDICATES[compare.operator](left, right if compare.operator in {"in", "notIn"} else right[0])


def value_of(expression: Expression, row: Row) -> Any:
    match expression:
        case Column(name):
            return row[name]
        case Literal(value):
            return value
        case Call(function, arguments):
            given = [value_of(argument, row) for argument in arguments]
            return None if None in given else FUNCTIONS[function](*given)


def _bounded(number: int) -> int | None:
    return number if -(2**63) <= number < 2**63 else None


def _quotient(one: int, other: int) -> int:
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


def _letters(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(change(letter) if letter.isascii() else letter for letter in text)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "length": len,
    "indexof": str.find,
    "substring": lambda text, start, length=None: text[start:] if length is None else text[start : start + length],
    "tolower": _letters(str.lower),
    "toupper": _letters(str.upper),
    "trim": lambda text: text.strip(" "),
    "concat": str.__add__,
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
    **{name: (lambda moment, name=name: getattr(moment, name)) for name in ("year", "month", "day", "hour", "minute", "second")},
    "date": lambda moment: moment.astimezone(UTC).date(),
    "time": lambda moment: moment.astimezone(UTC).time().isoformat(timespec="microseconds"),
    "floor": lambda number: Decimal(number).__floor__(),
    "ceiling": lambda number: Decimal(number).__ceil__(),
    "round": lambda number: int(Decimal(number).to_integral_value(ROUND_HALF_UP)) if abs(number) < 2**60 else trunc(number),
    "add": lambda one, other: _bounded(one + other),
    "sub": lambda one, other: _bounded(one - other),
    "mul": lambda one, other: _bounded(one * other),
    "div": lambda one, other: _bounded(_quotient(one, other)) if other else None,
    "mod": lambda one, other: one - other * _quotient(one, other) if other else None,
}
