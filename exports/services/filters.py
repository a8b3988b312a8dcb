"""Filters of a job: conditions on the attributes of its dataset, all of which a row must keep.

A job stores them as its client wrote them. They are checked against the source's catalogue when the job is made, and again by each run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exports.models import Dataset, Job
from exports.services.attributes import Attribute, attributes_of
from exports.services.nearest import known_names, shown
from exports.sources.base import SourceError
from exports.sources.conditions import Condition, Operator, WrongCondition, typed

MOST = 20
FIELD = "jobParams.filters"

_WORDS = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.LT: "is less than",
    Operator.LE: "is at most",
    Operator.GT: "is greater than",
    Operator.GE: "is at least",
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.CONTAINS: "contains",
    Operator.STARTS_WITH: "starts with",
    Operator.IS_NULL: "has no value",
    Operator.IS_NOT_NULL: "has a value",
}
CHOICES = [(operator.value, words) for operator, words in _WORDS.items()]


def wrong_filters(dataset: Dataset, filters: Sequence[Condition]) -> dict[str, str]:
    """What is wrong, by the path of each field (`jobParams.filters[0].attribute`). Raises Conflict if the source cannot be read."""
    if len(filters) > MOST:
        return {FIELD: f"{FIELD} may hold at most {MOST} filters."}
    if not filters:
        return {}
    there = {attribute.name: attribute for attribute in attributes_of([dataset])[dataset.pk]}
    wrong = [_wrong_filter(f"{FIELD}[{number}]", condition, there, dataset) for number, condition in enumerate(filters)]
    return {field: sentence for errors in wrong for field, sentence in errors.items()}


def _wrong_filter(path: str, condition: Condition, there: Mapping[str, Attribute], dataset: Dataset) -> dict[str, str]:
    name = condition.attribute
    if name not in there:
        sentence = f'{path}.attribute "{shown(name)}" is unknown in {dataset.name}. {known_names(name, there)}'
        return {f"{path}.attribute": sentence}
    try:
        typed(condition, there[name].type)
    except WrongCondition as wrong:
        field = f"{path}.{wrong.place}"
        given = f'{field} "{shown(str(condition.operator))}" does not suit: ' if wrong.place == "operator" else f"{field} does not suit: "
        return {field: given + str(wrong) + (f" {known_names(condition.operator, wrong.known)}" if wrong.known else "")}
    return {}


def stored(filters: Iterable[Condition]) -> list[dict[str, Any]]:
    """As JSON, in a job and in a manifest. A filter without a value has none."""
    return [
        {"attribute": condition.attribute, "operator": str(condition.operator)}
        | ({} if condition.value is None else {"value": list(condition.value) if isinstance(condition.value, tuple) else condition.value})
        for condition in filters
    ]


def condition_from(attribute: str, operator: str, value: Any) -> Condition:
    return Condition(attribute, operator, tuple(value) if isinstance(value, list) else value)


def conditions_of(job: Job) -> tuple[Condition, ...]:
    return tuple(condition_from(each["attribute"], each["operator"], each.get("value")) for each in job.filters)


def check_exported(dataset: Dataset, filters: Iterable[Condition]) -> None:
    """A column that the dataset has ceased to export tells nothing by its filters either. Raises SourceError."""
    for condition in filters:
        if dataset.columns and condition.attribute not in dataset.columns:
            raise SourceError(f"The filter on {condition.attribute} cannot be kept: {dataset.name} does not export that column any more.")


def in_words(condition: Condition) -> str:
    """`status is one of open, closed`."""
    words = _WORDS[Operator(condition.operator)]
    value = condition.value
    if value is None:
        return f"{condition.attribute} {words}"
    values = value if isinstance(value, tuple) else (value,)
    return f"{condition.attribute} {words} {', '.join(_spelled(one) for one in values)}"


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"“{value}”" if isinstance(value, str) else str(value)
