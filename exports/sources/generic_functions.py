"""See exports.sources.functions.Functions. Documents: MariaDB only, as MySQL has no JSON_EXISTS."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from exports.sources.conditions import Kind, Operator
from exports.sources.filtering import Element, bound, compare
from exports.sources.functions import key_literal, no_document
from exports.sources.generic_filtering import comparable
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


def _many(values: list[Any]) -> sa.BindParameter[Any]:
    """The values as one parameter, which SQLAlchemy spreads out when the statement is sent: many times faster than one for each."""
    return sa.bindparam(None, values, type_=sa.types.NullType(), unique=True, expanding=True)
