"""SQLite: rows are deleted by a temporary table of their keys.

The invariant: see exports.sources.writers.base. The transaction is IMMEDIATE: nobody else writes to the file from its beginning to its
end, so a row that is read in it is locked. The file is opened to be written, and never made.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL

from exports.sources import sqlite_exact
from exports.sources.base import ConnectionLost, Place, Selection, SourceError
from exports.sources.selecting import Chosen, choose, known, make_table
from exports.sources.sqlite import SQLiteReader
from exports.sources.versions import digest, versioned
from exports.sources.writers import sqlite_catalogue as catalogue
from exports.sources.writers.asked import Asked, Element, columns_asked, counts, equals, mask, named, versions_asked
from exports.sources.writers.base import (
    Bloat,
    Cells,
    Conflict,
    Counts,
    ForeignKey,
    ForeignKeyBroken,
    LockTimeout,
    Mask,
    Standing,
    refuse_children,
    refuse_count,
)
from exports.sources.writers.inserting import Row, columns_given, insert
from exports.sources.writers.sqlite_values import cell_value, is_same, key_values

if TYPE_CHECKING:
    from exports.sources.predicates import Predicate

Result = TypeVar("Result")
_ASKED = "strongroom_asked"
_AGAIN_SECONDS = 0.02
_PRAGMAS = ("trusted_schema = OFF", "foreign_keys = ON", "temp_store = MEMORY", "busy_timeout = 0")


class SQLiteWriter(SQLiteReader):
    """See exports.sources.writers.base.SourceWriter. What it inherits is how columns are known and compared; rows are read with a Reader."""

    work = "change"

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._uri = f"file:{quote(self._path)}?mode=rw"
        self._lock_timeout = 0.0
        self._idle_timeout = 0.0
        self._idle_since: float | None = None
        self._last_asked: tuple[list[list[Any]], Asked] | None = None

    def __enter__(self) -> Self:
        self._side = self._guard(lambda: sqlite3.connect(self._uri, uri=True, check_same_thread=False, isolation_level=None))
        for pragma in _PRAGMAS:
            self._side.execute(f"PRAGMA {pragma}")
        self._query("SELECT count(*) FROM sqlite_master")  # the first read is what finds a file that is no database
        return self

    # --- The catalogue ----------------------------------------------------------------------------------------------

    def foreign_keys(self, place: Place) -> list[ForeignKey]:
        return catalogue.foreign_keys(self._query, self.table(*place).name)

    def check_table(self, selection: Selection) -> None:
        table = self.table(selection.schema, selection.table)
        nullable = [name for name in selection.key if known(table, name).nullable and self._can_be_null(table, name)]
        catalogue.check_table(self._query, selection, nullable, Path(self._path))

    def bloat(self, selection: Selection) -> Bloat:
        self.table(selection.schema, selection.table)
        return catalogue.bloat(self._query)

    # --- The transaction --------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, *, lock_timeout: float, idle_timeout: float) -> Iterator[None]:
        self._lock_timeout, self._idle_timeout = lock_timeout, idle_timeout
        try:
            self._patiently("BEGIN IMMEDIATE")
            self._idle_since = time.monotonic()
            yield
            self._patiently("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # nothing has begun, or the file is gone
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._idle_since = None
            self._last_asked = None  # a rollback has taken that table along

    def lock(self, selection: Selection, rows: pa.Table) -> Standing:
        asked, versions = self._keys(selection, rows), versions_asked(selection, rows).to_pylist()
        chosen = named(self, selection, asked, _same)
        whole_row = [chosen.column(name) for name in chosen.table.c.keys()]  # noqa: SIM118 SQLAlchemy's columns are no dict
        found = self._rows(sa.select(asked.place, *whole_row).where(*chosen.where))
        unchanged = [place for place, *row in found if digest(row) == versions[place]]
        return Standing(mask(asked.size, [row[0] for row in found]), mask(asked.size, unchanged))

    def covered(self, selection: Selection, keys: pa.Table, where: "Predicate") -> Mask:
        asked = self._keys(selection, keys)
        return self._places(asked, named(self, selection, asked, _same, where))

    def present(self, selection: Selection, keys: pa.Table) -> Mask:
        asked = self._keys(selection, keys)
        return self._places(asked, named(self, selection, asked, _same))

    def lock_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table, *, exact: bool = False) -> pa.Table:
        """Always exact, as the reader is where there are versions."""
        chosen, _ = self._children(child, parent_columns, parents)
        names = list(dict.fromkeys((*child.key, *parent_columns)))
        columns = [known(chosen.table, name) for name in names]
        plans = [sqlite_exact.plan(c, found) for c, found in zip(columns, self._classes(chosen.table, columns), strict=True)]
        everything = list(chosen.table.c.keys())
        made = versioned([everything.index(name) for name in names])
        statement = sa.select(*[chosen.column(name) for name in everything]).where(*chosen.where)
        rows = iter([made(row) for row in self._rows(statement)])
        batches = sqlite_exact.batches(lambda: next(rows, None), [*plans, sqlite_exact.Version()], size=2**62)
        return pa.Table.from_batches(list(batches))

    def count_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table) -> Counts:
        chosen, asked = self._children(child, parent_columns, parents)
        return counts(asked.size, self._rows(sa.select(asked.place, sa.func.count()).where(*chosen.where).group_by(asked.place)))

    def delete(self, selection: Selection, keys: pa.Table) -> int:
        table, asked = self.table(selection.schema, selection.table), self._keys(selection, keys)
        acting = [foreign for foreign in self.foreign_keys((selection.schema, selection.table)) if foreign.on_delete.acts]
        for foreign in acting:
            if self._has_others(selection, asked, foreign):
                refuse_children(foreign, selection.table)
        if any(
            self.table(*foreign.place) is table for foreign in acting
        ):  # whose action may be quicker than the DELETE, which counts its own
            before = self.present(selection, keys)
            self._delete(selection, asked)
            deleted = int(before.sum() - self.present(selection, keys).sum())
        else:
            deleted = self._delete(selection, asked)
        refuse_count(selection, deleted, asked.size)
        return deleted

    def insert(self, selection: Selection, rows: Sequence[Cells], *, binary: frozenset[str] = frozenset()) -> list[Conflict]:
        if not rows:
            return []
        columns = columns_given(self.table(selection.schema, selection.table), selection, rows)
        by_name = {str(column.name): column for column in columns}
        wanted = [{name: cell_value(column, row[name], binary=name in binary) for name, column in by_name.items()} for row in rows]
        return insert(
            wanted,
            lambda some: self._read(selection, columns, some),
            lambda some: self._put(selection, columns, some),
            lambda name, one, other: is_same(by_name[name], one, other),
        )

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _guard(self, call: Callable[[], Result]) -> Result:
        """SQLite has nobody who would end a transaction that does nothing, so it ends itself, before it does anything more."""
        if self._idle_since is not None and time.monotonic() - self._idle_since > self._idle_timeout:
            raise ConnectionLost("The transaction did nothing for longer than its idle timeout.")
        try:
            return super()._guard(call)
        finally:
            if self._idle_since is not None:
                self._idle_since = time.monotonic()

    def _said(self, error: Exception) -> SourceError:
        text = str(error)
        if "FOREIGN KEY constraint failed" in text:
            return ForeignKeyBroken("A foreign key does not allow it: rows still refer to rows that were to be deleted, or to none.")
        if "readonly" in text:
            return SourceError("The SQLite file is not to be written to by this server.")
        said = super()._said(error)
        return LockTimeout(str(said)) if "locked" in text or "busy" in text else said

    def _patiently(self, statement: str) -> None:
        """Again and again until the lock timeout: SQLite's own waiting cannot be cancelled."""
        deadline = time.monotonic() + self._lock_timeout
        while True:
            try:
                self._query(statement)
            except LockTimeout:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_AGAIN_SECONDS)
            else:
                return

    def _can_be_null(self, table: sa.Table, name: str) -> bool:
        """A primary key may hold NULL in SQLite, though hardly one does: so it is looked for."""
        if name not in catalogue.key_of(self._query, table.name):
            return True
        return bool(self._rows(sa.select(sa.literal_column("1")).select_from(table).where(table.c[name].is_(None)).limit(1)))

    def _keys(self, selection: Selection, keys: pa.Table) -> Asked:
        table = self.table(selection.schema, selection.table)
        given = columns_asked(selection, keys)
        fields = [keys.schema.field(name) for name in selection.key]
        return self._ask([key_values(known(table, name), *each) for name, *each in zip(selection.key, given, fields, strict=True)])

    def _children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table) -> tuple[Chosen, Asked]:
        table = self.table(child.schema, child.table)
        pairs = zip(parent_columns, parents.columns, parents.schema, strict=True)
        asked = self._ask([key_values(known(table, name), values, field) for name, values, field in pairs])
        chosen = choose(self, Selection(child.table, child.schema))
        chosen.where.extend(equals(chosen, parent_columns, asked, lambda _, here, given: here == given))
        return chosen, asked

    def _ask(self, columns: list[list[Any]]) -> Asked:
        """The keys in a table of their own; whatever else was asked before is forgotten."""
        if self._last_asked and self._last_asked[0] == columns:
            return self._last_asked[1]
        names = [f"k{number}" for number in range(len(columns))]
        self._query(f"DROP TABLE IF EXISTS temp.{_ASKED}")
        self._query(f"CREATE TEMP TABLE {_ASKED} (place INTEGER PRIMARY KEY, {', '.join(names)})")
        marks = ", ".join("?" * (len(names) + 1))
        rows = zip(range(len(columns[0])), *columns, strict=True)
        self._guard(lambda: self._connection.executemany(f"INSERT INTO temp.{_ASKED} VALUES ({marks})", rows))  # noqa: S608 names of its own
        table = make_table("temp", _ASKED, [sa.Column(name) for name in ("place", *names)])
        self._last_asked = columns, Asked(table, len(columns[0]))
        return self._last_asked[1]

    def _delete(self, selection: Selection, asked: Asked) -> int:
        """The first condition finds the rows by an index, whatever its collation; the second keeps those that are the same byte for byte."""
        table = self.table(selection.schema, selection.table)
        keys = [asked.key(number) for number in range(len(selection.key))]
        here = [known(table, name) for name in selection.key]
        found = sa.tuple_(*here).in_(sa.select(*keys))
        exactly = sa.tuple_(*[sa.collate(column, "BINARY") for column in here], *map(sa.func.typeof, here))
        text, values = self._compiled(sa.delete(table).where(found, exactly.in_(sa.select(*keys, *map(sa.func.typeof, keys)))))
        return self._guard(lambda: self._connection.execute(text, values).rowcount)

    def _has_others(self, selection: Selection, asked: Asked, foreign: ForeignKey) -> bool:
        """Whether rows that are not asked for refer to a row that is: by the collation of what they refer to, which stands on the left."""
        chosen = named(self, selection, asked, _same)
        table = self.table(*foreign.place)
        child = Chosen(table, table.alias("child"), [])
        refers = [chosen.column(there) == child.column(here) for here, there in zip(foreign.columns, foreign.referred, strict=True)]
        if table is chosen.table:
            again = Asked(asked.rows.alias("again"), asked.size)
            refers.append(~sa.exists().where(*equals(child, selection.key, again, _same)))
        return bool(self._rows(sa.select(sa.literal_column("1")).where(*chosen.where, *refers).limit(1)))

    def _read(self, selection: Selection, columns: Sequence[sa.Column[Any]], rows: Sequence[Row]) -> dict[int, Row]:
        asked = self._ask([[row[name] for row in rows] for name in selection.key])
        chosen = named(self, selection, asked, _same)
        found = self._rows(sa.select(asked.place, *[chosen.column(column.name) for column in columns]).where(*chosen.where))
        names = [str(column.name) for column in columns]
        return {place: dict(zip(names, values, strict=True)) for place, *values in found}

    def _put(self, selection: Selection, columns: Sequence[sa.Column[Any]], rows: Sequence[Row]) -> None:
        table = self.table(selection.schema, selection.table)
        generated = catalogue.generated(self._query, table.name)
        given = [column.name for column in columns if column.name not in generated]
        statement = sa.insert(table).values({name: sa.bindparam(None, None, type_=sa.types.NullType(), unique=True) for name in given})
        text, _ = self._compiled(statement)
        values = [[row[name] for name in given] for row in rows]
        self._guard(lambda: self._connection.executemany(f"{text} ON CONFLICT DO NOTHING", values))

    def _places(self, asked: Asked, chosen: Chosen) -> Mask:
        return mask(asked.size, [place for (place,) in self._rows(sa.select(asked.place).where(*chosen.where))])


def _same(column: sa.Column[Any], here: Element, given: Element) -> Element:
    """The same storage class and the same bytes; the first comparison is what an index answers."""
    return sa.and_(here == given, sa.collate(here, "BINARY") == given, sa.func.typeof(here) == sa.func.typeof(given))
