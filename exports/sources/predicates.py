"""What must be true of a row, and predicates as JSON, exactly.

Their logic has two values. A leaf is true or false of every row, never unknown: where a comparison meets NULL, or a value that is not of
its column's type, it is false, and `Not` of it is true. So whatever keeps rows from being deleted can be negated without losing any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exports.sources.conditions import Condition
from exports.sources.expressions import Expression, dump_expression, load_expression
from exports.sources.keys import dump_key, load_key

MOST_KEYS = 1000


@dataclass(frozen=True)
class Compare:
    """What a function makes of columns, or a column with another, compared as Condition compares: with one value, with several, or with NULL.

    A plain column and constants are a Condition, which can use an index.
    """

    left: Expression
    operator: str
    values: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class And:
    """Every part; true without any."""

    parts: tuple["Predicate", ...]


@dataclass(frozen=True)
class Or:
    """At least one part; false without any."""

    parts: tuple["Predicate", ...]


@dataclass(frozen=True)
class Not:
    part: "Predicate"


@dataclass(frozen=True)
class HasMember:
    """The column holds a JSON object that has a member of that name, whatever its value. Text that is no JSON object has none."""

    column: str
    name: str

    def __post_init__(self) -> None:
        if "\0" in self.name or not is_utf8(self.name):
            raise ValueError("The name of a member is a text without NUL and without half characters.")


@dataclass(frozen=True)
class Exists:
    """A row of the child table whose `columns` equal this row's `key` columns, and of which `where` is true."""

    table: str
    schema: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    where: "Predicate | None" = None


@dataclass(frozen=True)
class KeyIn:
    """The row's key is one of these, byte for byte. At most MOST_KEYS, each as a reader gives it, or as text.

    columns: those that hold the key; none means the selection's `key`. Within Exists they must be named.
    """

    keys: tuple[tuple[Any, ...], ...]
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.keys) > MOST_KEYS:
            raise ValueError(f"KeyIn takes at most {MOST_KEYS} keys, not {len(self.keys)}.")


Predicate = Condition | Compare | And | Or | Not | HasMember | Exists | KeyIn


def is_utf8(text: str) -> bool:
    """Without half characters, which no database's text holds."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def dump_predicate(predicate: Predicate) -> dict[str, Any]:  # noqa: PLR0911 one for each class
    """The predicate as a JSON object with one member, named for its class. Raises SourceError for a key that JSON cannot hold."""
    match predicate:
        case Condition(attribute, operator, value):
            held = list(value) if isinstance(value, tuple | list) else value
            return {"condition": {"attribute": attribute, "operator": str(operator), "value": held}}
        case Compare(left, operator, values):
            operands = [dump_expression(value) for value in values]
            return {"compare": {"left": dump_expression(left), "operator": str(operator), "values": operands}}
        case And(parts):
            return {"and": [dump_predicate(part) for part in parts]}
        case Or(parts):
            return {"or": [dump_predicate(part) for part in parts]}
        case Not(part):
            return {"not": dump_predicate(part)}
        case HasMember(column, name):
            return {"hasMember": {"column": column, "name": name}}
        case Exists():
            return {"exists": _dump_exists(predicate)}
        case KeyIn(keys, columns):
            return {"keyIn": {"columns": list(columns), "keys": [dump_key(key) for key in keys]}}


def load_predicate(stored: Mapping[str, Any]) -> Predicate:
    """What dump_predicate was given. Raises ValueError for anything that it does not write."""
    try:
        ((name, value),) = stored.items()
        return _LOAD[name](value)
    except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("This is no predicate.") from error


def _dump_exists(exists: Exists) -> dict[str, Any]:
    return {
        "table": exists.table,
        "schema": exists.schema,
        "columns": list(exists.columns),
        "key": list(exists.key),
        "where": None if exists.where is None else dump_predicate(exists.where),
    }


def _load_condition(stored: dict[str, Any]) -> Condition:
    value = stored["value"]
    return Condition(stored["attribute"], stored["operator"], tuple(value) if isinstance(value, list) else value)


def _load_compare(stored: dict[str, Any]) -> Compare:
    values = tuple(load_expression(value) for value in stored["values"])
    return Compare(load_expression(stored["left"]), stored["operator"], values)


def _load_exists(stored: dict[str, Any]) -> Exists:
    where = None if stored["where"] is None else load_predicate(stored["where"])
    return Exists(stored["table"], stored["schema"], tuple(stored["columns"]), tuple(stored["key"]), where)


_LOAD: dict[str, Callable[[Any], Predicate]] = {
    "condition": _load_condition,
    "compare": _load_compare,
    "and": lambda parts: And(tuple(load_predicate(part) for part in parts)),
    "or": lambda parts: Or(tuple(load_predicate(part) for part in parts)),
    "not": lambda part: Not(load_predicate(part)),
    "hasMember": lambda stored: HasMember(stored["column"], stored["name"]),
    "exists": _load_exists,
    "keyIn": lambda stored: KeyIn(tuple(load_key(key) or () for key in stored["keys"]), tuple(stored["columns"])),
}
