"""See exports.sources.functions.Functions."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from exports.sources.conditions import Condition, Kind, Operator, typed
from exports.sources.filtering import Element, all_of, any_of, bound, compare
from exports.sources.sqlite_filtering import comparable
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


def _equal(column: sa.Column[Any], here: Element, value: date | Decimal | UUID) -> Element:
    text = value.isoformat() if isinstance(value, date) else str(value)
    kind = kind_of(column)
    if kind is Kind.OTHER:
        return sa.collate(here, "BINARY") == bound(text)
    operator, values = typed(Condition(str(column.name), Operator.EQ, text), kind)
    return compare(comparable(column, here), here, operator, values)
