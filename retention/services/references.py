"""Foreign keys that refer to a dataset's table, from the catalogue, and what each means for a purge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Inspector

from exports.models import Dataset, Source
from exports.sources import inspecting
from retention.models import ForeignKeyPlan

Action = ForeignKeyPlan.Action
Place = tuple[str, str]
"""Schema ("" for the default one) and name of a table."""


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

    def __init__(self, source: Source) -> None:
        self._datasets = {(row.schema, row.table): row for row in source.datasets.select_related("parent")}
        with inspecting(source.url) as inspector:
            self._keys = _foreign_keys(inspector)
        plans = ForeignKeyPlan.objects.filter(dataset__source=source)
        self._plans = {(plan.dataset_id, plan.schema, plan.table, tuple(plan.columns)): Action(plan.action) for plan in plans}

    def referring(self, dataset: Dataset) -> list[Reference]:
        """Those that refer to the dataset's table, with what was chosen for each, or else the default."""
        place = (dataset.schema, dataset.table)
        return [self._reference(dataset, *found) for found in self._keys.get(place, ())]

    def _reference(self, dataset: Dataset, place: Place, columns: tuple[str, ...], referred: tuple[str, ...]) -> Reference:
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


Found = tuple[Place, tuple[str, ...], tuple[str, ...]]


def _foreign_keys(inspector: Inspector) -> Mapping[Place, list[Found]]:
    """By the table that is referred to: where the foreign key is, its columns, the columns referred to."""
    default = inspector.default_schema_name
    found: dict[Place, list[Found]] = {}
    for schema in _schemas(inspector):
        for (_, table), keys in sorted(inspector.get_multi_foreign_keys(schema=schema).items(), key=lambda item: str(item[0])):
            for key in keys:
                here = "" if schema in {None, default} else str(schema)
                above = key["referred_schema"]
                there = here if above is None else "" if above == default else above
                columns = tuple(key["constrained_columns"])
                found.setdefault((there, key["referred_table"]), []).append(((here, table), columns, tuple(key["referred_columns"])))
    return found


def _schemas(inspector: Inspector) -> list[str | None]:
    if inspector.dialect.name != "postgresql":
        return [None]
    return [name for name in inspector.get_schema_names() if name != "information_schema" and not name.startswith("pg_")]
