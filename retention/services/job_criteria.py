"""What the criteria of a retention job name and say: datasets of the organization, and an OData filter over each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.services.access import Access
from exports.models import Dataset
from exports.services.errors import Invalid
from exports.services.nearest import known_names, shown
from exports.sources.predicates import Predicate, dump_predicate
from retention.services.criteria import parse_criteria
from retention.services.odata.names import SourceCatalogue

MOST_RESOURCES = 50
MOST_CHARACTERS = 16_384
"""Of all filters of a job together."""


@dataclass(frozen=True)
class Resource:
    """A dataset, under the name that the client wrote, and what must be true of its rows."""

    name: str
    dataset: Dataset
    where: Predicate

    def stored(self) -> dict[str, Any]:
        return {"name": self.name, "dataset": self.dataset.pk, "where": dump_predicate(self.where)}


def read_criteria(access: Access, criteria: Mapping[str, str | None]) -> list[Resource]:
    """The resources that have a filter, in their order. Raises Invalid, naming each wrong one (`criteria.Chats`), and Conflict if a source cannot be read."""
    given = {name: text for name, text in criteria.items() if text and text.strip()}
    _check_amount(given)
    named = _named(access, list(given))
    errors, resources, catalogue, now = dict[str, str](), [], SourceCatalogue(), timezone.now()
    for name, dataset in named.items():
        try:
            resources.append(Resource(name, dataset, parse_criteria(dataset, given[name], catalogue, now=now)))
        except Invalid as invalid:
            errors[_field(name)] = str(invalid).replace(f"criteria.{dataset.name}", _field(name), 1)
    if errors:
        raise Invalid(errors)
    return resources


def _check_amount(given: Mapping[str, str]) -> None:
    if not given:
        example = """{"Interaction": "startDate lt 2024-01-01T00:00:00Z"}"""
        raise Invalid({"criteria": f"criteria has no filter for any resource, so the job would do nothing. Give at least one: {example}."})
    if len(given) > MOST_RESOURCES:
        raise Invalid({"criteria": f"criteria names {len(given)} resources; at most {MOST_RESOURCES} are possible in one job."})
    length = sum(map(len, given.values()))
    if length > MOST_CHARACTERS:
        raise Invalid({"criteria": f"criteria holds {length} characters of filters; at most {MOST_CHARACTERS} are possible in one job."})


# --- Names -----------------------------------------------------------------------------------------------------------
def _named(access: Access, names: Sequence[str]) -> dict[str, Dataset]:
    """By each name its dataset. Raises Invalid."""
    there = list(Dataset.objects.filter(source__organization=access.organization).select_related("source", "parent").order_by("pk"))
    errors, found = dict[str, str](), dict[str, Dataset]()
    for name in names:
        matching = _matching(name, there)
        if len(matching) == 1:
            found[name] = matching[0]
        else:
            errors[_field(name)] = _ambiguous(name, matching) if matching else _unknown(name, there)
    errors |= _doubled(found)
    if errors:
        raise Invalid(errors)
    return found


def _matching(name: str, there: Sequence[Dataset]) -> list[Dataset]:
    """Those of that name; if there is none, those of that name in other case: MedChat's clients write `liveChats`."""
    exact = [dataset for dataset in there if name in {dataset.name, full_name(dataset)}]
    wanted = name.casefold()
    return exact or [dataset for dataset in there if wanted in {dataset.name.casefold(), full_name(dataset).casefold()}]


def full_name(dataset: Dataset) -> str:
    """`contact-history/Interaction`."""
    return f"{dataset.source.key}/{dataset.name}"


def _ambiguous(name: str, matching: Sequence[Dataset]) -> str:
    return f"{_field(name)} can mean several datasets. Write one of: {', '.join(full_name(dataset) for dataset in matching)}."


def _unknown(name: str, there: Sequence[Dataset]) -> str:
    named = [full_name(dataset) if "/" in name else dataset.name for dataset in there]
    return f"{_field(name)} is no dataset of this organization. {known_names(name, named)}"


def _doubled(found: Mapping[str, Dataset]) -> dict[str, str]:
    """Two names of one dataset would need two answers to the question which of its rows go."""
    first, errors = dict[int, str](), dict[str, str]()
    for name, dataset in found.items():
        other = first.setdefault(dataset.pk, name)
        if other != name:
            errors[_field(name)] = f"{_field(other)} and {_field(name)} are the same dataset: give one filter, joined with `and` or `or`."
    return errors


def _field(name: str) -> str:
    return f"criteria.{shown(name)}"
