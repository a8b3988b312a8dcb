"""Putting rows back: the same steps in every database.

The invariant: no row that is there is changed. After the insert each row is read again, so that what the database made of it is known.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import sqlalchemy as sa

from exports.sources.base import Selection, SourceError
from exports.sources.selecting import known
from exports.sources.writers.base import JSON_NULL, Cells, Conflict, ConflictKind

Row = Mapping[str, Any]
"""The values of a row by column, in a form in which they can be compared."""


def insert(
    rows: Sequence[Row],
    read: Callable[[Sequence[Row]], Mapping[int, Row]],
    put: Callable[[Sequence[Row]], None],
    same: Callable[[str, Any, Any], bool],
) -> list[Conflict]:
    """read: by their places, the rows that are there of those with the keys of these. put: inserts those of these that it can.
    same: whether two values of a column are the same."""

    def differing(wanted: Row, found: Row) -> tuple[str, ...]:
        return tuple(name for name, value in wanted.items() if not same(name, value, found[name]))

    there = read(rows)
    conflicts = [_conflict(place, differing(rows[place], row)) for place, row in there.items()]
    missing = [place for place in range(len(rows)) if place not in there]
    if missing:
        wanted = [rows[place] for place in missing]
        put(wanted)
        now = read(wanted)
        conflicts += [Conflict(place, ConflictKind.TAKEN) for n, place in enumerate(missing) if n not in now]
        changes = {missing[n]: differing(wanted[n], row) for n, row in now.items()}
        conflicts += [Conflict(place, ConflictKind.ALTERED, columns) for place, columns in changes.items() if columns]
    return sorted(conflicts, key=lambda conflict: conflict.place)


def _conflict(place: int, columns: tuple[str, ...]) -> Conflict:
    return Conflict(place, ConflictKind.DIFFERENT if columns else ConflictKind.SAME, columns)


def columns_given(table: sa.Table, selection: Selection, rows: Sequence[Cells]) -> list[sa.Column[Any]]:
    """The columns that the rows have. Raises SourceError if they are not the same in all rows, or if the key or a column is missing."""
    names = list(rows[0])
    if any(row.keys() != rows[0].keys() for row in rows):
        raise SourceError("The rows to be inserted have not all the same columns.")
    if missing := [name for name in selection.key if name not in names]:
        raise SourceError(f"The rows to be inserted lack the key column {missing[0]} of table {selection.table}.")
    if twice := _repeated([tuple(row[name] for name in selection.key) for row in rows]):
        raise SourceError(f"The rows to be inserted have the key {', '.join(twice)} more than once.")
    return [known(table, name) for name in names]


def _repeated(keys: list[tuple[str, ...]]) -> tuple[str, ...]:
    seen: set[tuple[str, ...]] = set()
    return next((key for key in keys if key in seen or seen.add(key)), ())  # type: ignore[func-returns-value] # add gives None


def check_binary(binary: frozenset[str], columns: Sequence[sa.Column[Any]], is_binary: Callable[[sa.Column[Any]], bool]) -> None:
    """Raise SourceError if a column is binary in the file but not in the table, or the other way round."""
    for column in columns:
        if is_binary(column) != (column.name in binary):
            here, there = ("binary", "text") if is_binary(column) else ("not binary", "base64")
            raise SourceError(f"Column {column.name} is {here} in the table, but {there} in the file.")


def same_cells(moments: AbstractSet[str]) -> Callable[[str, str, str], bool]:
    """For `insert`. moments: the columns that hold such. A column without a value cannot be told from JSON's null, when it is read again."""

    def same(name: str, wanted: str, found: str) -> bool:
        return wanted == found or (wanted == JSON_NULL and found == "null") or (name in moments and same_moment(wanted, found))

    return same


def same_moment(wanted: str, found: str) -> bool:
    """Whether two cells are the same moment: readers may write fewer or more of the zeros at the end."""
    return _without_zeros(wanted) == _without_zeros(found)


def _without_zeros(cell: str) -> str:
    head, point, fraction = cell.partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    kept = digits.rstrip("0")
    return f"{head}{point if kept else ''}{kept}{fraction[len(digits) :]}"
