"""How SQLite's columns compare exactly. A column takes any type: a value that is not of the column's own keeps no condition."""

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from exports.sources.conditions import Kind, Operator
from exports.sources.filtering import Comparable, Element, bound
from exports.sources.sqlite_types import kind_of

_LEAST = "0000-00-00 00:00:00.000000"
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_MOMENT = f"{_DAY} [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]"
_ZONES = ("Z", "+00:00", "-00:00", "+0000", "-0000")
_HIGHEST = 2**63


def comparable(column: sa.Column[Any], here: Element) -> Comparable:
    match kind_of(column):
        case Kind.TEXT:
            return Comparable(sa.collate(here, "BINARY"), bound, holds=_is(here, "text"))
        case Kind.UUID:
            digits = sa.func.lower(sa.func.replace(here, "-", ""))
            return Comparable(digits, lambda value: bound(value_of(Kind.UUID, value)), holds=_is(here, "text"))
        case Kind.DATE:
            return Comparable(sa.collate(here, "BINARY"), lambda value: bound(value_of(Kind.DATE, value)), holds=_looks(here, _DAY))
        case Kind.TIMESTAMP:
            return _moment(here)
        case Kind.OTHER:
            return Comparable(here, bound)
        case kind:
            allowed = ("integer",) if kind is Kind.BOOLEAN else ("integer", "real")
            return Comparable(here, lambda value: bound(_number(value)), holds=_is(here, *allowed))


def value_of(kind: Kind, value: Any) -> int | float | str:
    """A typed value as comparisons find it in a column of the kind."""
    match kind:
        case Kind.UUID:
            return str(value.hex)
        case Kind.DATE:
            return str(value.isoformat())
        case Kind.TIMESTAMP:
            return _text(value)
        case Kind.TEXT:
            return str(value)
        case _:
            return _number(value)


def _number(value: Any) -> int | float:
    """An integer if it is one and SQLite has it, else the nearest float, which is how SQLite holds decimals."""
    whole = int(value)
    return whole if whole == value and -_HIGHEST <= whole < _HIGHEST else float(value)


def _moment(here: Element) -> Comparable:
    """ISO 8601 in UTC, of any length, as one text of 26 characters; digits beyond the microsecond are left out."""
    text = here
    for zone in _ZONES:
        text = sa.func.replace(text, zone, "")
    text = sa.func.replace(text, "T", " ")
    whole = sa.func.substr(text.concat(sa.func.substr(_LEAST, sa.func.length(text) + 1)), 1, len(_LEAST))
    # What is cut off must be digits: another offset would be no UTC.
    rest = sa.func.substr(text, len(_LEAST) + 1)
    holds = sa.and_(_looks(here, f"{_DAY}*"), _looks(whole, _MOMENT), sa.not_(rest.op("GLOB")(bound("*[^0-9]*"))))
    return Comparable(
        whole, lambda value: bound(_text(value)), holds=holds, index=lambda values: _days(here, values), range=partial(_range, here)
    )


def _days(here: Element, moments: tuple[Any, ...]) -> Element:
    return sa.and_(_range(here, Operator.GE, min(moments)), _range(here, Operator.LE, max(moments)))


def _range(here: Element, operator: Operator, moment: Any) -> Element:
    """By its day, with which every form begins, so that an index on the column as it stands serves."""
    if operator in {Operator.GT, Operator.GE}:
        return here >= bound(moment.date().isoformat())
    last = moment.date() == date.max
    return sa.true() if last else here < bound((moment.date() + timedelta(days=1)).isoformat())


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _is(here: Element, *classes: str) -> Element:
    return sa.func.typeof(here).in_([bound(name) for name in classes])


def _looks(here: Element, pattern: str) -> Element:
    return sa.and_(_is(here, "text"), here.op("GLOB")(bound(pattern)))
