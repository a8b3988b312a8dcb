"""SQLite: a whole selection by the compiled loop over SQLite's own functions; everything else through the standard library.

A SQLite column holds any type, whatever it declares. So each column gets the storage class that it should hold, and the loop
looks at every cell's class. Whatever does not fit is a MixedColumn, and exact reading, which is the standard library's, writes
such a column value by value as JSON text. Where Python does not let its SQLite be found (see sqlite_library), all reading is exact.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import dialect as sqlite_dialect
from sqlalchemy.engine import URL

from exports.sources import links, looking, sqlite_exact, sqlite_moments
from exports.sources.base import ConnectionLost, Extent, Head, Key, Link, Selection, SourceError
from exports.sources.conditions import Kind
from exports.sources.filtering import Comparable
from exports.sources.predicate_sql import columns_compared
from exports.sources.selecting import (
    columns_of,
    distinct,
    kinds_of,
    known,
    make_table,
    places_of,
    select_boundaries,
    select_count,
    select_rows,
    whole,
)
from exports.sources.sqlite_filtering import comparable
from exports.sources.sqlite_functions import SQLiteFunctions
from exports.sources.sqlite_library import Statement, library
from exports.sources.sqlite_types import Stored, column_from, field_of, kind_of, store_of
from exports.sources.versions import versioned

Result = TypeVar("Result")
BATCH_BYTES = 4_000_000
SAMPLE = 1_000


class SQLiteReader:
    """See exports.sources.base.Reader. SQLite has no snapshots to share."""

    functions = SQLiteFunctions()
    work = "read"
    row_values = True
    loose = True

    def __init__(self, url: URL) -> None:
        self._path = url.database or ""
        self._uri = f"file:{quote(self._path)}?mode=ro"
        self._side: sqlite3.Connection | None = None
        self._tables: dict[tuple[str, str], sa.Table] = {}
        self._stored: dict[tuple[str, str], dict[str, Stored]] = {}
        self._seen: tuple[Key, list[set[str]]] | None = None
        self._cancelled = threading.Event()

    def __repr__(self) -> str:
        return f"SQLiteReader({self._path.rsplit('/', 1)[-1]})"

    def __enter__(self) -> Self:
        self._side = self._guard(lambda: sqlite3.connect(self._uri, uri=True, check_same_thread=False, isolation_level=None))
        for pragma in ("query_only = ON", "trusted_schema = OFF", "busy_timeout = 5000"):
            self._side.execute(f"PRAGMA {pragma}")
        self._query("SELECT count(*) FROM sqlite_master")  # the first read is what finds a file that is no database
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._side is not None:
            self._side.close()
            self._side = None

    # --- Reader -----------------------------------------------------------------------------------------------------

    def check(self, selection: Selection) -> None:
        """Any SQLite value can be written exactly: only names, the form of timestamps, and what filters compare can be wrong."""
        table = self.table(selection.schema, selection.table)
        columns_of(table, selection)
        text, values = self._compiled(select_count(self, selection))
        self._query(f"EXPLAIN {text}", values)
        for name in {condition.attribute for condition in selection.conditions}:
            self._check_comparable(known(table, name))
        if selection.where is not None:
            for schema, owner, name in set(columns_compared((selection.schema, selection.table), selection.where)):
                self._check_comparable(known(self.table(schema, owner), name))

    def kinds(self, selection: Selection) -> dict[str, Kind]:
        return kinds_of(self, selection)

    def count(self, selection: Selection) -> int:
        [(rows,)] = self._rows(select_count(self, selection))
        return int(rows)

    def estimate(self, selection: Selection) -> int | None:
        """SQLite keeps no statistics unless somebody asks it to."""
        return None

    def extent(self, selection: Selection) -> Extent:
        return looking.extent(self, self._rows, selection)

    def head(self, selection: Selection, rows: int) -> Head:
        return looking.head(self, self._rows, looking.SQLITE, selection, rows)

    def row_bytes(self, selection: Selection, rows: int) -> float | None:
        return looking.row_bytes(self, self._rows, looking.SQLITE, selection, rows)

    def boundaries(self, selection: Selection, rows: int) -> list[Key]:
        return distinct([tuple(row) for row in self._rows(select_boundaries(self, selection, rows))])

    def links(self) -> list[Link]:
        return links.of_sqlite(self._query(links.SQLITE))

    def schema(self, selection: Selection, *, exact: bool = False) -> pa.Schema:
        table = self.table(selection.schema, selection.table)
        columns = columns_of(table, selection)
        if self._is_exact(selection, exact=exact):
            return pa.schema([p.field for p in self._plans(table, selection)])
        return pa.schema([field_of(c.name, store) for c, store in zip(columns, self._stores(table, columns), strict=True)])

    def batches(self, selection: Selection, *, exact: bool = False) -> Iterator[pa.RecordBatch]:
        if self._is_exact(selection, exact=exact):
            yield from self._exact(selection)
        else:
            yield from self._fast(selection)

    def export_snapshot(self) -> str:
        return ""

    def use_snapshot(self, name: str) -> bool:
        return False

    def cancel(self) -> None:
        self._cancelled.set()
        if self._side is not None:
            with suppress(sqlite3.Error):  # closed a moment ago: nothing left to interrupt
                self._side.interrupt()

    # --- Backend ----------------------------------------------------------------------------------------------------

    def table(self, schema: str, name: str) -> sa.Table:
        if schema not in {"", "main"}:
            raise SourceError(f"SQLite has no schema {schema}.")
        if ("", name) not in self._tables:
            rows = self._query('SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid', (name,))
            if not rows:
                raise SourceError(f"Table {name} does not exist.")
            self._tables["", name] = make_table("", name, [column_from(row) for row in rows])
        return self._tables["", name]

    def kind(self, column: sa.Column[Any]) -> Kind:
        return kind_of(column)

    def comparable(self, column: sa.Column[Any], here: sa.ColumnElement[Any]) -> Comparable:
        return comparable(column, here)

    def value(self, column: sa.Column[Any], value: object) -> sa.ColumnElement[Any]:
        return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)

    def moment(self, column: sa.Column[Any], moment: datetime) -> sa.ColumnElement[Any]:
        low, high = self._extremes(column)
        return self.value(column, sqlite_moments.bound(column.name, low, high, moment))

    # --- Inside -----------------------------------------------------------------------------------------------------

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._side is None:
            raise SourceError("The reader is not open.")
        return self._side

    def _extremes(self, column: sa.Column[Any]) -> tuple[object, object]:
        """Least and greatest value in SQLite's order (numbers, text, blobs): if both are text, all are."""
        [row] = self._rows(sa.select(*[sa.select(f(column)).scalar_subquery() for f in (sa.func.min, sa.func.max)]))
        return row[0], row[1]

    def _check_comparable(self, column: sa.Column[Any]) -> None:
        """A value that is not of the column's type keeps no filter: that a row is left out for that must not go unnoticed."""
        holds = comparable(column, column).holds
        if holds is not None and self._rows(sa.select(column).where(column.is_not(None), sa.not_(holds)).limit(1)):
            raise SourceError(
                f"Column {column.name} holds values that are no {kind_of(column)}, so that no filter can compare them; mend them, or make a view."
            )

    def _compiled(self, statement: sa.SelectBase | sa.Delete | sa.Insert) -> tuple[str, tuple[Any, ...]]:
        compiled = statement.compile(dialect=sqlite_dialect(paramstyle="qmark"), compile_kwargs={"render_postcompile": True})
        values = compiled.params
        return str(compiled), tuple(values[name] for name in compiled.positiontup or [])

    def _rows(self, statement: sa.SelectBase) -> list[Any]:
        return self._query(*self._compiled(statement))

    def _query(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self._guard(lambda: self._connection.execute(statement, values).fetchall())

    def _said(self, error: Exception) -> SourceError:
        return _translate(error)

    def _guard(self, call: Callable[[], Result]) -> Result:
        """Every driver's error as a SourceError."""
        if self._cancelled.is_set():
            raise SourceError(f"The {self.work} was cancelled.")
        try:
            return call()
        except (sqlite3.Error, OSError) as error:
            if self._cancelled.is_set():
                raise SourceError(f"The {self.work} was cancelled.") from None
            raise self._said(error) from None

    def _stores(self, table: sa.Table, columns: list[sa.Column[Any]]) -> list[Stored]:
        """How each column is stored: as declared, unless the table's first rows all say otherwise."""
        known = self._stored.setdefault(("", table.name), {})
        if missing := [column for column in columns if column.name not in known]:
            first = sa.select(*[column.label(f"c{n}") for n, column in enumerate(missing)]).limit(SAMPLE).subquery()
            classes = [sa.func.group_concat(sa.func.typeof(c).distinct()) for c in first.c]
            [found] = self._rows(sa.select(*classes)) or [()]
            known.update({c.name: store_of(c, set((seen or "").split(",")) - {"null", ""}) for c, seen in zip(missing, found, strict=True)})
        return [known[column.name] for column in columns]

    def _classes(self, table: sa.Table, columns: list[sa.Column[Any]]) -> list[set[str]]:
        """What each column holds anywhere in the table. It takes a look at every row, so it is kept until somebody writes."""
        [(version,)] = self._query("PRAGMA data_version")
        place = (table.name, tuple(column.name for column in columns), version)
        if self._seen is None or self._seen[0] != place:
            [row] = self._rows(sqlite_exact.classes(table, columns))
            self._seen = place, sqlite_exact.seen(row)
        return self._seen[1]

    def _fast(self, selection: Selection) -> Iterator[pa.RecordBatch]:
        from exports.sources.sqlite_fast import batches

        table = self.table(selection.schema, selection.table)
        columns = columns_of(table, selection)
        fields = [(c.name, store) for c, store in zip(columns, self._stores(table, columns), strict=True)]
        query = self._compiled(select_rows(self, selection, lambda _, here: [here]))
        with closing(self._guard(lambda: Statement(self._uri, *query, self._cancelled.is_set))) as statement:
            given = batches(statement, fields)
            while (batch := self._guard(lambda: next(given, None))) is not None:
                yield batch

    @staticmethod
    def _is_exact(selection: Selection, *, exact: bool) -> bool:
        """A version is made of the values that Python's cursor gives, so with it all reading is exact."""
        return exact or selection.version or not library()

    def _plans(self, table: sa.Table, selection: Selection) -> list[sqlite_exact.Exact | sqlite_exact.Version]:
        columns = columns_of(table, selection)
        plans = [sqlite_exact.plan(c, found) for c, found in zip(columns, self._classes(table, columns), strict=True)]
        return [*plans, sqlite_exact.Version()] if selection.version else [*plans]

    def _exact(self, selection: Selection) -> Iterator[pa.RecordBatch]:
        table = self.table(selection.schema, selection.table)
        read = whole(selection) if selection.version else selection
        text, values = self._compiled(select_rows(self, read, lambda _, here: [here]))
        self._query("BEGIN")
        try:
            plans = self._plans(table, selection)
            cursor = self._guard(lambda: self._connection.execute(text, values))
            if selection.version:
                cursor.row_factory = _with_version(places_of(table, selection))
            yield from sqlite_exact.batches(lambda: self._guard(cursor.fetchone), plans, BATCH_BYTES)
        finally:
            with suppress(sqlite3.Error):  # a broken connection has no transaction to end
                self._connection.execute("ROLLBACK")


def _with_version(places: list[int]) -> Callable[[sqlite3.Cursor, tuple[Any, ...]], Any]:
    made = versioned(places)
    return lambda _, row: made(row)


def _translate(error: Exception) -> SourceError:
    text = str(error)
    if "Could not decode to UTF-8" in text:
        return SourceError(f"Column {text.split(chr(39))[1]} holds text that is not valid UTF-8.")
    if "locked" in text or "busy" in text:
        return ConnectionLost("The SQLite file is locked by somebody who writes to it.")
    if "unable to open" in text or "disk I/O" in text:
        return ConnectionLost("The SQLite file cannot be opened.")
    if "not a database" in text or "malformed" in text:
        return SourceError("The file is not a sound SQLite database.")
    return SourceError(f"The database says: {text.splitlines()[0] if text else type(error).__name__}.")
