"""Values that a predicate compares: columns, constants, and what functions make of them; and expressions as JSON, exactly.

A function means the same in every database. NULL in any argument makes NULL, and NULL keeps no comparison.

    length, indexof, substring   characters (code points), counted from 0; indexof is -1 where the part is not there
    tolower, toupper             the letters A to Z and a to z alone: of others each database has its own opinion
    trim                         spaces at both ends
    year … second, date, time    in UTC; second is whole, time is text as HH:MM:SS.ffffff
    floor, ceiling, round        to a whole number; round takes halves away from 0
    add, sub, mul, div, mod      whole numbers; div cuts towards 0. Beyond 64 bits, or divided by 0, there is no value
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exports.sources.conditions import Kind, Value
from exports.sources.keys import dump_key, load_key


@dataclass(frozen=True)
class Column:
    name: str


@dataclass(frozen=True)
class Literal:
    """A constant, in the Python type of its kind: moments with their time zone."""

    value: Value


@dataclass(frozen=True)
class Call:
    """A function of SIGNATURES and its arguments."""

    function: str
    arguments: tuple["Expression", ...]


Expression = Column | Literal | Call

_TEXT, _INTEGER, _MOMENT = {Kind.TEXT}, {Kind.INTEGER}, {Kind.TIMESTAMP}
_DAY, _NUMBERS = {Kind.DATE, Kind.TIMESTAMP}, {Kind.NUMBER, Kind.DECIMAL}

SIGNATURES: dict[str, tuple[tuple[set[Kind], ...], Kind | None]] = {
    "length": ((_TEXT,), Kind.INTEGER),
    "indexof": ((_TEXT, _TEXT), Kind.INTEGER),
    "substring": ((_TEXT, _INTEGER, _INTEGER), Kind.TEXT),
    "tolower": ((_TEXT,), Kind.TEXT),
    "toupper": ((_TEXT,), Kind.TEXT),
    "trim": ((_TEXT,), Kind.TEXT),
    "concat": ((_TEXT, _TEXT), Kind.TEXT),
    "contains": ((_TEXT, _TEXT), Kind.BOOLEAN),
    "startswith": ((_TEXT, _TEXT), Kind.BOOLEAN),
    "endswith": ((_TEXT, _TEXT), Kind.BOOLEAN),
    **dict.fromkeys(("year", "month", "day"), ((_DAY,), Kind.INTEGER)),
    **dict.fromkeys(("hour", "minute", "second"), ((_MOMENT,), Kind.INTEGER)),
    "date": ((_MOMENT,), Kind.DATE),
    "time": ((_MOMENT,), Kind.TEXT),
    **dict.fromkeys(("floor", "ceiling", "round"), ((_NUMBERS,), None)),
    **dict.fromkeys(("add", "sub", "mul", "div", "mod"), ((_INTEGER, _INTEGER), Kind.INTEGER)),
}
"""The kinds that each argument may have, and the result's; None if it is the argument's. substring's last argument may be left out."""


def result_kind(function: str, arguments: list[Kind]) -> Kind | None:
    """None if there is no such function of arguments of these kinds."""
    takes, gives = SIGNATURES.get(function, ((), None))
    fewest = 2 if function == "substring" else len(takes)
    if not arguments or not fewest <= len(arguments) <= len(takes):
        return None
    fits = all(kind in kinds for kind, kinds in zip(arguments, takes, strict=False))
    return (gives or arguments[0]) if fits else None


def dump_expression(expression: Expression) -> dict[str, Any]:
    match expression:
        case Column(name):
            return {"column": name}
        case Literal(value):
            return {"literal": value if isinstance(value, float) else (dump_key((value,)) or [])[0]}
        case Call(function, arguments):
            return {"call": [function, *[dump_expression(argument) for argument in arguments]]}


def load_expression(stored: Mapping[str, Any]) -> Expression:
    """Raises ValueError, KeyError or TypeError for anything that dump_expression does not write."""
    ((name, value),) = stored.items()
    return _LOAD[name](value)


_LOAD: dict[str, Callable[[Any], Expression]] = {
    "column": Column,
    "literal": lambda value: Literal((load_key([value]) or ())[0]),
    "call": lambda parts: Call(parts[0], tuple(load_expression(part) for part in parts[1:])),
}
