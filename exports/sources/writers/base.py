"""What may be done to a source's rows: one protocol that every writer keeps, whatever the database.

The invariant: a writer deletes a row only by its explicit key, in a transaction in which it has locked that row (a deletion that also asks
for the row's version does so itself), and either all the rows that it was told to delete or none. It never deletes by a range or by a condition, and never lets a foreign key's action
(ON DELETE CASCADE, SET NULL, SET DEFAULT) change a row that it was not told to delete. What triggers do is the source's own.

Keys are tables of Arrow, one column for each column of `selection.key` and named like it, as a Reader gave them (exact or not);
other columns are not looked at. A key is a row's key only if it is the same value byte for byte, not only by a collation.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
import pyarrow as pa

from exports.sources.base import Place, Selection, SourceError

if TYPE_CHECKING:
    from exports.sources.predicates import Predicate

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Counts = np.ndarray[Any, np.dtype[np.int64]]

Cells = Mapping[str, str]
"""A row as a line of JSON Lines has it: the JSON text of each column's value, cut out of the line (exports.sources.writers.lines)."""

JSON_NULL = " null"
"""The cell of a document that is JSON's null. A line spells it as it spells a column without a value, of which the cell is `null`."""


class LockTimeout(SourceError):
    """Somebody else holds a row, or the file, for longer than the lock timeout. Nothing has changed."""


class ForeignKeyBroken(SourceError):
    """Other rows still refer to a row that was to be deleted, or a row that was to be inserted refers to none. Nothing has changed."""


class NotAsRead(Exception):
    """A row is not as it was read, or gone, or others would change with it. What the open savepoint holds is to be undone."""


class OnDelete(StrEnum):
    """What the database does with the rows that refer to a deleted one."""

    NO_ACTION = "no action"
    RESTRICT = "restrict"
    CASCADE = "cascade"
    SET_NULL = "set null"
    SET_DEFAULT = "set default"

    @property
    def acts(self) -> bool:
        """Whether rows change that nobody named."""
        return self not in {OnDelete.NO_ACTION, OnDelete.RESTRICT}


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key of the table at `place`: its `columns` refer to `referred`, column by column. key: its primary key, if it has one."""

    name: str
    place: Place
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    on_delete: OnDelete
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Of each row that was to be locked, in the order given: whether it is there (and locked now), and whether it is as it was read."""

    present: Mask
    unchanged: Mask


class ConflictKind(StrEnum):
    SAME = "same"
    """A row of that key is there, with the same values. Nothing was inserted."""
    DIFFERENT = "different"
    """A row of that key is there, with other values in `columns`. Nothing was inserted."""
    TAKEN = "taken"
    """Another row has a value that must be unique. Nothing was inserted."""
    ALTERED = "altered"
    """The row was inserted, but the database gave `columns` other values: a trigger, a generated column."""


@dataclass(frozen=True)
class Conflict:
    """What is to be said of the row at `place`, from 0, of those that were to be inserted."""

    place: int
    kind: ConflictKind
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bloat:
    """What a table takes on disk, in bytes, and how many of them are estimated to be free inside it.

    statement: what gives them back; `locks`: nobody can use the table (SQLite: the file) meanwhile. In SQLite all is said of the file.
    """

    table_bytes: int
    reclaimable_bytes: int
    statement: str
    locks: bool


class SourceWriter(Protocol):
    """One connection that may write. Use it as a context manager; one thread writes, any thread may cancel.

    All but foreign_keys, check_table and bloat happens inside `transaction`. Raises SourceError, ConnectionLost, LockTimeout, ForeignKeyBroken;
    after an error the transaction is to be left, which rolls it back.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def foreign_keys(self, place: Place) -> list[ForeignKey]:
        """Those of other tables, or of the table itself, that refer to the table."""

    def check_table(self, selection: Selection) -> None:
        """Raise SourceError if it is no table, if `selection.key` can be NULL or is not unique, or if the user may not delete from it."""

    def transaction(self, *, lock_timeout: float, idle_timeout: float) -> AbstractContextManager[None]:
        """Commits at the end, rolls back on any exception. ConnectionLost out of the end itself leaves open whether it was committed.

        lock_timeout: seconds to wait for a lock, each time; MariaDB counts whole ones, rounded up. idle_timeout: seconds for which
        the transaction may do nothing before it is lost.
        """

    def lock(self, selection: Selection, rows: pa.Table) -> Standing:
        """Lock the rows that are there. rows: their keys, and VERSION as the reader gave it."""

    def covered(self, selection: Selection, keys: pa.Table, where: "Predicate") -> Mask:
        """Of which of these rows the predicate is true; of one that is not there it is false."""

    def lock_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table, *, exact: bool = False) -> pa.Table:
        """Lock the rows of `child` whose `parent_columns` are, by the database's own comparison, equal to a row of `parents`.

        parents: one column for each of parent_columns, in that order. Gives child.key, those of parent_columns that are not in it, and
        VERSION, as the reader of the child gives them (exact or not). Raises MixedColumn.
        """

    def count_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table) -> Counts:
        """Of each of `parents`, in the order given, how many rows of `child` refer to it. Nothing is locked."""

    def delete(self, selection: Selection, keys: pa.Table) -> int:
        """Delete these rows. Raises SourceError if fewer or more than all of them were there, ForeignKeyBroken if others refer to them."""

    def present(self, selection: Selection, keys: pa.Table) -> Mask:
        """Which of these rows are there. Nothing is locked."""

    def insert(self, selection: Selection, rows: Sequence[Cells], *, binary: frozenset[str] = frozenset()) -> list[Conflict]:
        """Insert the rows exactly, but those whose key exists; generated columns make themselves. Gives what is to be said of single rows.

        binary: the columns whose cells are base64, as the file's JSON Schema says (`contentEncoding`). Raises ForeignKeyBroken for
        a row that refers to none.
        """

    def bloat(self, selection: Selection) -> Bloat:
        """As far as the database's statistics know."""

    def cancel(self) -> None:
        """Make the other thread's call stop soon with SourceError, even while the server has not answered yet."""


@runtime_checkable
class ComparingWriter(SourceWriter, Protocol):
    """Of a database in which rows can be locked, compared and deleted at once, which is quicker than one after the other."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undoes what was done inside it, on any exception; the transaction goes on."""

    def delete_unchanged(self, selection: Selection, rows: pa.Table) -> None:
        """Delete these rows, each locked and compared as it is deleted. rows: as for `lock`.

        Raises NotAsRead if one is gone or has changed, or if the database would act on rows that refer to the table; ForeignKeyBroken.
        """


def check_key(selection: Selection, nullable: list[str], unique: list[set[str]]) -> None:
    """unique: the columns of each index that makes rows unique. Raises SourceError unless the key's columns name one row at most, and each row."""
    if not selection.key:
        raise SourceError(f"Table {selection.table} has no key by which rows could be named.")
    if nullable:
        raise SourceError(
            f"Column {nullable[0]} of the key of table {selection.table} can be NULL: only a key that is NOT NULL names a row."
        )
    if not any(columns <= set(selection.key) for columns in unique):
        raise SourceError(f"The key of table {selection.table} ({', '.join(selection.key)}) is not unique: no unique index says so.")


def refuse_count(selection: Selection, deleted: int, wanted: int) -> None:
    """Raise SourceError unless as many rows were deleted as there are keys."""
    if deleted != wanted:
        raise SourceError(
            f"{deleted} rows of table {selection.table} would have been deleted instead of {wanted}: row-level security, a trigger or a rule interferes."
        )


def refuse_children(foreign: ForeignKey, table: str) -> None:
    raise ForeignKeyBroken(
        f"Rows of table {foreign.place[1]} still refer to rows of {table}, and the database would change them (ON DELETE {foreign.on_delete.upper()})."
    )
