"""What the rows of a dataset can be filtered by. It is read from the source at each call: a catalogue may change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.services.access import Access
from exports.models import Dataset, Source
from exports.services import visible
from exports.services.catalogue import selection
from exports.services.errors import Conflict, Invalid
from exports.services.nearest import known_names, shown
from exports.sources import open_reader
from exports.sources.base import SourceError
from exports.sources.conditions import OPERATORS, Kind, Operator


@dataclass(frozen=True)
class Attribute:
    """A column that is exported. Of a column of the type `other` only whether it is NULL can be asked."""

    name: str
    type: Kind

    @property
    def operators(self) -> tuple[Operator, ...]:
        return OPERATORS[self.type]


def attributes(access: Access, entities: Sequence[str] = ()) -> list[tuple[Dataset, list[Attribute]]]:
    """The attributes of the data types of these names, in every source; of all data types without names.

    Raises Invalid naming `entities` if a name is unknown, Conflict if a source cannot be read, and Denied.
    """
    there = list(visible.datasets(access).filter(is_attachment=False).select_related("source").order_by("source__key", "name"))
    names = [dataset.name for dataset in there]
    if unknown := next((name for name in entities if name not in names), None):
        raise Invalid({"entities": f'entities names "{shown(unknown)}", which is unknown. {known_names(unknown, names)}'})
    chosen = [dataset for dataset in there if not entities or dataset.name in entities]
    found = attributes_of(chosen)
    return [(dataset, found[dataset.pk]) for dataset in chosen]


def attributes_of(datasets: Iterable[Dataset]) -> dict[int, list[Attribute]]:
    """By the dataset's id; each source is opened once. Raises Conflict with a sentence if one cannot be read."""
    by_source: dict[int, list[Dataset]] = {}
    for dataset in datasets:
        by_source.setdefault(dataset.source_id, []).append(dataset)
    found: dict[int, list[Attribute]] = {}
    for here in by_source.values():
        found |= _read(here[0].source, here)
    return found


def _read(source: Source, datasets: Sequence[Dataset]) -> dict[int, list[Attribute]]:
    try:
        with open_reader(source.url) as reader:
            kinds = {dataset.pk: reader.kinds(selection(dataset)) for dataset in datasets}
    except SourceError as error:
        raise Conflict(f"The attributes of {source.name} cannot be read: {error}") from None
    return {pk: [Attribute(name, kind) for name, kind in named.items()] for pk, named in kinds.items()}
