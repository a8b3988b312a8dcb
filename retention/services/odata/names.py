"""What the names in a filter mean: columns, children and functions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from exports.models import Dataset
from exports.services.attributes import attributes_of
from exports.services.nearest import known_names, shown
from exports.sources.conditions import Kind
from retention.services.odata.wrong import Wrong

FUNCTIONS = (
    *("contains", "startswith", "endswith", "length", "indexof", "substring", "tolower", "toupper", "trim", "concat"),
    *("year", "month", "day", "hour", "minute", "second", "date", "time", "now", "floor", "ceiling", "round"),
)


class Catalogue(Protocol):
    """What datasets hold."""

    def kinds(self, dataset: Dataset) -> Mapping[str, Kind]:
        """The kind of each exported column. Raises Conflict if the source cannot be read."""

    def children(self, dataset: Dataset) -> Sequence[Dataset]:
        """The datasets whose rows refer to this one's."""


class SourceCatalogue:
    """As the sources are now; each dataset is looked up once."""

    def __init__(self) -> None:
        self._kinds: dict[int, dict[str, Kind]] = {}

    def kinds(self, dataset: Dataset) -> Mapping[str, Kind]:
        if dataset.pk not in self._kinds:
            self._kinds[dataset.pk] = {each.name: each.type for each in attributes_of([dataset])[dataset.pk]}
        return self._kinds[dataset.pk]

    def children(self, dataset: Dataset) -> Sequence[Dataset]:
        return list(dataset.children.order_by("name"))


@dataclass(frozen=True)
class Scope:
    """The rows that names are about: those of a dataset, which inside any and all a variable stands for. `taken`: variables further out."""

    dataset: Dataset
    catalogue: Catalogue
    variable: str = ""
    taken: tuple[str, ...] = ()

    def kind(self, path: tuple[str, ...]) -> tuple[str, Kind]:
        """The column that a path means, and its kind. Raises Wrong."""
        name, *rest = self._inside(path)
        kinds = self.catalogue.kinds(self.dataset)
        if rest and name in kinds:
            raise Wrong(
                f"{shown('/'.join(path))} looks into a document, whose members the databases do not compare alike; {name} can only be compared with null."
            )
        if name not in kinds and self._named(name):
            raise Wrong(f"{shown(name)} are many rows: ask {shown(name)}/any(x: …) or {shown(name)}/all(x: …).")
        if name not in kinds or rest:
            raise Wrong(f"{shown('/'.join(path))} is unknown in {self.dataset.name}. {known_names(name, kinds)}")
        return name, kinds[name]

    def child(self, path: tuple[str, ...], variable: str) -> "Scope":
        """The rows that a path before any or all means. Raises Wrong."""
        name, *rest = self._inside(path)
        found = self._named(name)
        if len(found) == 1 and not rest:
            if variable and variable in {self.variable, *self.taken}:
                raise Wrong(f"{shown(variable)} already names another row.")
            return Scope(found[0], self.catalogue, variable, (*self.taken, self.variable))
        if len(found) > 1:
            raise Wrong(f"{shown(name)} may mean {' or '.join(each.name for each in found)}.")
        names = [each.name for each in self.catalogue.children(self.dataset)]
        raise Wrong(f"{shown('/'.join(path))} are no children of {self.dataset.name}. {known_names(name, names)}")

    @property
    def depth(self) -> int:
        return len(self.taken)

    def _inside(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Without the variable, which must be the nearest one's."""
        if not self.variable:
            return path
        if path[0] == self.variable and len(path) > 1:
            return path[1:]
        raise Wrong(
            f"Inside any and all only columns of {self.variable} can be compared, as {self.variable}/column, not {shown('/'.join(path))}."
        )

    def _named(self, name: str) -> list[Dataset]:
        """The child of that very name; else those whose name, or plural, differs in case or in marks only."""
        children = self.catalogue.children(self.dataset)
        exact = [child for child in children if child.name == name]
        return exact or [child for child in children if _plain(name) in _spellings(child.name)]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _spellings(name: str) -> Iterable[str]:
    plain = _plain(name)
    return {plain, f"{plain}s", f"{plain}es", f"{plain.removesuffix('y')}ies" if plain.endswith("y") else plain}
