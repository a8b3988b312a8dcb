"""See exports.sources.functions.Functions."""

from typing import Any

import sqlalchemy as sa

from exports.sources.conditions import Kind
from exports.sources.filtering import Element, bound
from exports.sources.functions import key_literal, no_document
from exports.sources.postgresql_filtering import comparable
from exports.sources.postgresql_types import Native, kind_of

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"


class PostgresFunctions:
    def member(self, column: sa.Column[Any], here: Element, name: str) -> Element:
        native = column.type
        assert isinstance(native, Native)
        if native.base == "jsonb":  # the operator, because an index can answer it
            return sa.and_(sa.func.jsonb_typeof(here) == bound("object"), here.bool_op("?")(_text(bound(name))))
        if native.base == "json":
            return _readable(here, name).op("->")(_text(bound(name))).is_not(None)
        raise no_document(column)

    def one_of(self, column: sa.Column[Any], here: Element, values: list[Any]) -> Element:
        native = column.type
        assert isinstance(native, Native)
        kind, exact = kind_of(column), comparable(column, here)
        held = [value for value in values if not isinstance(value, str) or "\0" not in value]  # no text here holds NUL
        if not held:
            return sa.false()
        if kind is not Kind.TEXT:
            return here.in_([sa.cast(key_literal(column, kind, value, exact), native) for value in held])
        same = here.in_([sa.cast(bound(value), native) for value in held])
        if native.base == "bpchar":  # whose trailing spaces are no part of the value
            return same
        return sa.and_(same, exact.operand.in_([exact.literal(value) for value in held]))


def _text(here: Element) -> Element:
    return sa.cast(here, sa.Text)


def _readable(here: Element, name: str) -> Element:
    """The json without what it may hold but PostgreSQL's functions fail on: the escapes of NUL and of half characters, which no name has."""
    strange = next(mark for mark in "~^|" if mark not in name)
    text = sa.func.replace(_text(here), bound("\\\\"), bound("\\u005c"))
    for escape in (r"\\u0000", rf"{_HIGH}(?!{_LOW})", rf"(?<!{_HIGH}){_LOW}"):
        text = sa.func.regexp_replace(text, bound(escape), bound(strange), bound("g"))
    mended = sa.cast(text, sa.types.JSON)
    return sa.case((_text(here).op("~")(bound(r"\\u(0000|[dD][89a-fA-F])")), mended), else_=here)
