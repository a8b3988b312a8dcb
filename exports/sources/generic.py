"""Every other database, through SQLAlchemy and the driver's own cursor. MariaDB is the one that is tested."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine

from exports.sources import links, looking
from exports.sources.arrow import empty_batch
from exports.sources.base import Extent, Head, Key, Link, Selection, SourceError
from exports.sources.conditions import Kind
from exports.sources.engines import connect
from exports.sources.filtering import Comparable
from exports.sources.generic_errors import translate
from exports.sources.generic_filtering import comparable
from exports.sources.generic_functions import GenericFunctions
from exports.sources.generic_types import VERSION_COLUMN, Column, check_characters, kind_of, moment_for, plan, projected, rename
from exports.sources.selecting import (
    columns_of,
    distinct,
    kinds_of,
    make_table,
    places_of,
    quoted,
    select_boundaries,
    select_count,
    select_rows,
    whole,
)
from exports.sources.versions import versioned

Result = TypeVar("Result")
BATCH_BYTES = 4_000_000
FETCH_ROWS = 500
_CHECKS = sa.text(
    "SELECT constraint_name, check_clause FROM information_schema.check_constraints "
    "WHERE constraint_schema = coalesce(:schema, database()) AND table_name = :name AND level = 'Column'"
)


class GenericReader:
    """See exports.sources.base.Reader. Snapshots cannot be shared; one reader's transaction sees one state where the database can."""

    work = "read"
    row_values = False
    loose = False

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._open: Connection | None = None
        self._thread = 0
        self._tables: dict[tuple[str, str], sa.Table] = {}
        self._cancelled = threading.Event()
        self._busy = threading.Event()

    def __repr__(self) -> str:
        return f"GenericReader({self._url.get_backend_name()}://{self._url.host or ''}/{self._url.database or ''})"

    def __enter__(self) -> Self:
        self._guard(self._connect)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._open is not None:
            with suppress(exc.SQLAlchemyError, OSError):  # a lost connection cannot say goodbye
                self._open.close()
        if self._engine is not None:
            self._engine.dispose()
        self._open = self._engine = None

    # --- Reader -----------------------------------------------------------------------------------------------------

    def check(self, selection: Selection) -> None:
        for column in columns_of(self.table(selection.schema, selection.table), selection):
            plan(column)
        self._fetch(select_rows(self, selection, lambda _, here: [here]).limit(0))

    def kinds(self, selection: Selection) -> dict[str, Kind]:
        return kinds_of(self, selection)

    def count(self, selection: Selection) -> int:
        [(rows,)] = self._fetch(select_count(self, selection))
        return int(rows)

    def estimate(self, selection: Selection) -> int | None:
        """Of MySQL and MariaDB, and of one table: what a join of several gives, their plans do not say."""
        if not self._is_mysql or selection.parent is not None:
            return None
        found = self._guard(lambda: self._explain(select_count(self, selection)))
        [(rows, filtered)] = [(row["rows"], row["filtered"]) for row in found if row["table"] == "s0"] or [(None, None)]
        return None if rows is None else round(int(rows) * float(filtered) / 100)

    def extent(self, selection: Selection) -> Extent:
        return looking.extent(self, self._fetch, selection)

    def links(self) -> list[Link]:
        return self._guard(lambda: list(links.of_inspector(sa.inspect(self._connection))))

    def head(self, selection: Selection, rows: int) -> Head:
        return looking.head(self, self._fetch, self._looks, selection, rows)

    def row_bytes(self, selection: Selection, rows: int) -> float | None:
        return looking.row_bytes(self, self._fetch, self._looks, selection, rows)

    def boundaries(self, selection: Selection, rows: int) -> list[Key]:
        return distinct([tuple(row) for row in self._fetch(select_boundaries(self, selection, rows))])

    def schema(self, selection: Selection, *, exact: bool = False) -> pa.Schema:
        return pa.schema([column.field for column in self._columns(selection, exact=exact)])

    def batches(self, selection: Selection, *, exact: bool = False) -> Iterator[pa.RecordBatch]:
        columns = self._columns(selection, exact=exact)
        read = whole(selection) if selection.version else selection
        result = self._guard(lambda: self._stream(select_rows(self, read, lambda column, here: [projected(column, here)])))
        made = versioned(places_of(self.table(selection.schema, selection.table), selection)) if selection.version else tuple
        try:
            yield from self._batches(lambda: [made(row) for row in result.fetchmany(FETCH_ROWS)], columns)
        finally:
            if self._open is not None:
                self._drop(result)

    def export_snapshot(self) -> str:
        return ""

    def use_snapshot(self, name: str) -> bool:
        return False

    def cancel(self) -> None:
        """MySQL and MariaDB need a second connection; a request that comes too early is lost, so it is repeated."""
        self._cancelled.set()
        deadline = time.monotonic() + 2
        while self._busy.is_set() and self._thread and time.monotonic() < deadline:
            self._kill()
            time.sleep(0.1)

    # --- Backend ----------------------------------------------------------------------------------------------------

    def table(self, schema: str, name: str) -> sa.Table:
        if (schema, name) not in self._tables:
            self._tables[schema, name] = self._guard(lambda: self._reflect(schema, name))
        return self._tables[schema, name]

    def kind(self, column: sa.Column[Any]) -> Kind:
        return kind_of(column)

    def comparable(self, column: sa.Column[Any], here: sa.ColumnElement[Any]) -> Comparable:
        return comparable(column, here, is_mysql=self._is_mysql)

    def value(self, column: sa.Column[Any], value: object) -> sa.ColumnElement[Any]:
        """An integer column takes integers only: MySQL would compare any word with it as 0."""
        if isinstance(column.type, sa.Integer) and isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                raise SourceError(f"Column {column.name} holds integers, not words.") from None
        return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)

    def moment(self, column: sa.Column[Any], moment: datetime) -> sa.ColumnElement[Any]:
        return self.value(column, moment_for(column, moment.astimezone(UTC)))

    @property
    def functions(self) -> GenericFunctions:
        return GenericFunctions(is_mysql=self._is_mysql)

    # --- Inside -----------------------------------------------------------------------------------------------------

    @property
    def _is_mysql(self) -> bool:
        return self._url.get_backend_name() in {"mysql", "mariadb"}

    @property
    def _connection(self) -> Connection:
        if self._open is None:
            raise SourceError("The reader is not open.")
        return self._open

    def _connect(self) -> None:
        self._engine, self._open = connect(self._url)
        if self._is_mysql:
            for statement in ("SET SESSION time_zone = '+00:00'", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"):
                self._open.exec_driver_sql(statement)
            self._thread = int(self._open.exec_driver_sql("SELECT connection_id()").scalar_one())
            self._open.rollback()
            self._open.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def _reflect(self, schema: str, name: str) -> sa.Table:
        inspector = sa.inspect(self._connection)
        try:
            found = inspector.get_columns(name, schema=schema or None)
        except exc.NoSuchTableError:
            raise SourceError(f"Table {f'{schema}.' if schema else ''}{name} does not exist.") from None
        documents = self._documents(schema, name)
        columns = [
            sa.Column(quoted(c["name"]), sa.JSON() if c["name"] in documents else c["type"], nullable=c.get("nullable", True))
            for c in found
        ]
        return make_table(schema, name, columns)

    def _documents(self, schema: str, name: str) -> set[str]:
        """MariaDB's JSON columns: a JSON column there is LONGTEXT with a check of its own that its text is JSON."""
        if not getattr(self._connection.dialect, "is_mariadb", False):
            return set()
        found = self._connection.execute(_CHECKS, {"schema": schema or None, "name": name})
        return {column for column, clause in found if clause == f"json_valid(`{column.replace('`', '``')}`)"}

    @property
    def _looks(self) -> looking.Looks:
        return looking.MYSQL if self._is_mysql else looking.OTHERS

    def _explain(self, statement: sa.Select[Any]) -> list[Any]:
        compiled = statement.compile(self._engine, compile_kwargs={"render_postcompile": True})
        word = "EXPLAIN EXTENDED" if getattr(self._connection.dialect, "is_mariadb", False) else "EXPLAIN"
        return list(self._connection.exec_driver_sql(f"{word} {compiled}", compiled.params).mappings())

    def _fetch(self, statement: sa.Select[Any]) -> list[Any]:
        return self._guard(lambda: list(self._connection.execute(statement).fetchall()))

    def _stream(self, statement: sa.Select[Any]) -> sa.CursorResult[Any]:
        return self._connection.execute(statement, execution_options={"stream_results": True, "max_row_buffer": FETCH_ROWS})

    def _columns(self, selection: Selection, *, exact: bool) -> list[Column]:
        columns = [plan(column, exact=exact) for column in columns_of(self.table(selection.schema, selection.table), selection)]
        if not selection.version:
            return columns
        check_characters(self._url)
        return [*columns, VERSION_COLUMN]

    def _batches(self, fetch: Callable[[], list[tuple[Any, ...]]], columns: list[Column]) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([column.field for column in columns])
        held: list[list[Any]] = [[] for _ in columns]
        width = sent = 0
        while rows := self._guard(fetch):
            for row in rows:
                for values, column, value in zip(held, columns, row, strict=True):
                    values.append(None if value is None else column.convert(value))
                    width += len(value) if isinstance(value, str | bytes) else 8
                if width >= BATCH_BYTES:
                    yield rename(held, schema)
                    held, width, sent = [[] for _ in columns], 0, sent + 1
        if held[0]:
            yield rename(held, schema)
        elif not sent:
            yield empty_batch(schema)

    def _drop(self, result: sa.CursorResult[Any]) -> None:
        """Close the cursor. PyMySQL would read a large rest to its end, so an unfinished one is killed first."""
        if not result.closed and self._thread:
            self._kill()
        with suppress(exc.SQLAlchemyError, OSError):  # killed or lost, which the reading thread was told
            result.close()

    def _kill(self) -> None:
        engine = self._engine
        if engine is None:
            return
        with suppress(exc.SQLAlchemyError, OSError), engine.connect() as other:  # unreachable: then the read ends by itself
            other.exec_driver_sql(f"KILL QUERY {self._thread:d}")

    def _said(self, error: Exception) -> SourceError:
        return translate(error, self._url)

    def _guard(self, call: Callable[[], Result]) -> Result:
        """Do what may block: mark it for cancel(), and give every driver's error as a SourceError without a secret."""
        self._busy.set()
        try:
            if self._cancelled.is_set():
                raise SourceError(f"The {self.work} was cancelled.")
            return call()
        except (exc.SQLAlchemyError, OSError, ModuleNotFoundError, UnicodeDecodeError, pa.ArrowException) as error:
            if self._cancelled.is_set():
                raise SourceError(f"The {self.work} was cancelled.") from None
            raise self._said(error) from None
        finally:
            self._busy.clear()
