"""What somebody says when they place a hold, checked against the dataset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from exports.models import Dataset
from exports.services.errors import Conflict, Invalid
from exports.services.extracts import whole_rows
from exports.sources import open_reader
from exports.sources.base import Key, SourceError
from exports.sources.conditions import Condition, Kind, Operator, WrongCondition, typed
from exports.sources.keys import dump_key, load_key
from exports.sources.predicates import MOST_KEYS, KeyIn, Predicate
from retention.services.criteria import parse_criteria

Keys = Sequence[Sequence[Any]]
"""Keys of rows, each a list of the values of the key columns, in order."""
LONGEST_MATTER, LONGEST_REASON, LONGEST_CRITERIA = 200, 2000, 8192


@dataclass(frozen=True)
class Terms:
    """`where` is what criteria or keys mean; None covers all rows."""

    matter: str
    reason: str
    criteria: str
    keys: list[list[Any]]
    where: Predicate | None
    starts_at: datetime
    ends_at: datetime | None


def read(
    dataset: Dataset, *, matter: str, reason: str, criteria: str, keys: Keys, starts_at: datetime | None, ends_at: datetime | None
) -> Terms:
    """Raises Invalid, and Conflict if the source cannot be read."""
    said, why = words("matter", matter, LONGEST_MATTER), words("reason", reason, LONGEST_REASON)
    begins = starts_at or timezone.now()
    if ends_at is not None and ends_at <= max(begins, timezone.now()):
        raise Invalid({"endsAt": "endsAt must be later than now and than the start. Leave it out for a hold without end."})
    if criteria.strip() and keys:
        raise Invalid({"keys": "criteria and keys exclude each other: a hold covers what keeps the criteria, or the rows with the keys."})
    stored, where = _covered(dataset, criteria, keys)
    return Terms(said, why, criteria.strip(), stored, where, begins, ends_at)


def words(field: str, text: str, longest: int) -> str:
    """Raises Invalid naming the field."""
    text = text.strip()
    if not 1 <= len(text) <= longest or "\0" in text:
        raise Invalid({field: f"{field} must have 1 to {longest} characters, none of them NUL."})
    return text


def _covered(dataset: Dataset, criteria: str, keys: Keys) -> tuple[list[list[Any]], Predicate | None]:
    if keys:
        read_keys = _keys(dataset, keys)
        return [dump_key(key) or [] for key in read_keys], KeyIn(tuple(read_keys), tuple(dataset.key_columns))
    return [], understood(dataset, criteria)


def understood(dataset: Dataset, criteria: str) -> Predicate | None:
    """What an OData filter means; None if it is empty. Raises Invalid naming `criteria`."""
    if not criteria.strip():
        return None
    if len(criteria) > LONGEST_CRITERIA:
        raise Invalid({"criteria": f"criteria may have at most {LONGEST_CRITERIA} characters, not {len(criteria)}."})
    try:
        return parse_criteria(dataset, criteria)
    except Invalid as error:
        raise Invalid({"criteria": str(error)}) from None


def _keys(dataset: Dataset, keys: Keys) -> list[Key]:
    if not dataset.key_columns:
        raise Invalid({"keys": f"{dataset} has no key columns. Use criteria, or hold all of its rows."})
    if len(keys) > MOST_KEYS:
        raise Invalid({"keys": f"keys may have at most {MOST_KEYS} entries, not {len(keys)}. Use criteria, or place several holds."})
    kinds = _kinds(dataset)
    return [_key(kinds, f"keys[{place}]", key) for place, key in enumerate(keys)]


def _kinds(dataset: Dataset) -> dict[str, Kind]:
    """Of the key columns, in order."""
    try:
        with open_reader(dataset.source.url) as reader:
            known = reader.kinds(replace(whole_rows(dataset), columns=tuple(dataset.key_columns)))
    except SourceError as error:
        raise Conflict(f"The key columns of {dataset} cannot be read: {error}") from None
    return {name: known[name] for name in dataset.key_columns}


def _key(kinds: dict[str, Kind], path: str, given: Sequence[Any]) -> Key:
    if not isinstance(given, list | tuple) or len(given) != len(kinds):
        raise Invalid({path: f"{path} must be a list of {len(kinds)} values: {', '.join(kinds)}."})
    return tuple(_value(name, kind, path, value) for (name, kind), value in zip(kinds.items(), given, strict=True))


def _value(name: str, kind: Kind, path: str, value: Any) -> Any:
    """In the type of its column; what JSON has no type for comes as a reader's keys are stored, e.g. {"bytes": "AAECAw=="}."""
    try:
        if kind is Kind.OTHER:
            (loaded,) = load_key([value]) or ()
            return loaded
        if kind is Kind.NUMBER:
            raise Invalid({path: f"Rows of a table whose key {name} is a number with a floating point are held by criteria only."})
        return typed(Condition(name, Operator.EQ, value), kind)[1][0]
    except WrongCondition as wrong:
        raise Invalid({path: f"{path} has a wrong {name}. {wrong}"}) from None
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise Invalid({path: f'{path} has a wrong {name}. A key of bytes is written {{"bytes": "AAECAw=="}}, in Base64.'}) from None
