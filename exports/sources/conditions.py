"""What rows can be chosen by: kinds of columns, the operators that each allows, and the values that they take.

A comparison means the same in every database. Texts are compared by code point, with case, accents and trailing spaces; numbers, dates
and moments by value. NULL is no value: no comparison finds it, `ne` and `notIn` included; `isNull` does.
"""

import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn


class Kind(StrEnum):
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    TEXT = "text"
    UUID = "uuid"
    DATE = "date"
    TIMESTAMP = "timestamp"
    OTHER = "other"


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    NOT_IN = "notIn"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    IS_NULL = "isNull"
    IS_NOT_NULL = "isNotNull"


_NULL = (Operator.IS_NULL, Operator.IS_NOT_NULL)
_EQUAL = (Operator.EQ, Operator.NE)
_AMONG = (Operator.IN, Operator.NOT_IN)
_ORDERED = (*_EQUAL, Operator.LT, Operator.LE, Operator.GT, Operator.GE, *_AMONG)

OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.BOOLEAN: (*_EQUAL, *_NULL),
    Kind.INTEGER: (*_ORDERED, *_NULL),
    Kind.NUMBER: (*_ORDERED, *_NULL),
    Kind.DECIMAL: (*_ORDERED, *_NULL),
    Kind.TEXT: (*_ORDERED, Operator.CONTAINS, Operator.STARTS_WITH, *_NULL),
    Kind.UUID: (*_EQUAL, *_AMONG, *_NULL),
    Kind.DATE: (*_ORDERED, *_NULL),
    Kind.TIMESTAMP: (*_ORDERED, *_NULL),
    Kind.OTHER: _NULL,
}

MOST_VALUES, LONGEST_TEXT = 1000, 1000
_DIGITS, _DECIMALS = 65, 38
"""Of decimals: as many as MariaDB's DECIMAL has."""
_INTEGERS = range(-(2**63), 2**64)

Given = bool | int | float | str
Value = bool | int | float | Decimal | str | uuid.UUID | date | datetime


class WrongCondition(Exception):
    """A condition that the column cannot be asked. `place` is the field of Condition, `known` what could stand there instead, if that can be listed."""

    def __init__(self, place: str, sentence: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.place, self.known = place, known


@dataclass(frozen=True)
class Condition:
    """What the value of a column must be. It is as whoever wrote it has it: `typed` says whether it means anything.

    attribute: the column. value: a JSON scalar (text is taken for every type: "42", "2024-01-31"); a tuple of them with `in`
    and `notIn`; None with `isNull` and `isNotNull`.
    """

    attribute: str
    operator: str
    value: Any = None


def typed(condition: Condition, kind: Kind) -> tuple[Operator, tuple[Value, ...]]:
    """The operator, and the values in the types of `kind`: moments in UTC, one value unless the operator takes several. Raises WrongCondition."""
    known = OPERATORS[kind]
    if condition.operator not in known:
        what = "has no such operator" if condition.operator not in list(Operator) else f"is of the type {kind}, which is not compared so"
        raise WrongCondition("operator", f"{condition.attribute} {what}.", tuple(known))
    operator, value = Operator(condition.operator), condition.value
    if operator in _NULL:
        if value is not None:
            raise WrongCondition("value", f"{operator} takes no value.")
        return operator, ()
    if operator in _AMONG:
        if not isinstance(value, tuple | list) or not 1 <= len(value) <= MOST_VALUES:
            raise WrongCondition("value", f"{operator} takes a list of 1 to {MOST_VALUES} values.")
        return operator, tuple(_value(kind, one) for one in value)
    return operator, (_value(kind, value),)


def _value(kind: Kind, value: object) -> Value:
    read, right = _READ[kind]
    try:
        if isinstance(value, int | float | str):
            return read(value)
    except (ValueError, OverflowError, ArithmeticError):
        pass
    raise WrongCondition("value", f"A value of the type {kind} is {right}.")


def _boolean(value: Given) -> bool:
    if isinstance(value, bool):
        return value
    return value == "true" if value in {"true", "false"} else _refuse()


def _integer(value: Given) -> int:
    text = _number_text(value)
    number = int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else _refuse()
    return number if number in _INTEGERS else _refuse()


def _float(value: Given) -> float:
    text = _number_text(value)
    number = float(text) if re.fullmatch(r"-?[0-9.]+([eE][+-]?[0-9]+)?", text) else _refuse()
    return number if math.isfinite(number) else _refuse()


def _decimal(value: Given) -> Decimal:
    text = _number_text(value)
    number = Decimal(text) if len(text) <= 100 and re.fullmatch(r"-?[0-9.]+([eE][+-]?[0-9]{1,3})?", text) else _refuse()
    whole, _, decimals = format(number, "f").lstrip("-").partition(".")
    decimals = decimals.rstrip("0")
    return number if len(decimals) <= _DECIMALS and len(whole) + len(decimals) <= _DIGITS else _refuse()


def _number_text(value: Given) -> str:
    return _refuse() if isinstance(value, bool) else value if isinstance(value, str) else repr(value)


def _text(value: Given) -> str:
    """Without NUL, which no PostgreSQL text holds, and without half characters, which no UTF-8 holds."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        return _refuse()
    value.encode()
    return value


def _uuid(value: Given) -> uuid.UUID:
    return uuid.UUID(value) if isinstance(value, str) else _refuse()


def _date(value: Given) -> date:
    return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2024-01-31") else _refuse()


def _moment(value: Given) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else _refuse()
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse() -> NoReturn:
    raise ValueError


_READ: dict[Kind, tuple[Callable[[Given], Value], str]] = {
    Kind.BOOLEAN: (_boolean, "true or false"),
    Kind.INTEGER: (_integer, "a whole number of at most 64 bits, e.g. 42"),
    Kind.NUMBER: (_float, "a finite number, e.g. 1.5"),
    Kind.DECIMAL: (_decimal, f'a number of at most {_DIGITS} digits, {_DECIMALS} of them after the point; write it as text, e.g. "19.90"'),
    Kind.TEXT: (_text, f"a text of at most {LONGEST_TEXT} characters, none of them NUL"),
    Kind.UUID: (_uuid, "a UUID, e.g. 123e4567-e89b-12d3-a456-426614174000"),
    Kind.DATE: (_date, "a date, e.g. 2024-01-31"),
    Kind.TIMESTAMP: (_moment, "a moment in ISO 8601, e.g. 2024-01-31T12:00:00Z; without offset it is UTC"),
}
