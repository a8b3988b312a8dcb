"""Rows that are named by their keys, where the database takes the keys as a table of their own: place, k0, k1, …"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from exports.sources.base import VERSION, Selection, SourceError
from exports.sources.selecting import Backend, Chosen, choose, known
from exports.sources.writers.base import Counts, Mask

if TYPE_CHECKING:
    from exports.sources.predicates import Predicate

Element = sa.ColumnElement[Any]
Equal = Callable[[sa.Column[Any], Element, Element], Element]
"""How a column (its definition, its reference) is compared with what was asked for."""


@dataclass(frozen=True)
class Asked:
    """A table of keys in a statement, perhaps with their versions. size: how many. first: from where its column `place` counts."""

    rows: sa.FromClause
    size: int
    first: int = 0

    @property
    def place(self) -> Element:
        """From 0."""
        return self.rows.c.place - self.first

    def key(self, number: int) -> Element:
        return self.rows.c[f"k{number}"]


def columns_asked(selection: Selection, keys: pa.Table) -> list[pa.ChunkedArray]:
    """The key's columns. Raises SourceError if one was not given."""
    if not selection.key:
        raise SourceError(f"Table {selection.table} has no key by which rows could be named.")
    missing = [name for name in selection.key if name not in keys.column_names]
    if missing:
        raise SourceError(f"The key column {missing[0]} of table {selection.table} was not given.")
    return [keys.column(name) for name in selection.key]


def versions_asked(selection: Selection, rows: pa.Table) -> pa.ChunkedArray:
    """Their versions. Raises SourceError if they were not given."""
    if VERSION not in rows.column_names:
        raise SourceError(f"Rows of table {selection.table} can only be locked with the column {VERSION}, as they were read.")
    return rows.column(VERSION)


def named(backend: Backend, selection: Selection, asked: Asked, equal: Equal, where: "Predicate | None" = None) -> Chosen:
    """The rows that were asked for, of which the predicate is true. What else the selection says of rows does not count."""
    chosen = choose(backend, Selection(selection.table, selection.schema, key=selection.key, where=where))
    chosen.where.extend(equals(chosen, selection.key, asked, equal))
    return chosen


def equals(chosen: Chosen, names: tuple[str, ...], asked: Asked, equal: Equal) -> list[Element]:
    return [equal(known(chosen.table, name), chosen.column(name), asked.key(number)) for number, name in enumerate(names)]


def mask(size: int, places: list[Any]) -> Mask:
    """True at these places."""
    found = np.zeros(size, np.bool_)
    found[np.array(places, np.int64)] = True
    return found


def counts(size: int, pairs: list[Any]) -> Counts:
    """(place, number) as an array of numbers."""
    found = np.zeros(size, np.int64)
    for place, number in pairs:
        found[place] = number
    return found
