"""The editor of a job's filters: lines of attribute, operator and value, as people type them."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from exports.services.filters import FIELD, condition_from
from exports.sources.conditions import Condition, Operator

_SHOWN = 2


@dataclass
class FilterRow:
    attribute: str = ""
    operator: str = Operator.EQ.value
    value: str = ""
    error: str = ""

    @property
    def condition(self) -> Condition:
        """Values of a list are separated by commas; one that holds a comma stands in double quotes."""
        if self.operator in {Operator.IN, Operator.NOT_IN}:
            return condition_from(self.attribute, self.operator, [word.strip() for line in csv.reader([self.value]) for word in line])
        without = self.operator in {Operator.IS_NULL, Operator.IS_NOT_NULL} and not self.value
        return condition_from(self.attribute, self.operator, None if without else self.value)


def rows_from(data: Any) -> list[FilterRow]:
    """The lines of a form that say something."""
    if data is None:
        return []
    columns = [data.getlist(f"filter_{name}") for name in ("attribute", "operator", "value")]
    rows = [FilterRow(attribute.strip(), operator, value) for attribute, operator, value in zip(*columns, strict=False)]
    return [row for row in rows if row.attribute or row.value]


def padded(rows: Iterable[FilterRow]) -> list[FilterRow]:
    """With an empty line to go on in."""
    shown = list(rows)
    return [*shown, *[FilterRow() for _ in range(max(1, _SHOWN - len(shown)))]]


def place_errors(rows: list[FilterRow], errors: dict[str, str]) -> dict[str, str]:
    """Put each sentence about `jobParams.filters[n]` at its line; what is left is about something else."""
    left = {}
    for path, sentence in errors.items():
        number = path.removeprefix(f"{FIELD}[").partition("]")[0]
        if path.startswith(f"{FIELD}[") and number.isdecimal() and int(number) < len(rows):
            place = path.rpartition(".")[2]
            rows[int(number)].error = sentence.replace(path, f"The {place}")
        else:
            left[path] = sentence
    return left
