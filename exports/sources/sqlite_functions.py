"""See exports.sources.functions.Functions."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from exports.sources.conditions import Condition, Kind, Operator, Value, typed
from exports.sources.filtering import Element, all_of, any_of, bound, compare
from exports.sources.functions import AS_TIGHT_AS_MUL, rounded
from exports.sources.sqlite_filtering import comparable, value_of
from exports.sources.sqlite_types import kind_of


class SQLiteFunctions:
    def member(self, column: sa.Column[Any], here: Element, name: str) -> Element:
        """Any column may hold the text of a document. What is none is an error to SQLite, unless it never gets to see it."""
        sound = sa.and_(sa.func.typeof(here) == bound("text"), sa.func.json_valid(here) == sa.literal_column("1"))
        members = sa.func.json_each(sa.case((sound, here), else_=bound("{}"))).table_valued("key")
        named = sa.and_(sa.func.typeof(members.c.key) == bound("text"), members.c.key == bound(name))
        return sa.exists(sa.select(sa.literal_column("1")).select_from(members).where(named))

    def one_of(self, column: sa.Column[Any], here: Element, values: list[Any]) -> Element:
        """As the reader gives keys, which is as they are stored. Other values are compared as those of the column's kind."""
        stored = [bound(value) for value in values if isinstance(value, int | float | str | bytes)]
        others = [value for value in values if not isinstance(value, int | float | str | bytes)]
        parts = [all_of([here.in_(stored), sa.collate(here, "BINARY").in_(stored)])] if stored else []
        return any_of([*parts, *[_equal(column, here, value) for value in others]])

    def column(self, column: sa.Column[Any], here: Element) -> Element:
        """Moments as one text of 26 characters, UUIDs as their digits."""
        form = comparable(column, here)
        return form.operand if form.holds is None else sa.case((form.holds, form.operand))

    def literal(self, kind: Kind, value: Value) -> Element:
        return bound(value_of(kind, value))

    def call(self, function: str, arguments: list[Element]) -> Element:
        return _CALLS[function](*arguments)

    def exact(self, kind: Kind, operand: Element) -> Element:
        return sa.collate(operand, "BINARY") if kind in _TEXTS else operand


_TEXTS = {Kind.TEXT, Kind.UUID, Kind.DATE, Kind.TIMESTAMP}


def _integer(here: Element) -> Element:
    return sa.cast(here, sa.Integer)


def _whole(number: Element) -> Element:
    """NULL for what has become a float, because 64 bits do not hold it."""
    return sa.case((sa.func.typeof(number) == bound("integer"), number))


def _floor(number: Element) -> Element:
    """SQLite is not always built with one. Beyond 53 bits a float has nothing behind the point, and no integer may hold it."""
    large = sa.or_(number >= 2**53, number <= -(2**53))
    return sa.case((large, number), (_integer(number) > number, _integer(number) - 1), else_=_integer(number))


def _ceiling(number: Element) -> Element:
    large = sa.or_(number >= 2**53, number <= -(2**53))
    return sa.case((large, number), (_integer(number) < number, _integer(number) + 1), else_=_integer(number))


def _ends(text: Element, part: Element) -> Element:
    rest = sa.func.length(text) - sa.func.length(part)
    return sa.and_(rest >= 0, sa.collate(sa.func.substr(text, rest + 1), "BINARY") == part)


def _cut(start: int, length: int) -> Callable[[Element], Element]:
    return lambda moment: _integer(sa.func.substr(moment, start, length))


_CALLS: dict[str, Callable[..., Element]] = {
    "length": sa.func.length,
    "indexof": lambda text, part: sa.func.instr(text, part) - 1,
    "substring": lambda text, start, *length: sa.func.substr(text, start + 1, *length),
    "tolower": sa.func.lower,
    "toupper": sa.func.upper,
    "trim": sa.func.trim,
    "concat": lambda one, other: one.op("||")(other),
    "contains": lambda text, part: sa.func.instr(text, part) > 0,
    "startswith": lambda text, part: sa.func.instr(text, part) == 1,
    "endswith": _ends,
    "year": _cut(1, 4),
    "month": _cut(6, 2),
    "day": _cut(9, 2),
    "hour": _cut(12, 2),
    "minute": _cut(15, 2),
    "second": _cut(18, 2),
    "date": lambda moment: sa.func.substr(moment, 1, 10),
    "time": lambda moment: sa.func.substr(moment, 12),
    "floor": _floor,
    "ceiling": _ceiling,
    "round": lambda number: rounded(_floor(number), _ceiling(number), number),
    "add": lambda one, other: _whole(one + other),
    "sub": lambda one, other: _whole(one - other),
    "mul": lambda one, other: _whole(one * other),
    "div": lambda one, other: _whole(one.op("/", precedence=AS_TIGHT_AS_MUL)(other)),
    "mod": lambda one, other: one.op("%", precedence=AS_TIGHT_AS_MUL)(other),
}


def _equal(column: sa.Column[Any], here: Element, value: date | Decimal | UUID) -> Element:
    text = value.isoformat() if isinstance(value, date) else str(value)
    kind = kind_of(column)
    if kind is Kind.OTHER:
        return sa.collate(here, "BINARY") == bound(text)
    operator, values = typed(Condition(str(column.name), Operator.EQ, text), kind)
    return compare(comparable(column, here), here, operator, values)
