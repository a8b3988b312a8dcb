"""Keys in statements of MariaDB and MySQL, and whose they are of the rows that come back."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import pyarrow as pa
import sqlalchemy as sa

from exports.sources.base import Key, Selection, SourceError
from exports.sources.generic_types import plan, projected
from exports.sources.selecting import Chosen, known
from exports.sources.writers.asked import columns_asked

Element = sa.ColumnElement[Any]
AT_ONCE = 500
"""Keys in a statement: from 1000 on MariaDB makes a subquery of a list."""


class Asked:
    """Keys of a table, in the form in which the exact reader gives them: one list of values for each of its columns."""

    def __init__(self, columns: list[sa.Column[Any]], values: list[list[Any]]) -> None:
        self._columns = columns
        self._place: dict[Key, int] = {key: place for place, key in enumerate(zip(*values, strict=True))}
        self.size = len(values[0])

    @classmethod
    def of(cls, table: sa.Table, selection: Selection, rows: pa.Table) -> Self:
        """Of keys that a reader gave."""
        given = columns_asked(selection, rows)
        columns = [known(table, name) for name in selection.key]
        return cls(columns, [values_of(column, values) for column, values in zip(columns, given, strict=True)])

    def chunks(self) -> Iterator[tuple[Key, ...]]:
        """Those with letters that an index may not be asked for by themselves: they take a look at every row."""
        keys = sorted(self._place, key=_is_plain)
        bounds = {0, *range(0, len(keys), AT_ONCE), sum(not _is_plain(key) for key in keys), len(keys)}
        edges = sorted(bounds)
        return (tuple(keys[start:end]) for start, end in pairwise(edges))

    def read(self, chosen: Chosen) -> list[Element]:
        """What `place` is to be given of a row."""
        return [projected(column, chosen.column(column.name)) for column in self._columns]

    def place(self, values: Sequence[Any]) -> int | None:
        """Which of the keys these driver values are, byte for byte; None if none."""
        return self._place.get(tuple(reading(column)(value) for column, value in zip(self._columns, values, strict=True)))


def reading(column: sa.Column[Any]) -> Callable[[Any], Any]:
    """What makes a driver's value, or a reader's, the exact reader's. Raises SourceError for a type that names no rows."""
    if isinstance(column.type, sa.Float | sa.JSON):
        raise SourceError(f"Column {column.name} of the key is of type {column.type}, by which rows cannot be named.")
    return plan(column, exact=True).convert


def values_of(column: sa.Column[Any], values: pa.ChunkedArray) -> list[Any]:
    """Values that a reader gave. Raises SourceError for one that the column cannot hold."""
    if values.null_count:
        raise SourceError(f"A key has no value in column {column.name}.")
    convert = reading(column)
    try:
        return [convert(value) for value in values.to_pylist()]
    except ValueError:
        raise SourceError(f"Column {column.name} cannot hold the values that it is to be compared with.") from None


def _is_plain(key: Key) -> bool:
    return all(value.isascii() for value in key if isinstance(value, str))
