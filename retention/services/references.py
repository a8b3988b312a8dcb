"""Foreign keys that refer to a dataset's table, from the catalogue, and what each means for a purge."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from exports.models import Dataset, Source
from exports.sources import open_reader
from exports.sources.base import Link, Reader
from retention.models import ForeignKeyPlan

Action = ForeignKeyPlan.Action


@dataclass(frozen=True)
class Reference:
    """Rows of `table` refer to a dataset's rows: their `columns` hold its `referred` columns. `dataset`: the child's, if it is one."""

    schema: str
    table: str
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    dataset: Dataset | None
    action: Action

    def __str__(self) -> str:
        return f"{self.table} ({', '.join(self.columns)})"


class Catalogue:
    """The foreign keys of one source, read once; and the organization's choices for them."""

    def __init__(self, source: Source, reader: Reader | None = None) -> None:
        """reader: one of the source that is open already. Raises SourceError."""
        self._datasets = {(row.schema, row.table): row for row in source.datasets.select_related("parent")}
        with nullcontext(reader) if reader else open_reader(source.url) as asked:
            self._links = asked.links()
        plans = ForeignKeyPlan.objects.filter(dataset__source=source)
        self._plans = {(plan.dataset_id, plan.schema, plan.table, tuple(plan.columns)): Action(plan.action) for plan in plans}

    def referring(self, dataset: Dataset) -> list[Reference]:
        """Those that refer to the dataset's table, with what was chosen for each, or else the default."""
        place = (dataset.schema, dataset.table)
        return [self._reference(dataset, link) for link in self._links if link.above == place]

    def _reference(self, dataset: Dataset, link: Link) -> Reference:
        place, columns, referred = link.place, link.columns, link.referred
        child = self._datasets.get(place)
        goes_along = child is not None and child.parent_id == dataset.pk and tuple(child.parent_columns) == columns
        default = Action.CASCADE if goes_along else Action.SKIP
        chosen = self._plans.get((dataset.pk, *place, columns), default)
        return Reference(*place, columns, referred, child, _possible(chosen, dataset, child, referred))


def _possible(chosen: Action, dataset: Dataset, child: Dataset | None, referred: Sequence[str]) -> Action:
    """Rows can only go along if each can be known by its key, and by the key of the row that it refers to. A table's own rows never do."""
    if chosen != Action.CASCADE:
        return chosen
    can = child is not None and child.pk != dataset.pk and child.key_columns and tuple(referred) == tuple(dataset.key_columns)
    return Action.CASCADE if can else Action.SKIP
