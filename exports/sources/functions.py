"""What predicates ask besides comparing a column with a value: each database has its own way to say it."""

from typing import Any, Protocol

import sqlalchemy as sa

from exports.sources.base import SourceError
from exports.sources.conditions import Condition, Kind, Operator, Value, WrongCondition, typed
from exports.sources.filtering import Comparable, Element, bound


class Functions(Protocol):
    """One database's."""

    def member(self, column: sa.Column[Any], here: Element, name: str) -> Element:
        """Whether the document `here` is a JSON object with that member; false or NULL for anything else. Raises SourceError if the column holds no documents."""

    def one_of(self, column: sa.Column[Any], here: Element, values: list[Any]) -> Element:
        """Whether the key column's value is one of these (at least one), and no other that only compares like it."""

    def column(self, column: sa.Column[Any], here: Element) -> Element:
        """The column as functions and comparisons take it: NULL where its value is not of the column's kind."""

    def literal(self, kind: Kind, value: Value) -> Element:
        """The value, bound, to stand beside such a column."""

    def call(self, function: str, arguments: list[Element]) -> Element:
        """What exports.sources.expressions says of the function."""

    def exact(self, kind: Kind, operand: Element) -> Element:
        """The operand as comparisons tell every two values of the kind apart."""


def no_document(column: sa.Column[Any]) -> SourceError:
    return SourceError(f"Column {column.name} holds no JSON documents, so that no row can be chosen by their members.")


def key_literal(column: sa.Column[Any], kind: Kind, value: Any, comparable: Comparable) -> Element:
    """A key's value as its column's kind compares it, whether it is given as that or as text; what is none of that kind stays as it is."""
    if isinstance(value, bytes):
        return bound(value)
    given = value if isinstance(value, int | float | str) else value.isoformat() if hasattr(value, "isoformat") else str(value)
    try:
        _, (one,) = typed(Condition(str(column.name), Operator.EQ, given), kind)
    except WrongCondition:
        return bound(value)
    return comparable.literal(one)


LEAST, GREATEST = -(2**63), 2**63 - 1
AS_TIGHT_AS_MUL = 8
"""SQLAlchemy's own precedence of *: an operator that it does not know binds less than +, unless told so."""


def rounded(down: Element, up: Element, number: Element) -> Element:
    """To the nearest whole number, halves away from 0. What lies between a number and the next whole one towards 0 is exact in every type."""
    half: Element = sa.literal_column("0.5")
    below = sa.case((up - number >= half, up - 1), else_=up)
    above = sa.case((number - down >= half, down + 1), else_=down)
    return sa.case((number < 0, below), else_=above)
