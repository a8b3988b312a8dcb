"""PostgreSQL: rows through a binary COPY, everything else through queries.

Two connections see one snapshot: one stays open in a REPEATABLE READ, READ ONLY transaction, and exports the snapshot that
the one of the COPY adopts, which is given up with a COPY that was not read to its end. Values reach COPY as literals that
psycopg quotes: it takes no parameters.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect
from sqlalchemy.engine import URL

from exports.sources import links, looking
from exports.sources.arrow import Plan, empty_batch, finish, schema_of
from exports.sources.base import Extent, Head, Key, Link, Selection, SourceError
from exports.sources.conditions import Kind
from exports.sources.filtering import Comparable
from exports.sources.generic_types import libpq_arguments
from exports.sources.postgresql_errors import translate
from exports.sources.postgresql_filtering import comparable, literal_moment
from exports.sources.postgresql_functions import PostgresFunctions
from exports.sources.postgresql_stream import Stream
from exports.sources.postgresql_types import (
    CATALOGUE,
    Native,
    column_from,
    key_text,
    kind_of,
    plan,
    register_loaders,
    version,
    version_plan,
)
from exports.sources.selecting import columns_of, distinct, kinds_of, make_table, select_boundaries, select_count, select_rows

Result = TypeVar("Result")
# DateStyle, IntervalStyle and TimeZone decide the text of values; a statement may take as long as it needs.
SETTINGS = (
    "SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO, YMD'; SET IntervalStyle TO 'iso_8601'; SET client_encoding TO 'UTF8'; "
    "SET bytea_output TO 'hex'; SET xmloption TO 'content'; SET extra_float_digits TO 1; SET statement_timeout TO 0; "
    "SET idle_in_transaction_session_timeout TO 0; SET lc_monetary TO 'C'; "
    "SET jit TO off"  # a projection of plain columns is not worth compiling
)
_DIALECT: sa.Dialect = psycopg_dialect()  # type: ignore[no-untyped-call] # published without this annotation
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class PostgresReader:
    """See exports.sources.base.Reader."""

    functions = PostgresFunctions()
    work = "read"
    row_values = True
    loose = False

    def __init__(self, url: URL) -> None:
        self._url = url
        self._conninfo = ""
        self._side: psycopg.Connection[Any] | None = None
        self._stream: Stream | None = None
        self._tables: dict[tuple[str, str], sa.Table] = {}
        self._cancelled = threading.Event()
        self._busy = threading.Event()

    def __repr__(self) -> str:
        return f"PostgresReader({self._url.host or ''}/{self._url.database})"

    def __enter__(self) -> Self:
        self._side = self._guard(self._connect)
        register_loaders(self._side)
        self._guard(lambda: self._execute(BEGIN))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close_stream()
        if self._side is not None:
            self._side.close()
            self._side = None

    # --- Reader -----------------------------------------------------------------------------------------------------

    def check(self, selection: Selection) -> None:
        table = self.table(selection.schema, selection.table)
        columns_of(table, selection)
        # Planning finds what the catalogue does not say: rights, and values that do not fit a column's type.
        self._guard(lambda: self._execute("EXPLAIN " + self._literal(select_rows(self, selection, lambda _, here: [here]))))

    def kinds(self, selection: Selection) -> dict[str, Kind]:
        return kinds_of(self, selection)

    def count(self, selection: Selection) -> int:
        [(rows,)] = self._query(select_count(self, selection))
        return int(rows)

    def estimate(self, selection: Selection) -> int | None:
        statement = self._literal(select_rows(self, selection, lambda _, here: [here]))
        [(plan_,)] = self._guard(lambda: self._execute(f"EXPLAIN (FORMAT JSON) {statement}"))
        return int(plan_[0]["Plan"]["Plan Rows"])

    def extent(self, selection: Selection) -> Extent:
        return looking.extent(self, self._query, selection)

    def head(self, selection: Selection, rows: int) -> Head:
        return looking.head(self, self._query, looking.POSTGRESQL, selection, rows)

    def row_bytes(self, selection: Selection, rows: int) -> float | None:
        return looking.row_bytes(self, self._query, looking.POSTGRESQL, selection, rows)

    def boundaries(self, selection: Selection, rows: int) -> list[Key]:
        return distinct([tuple(row) for row in self._query(select_boundaries(self, selection, rows, key_text))])

    def links(self) -> list[Link]:
        return links.of_postgresql(self._guard(lambda: self._execute(links.POSTGRESQL)))

    def schema(self, selection: Selection, *, exact: bool = False) -> pa.Schema:
        return schema_of(self._plans(selection, exact=exact))

    def batches(self, selection: Selection, *, exact: bool = False) -> Iterator[pa.RecordBatch]:
        plans = self._plans(selection, exact=exact)
        schema = schema_of(plans)
        statement = self._literal(self._selected(selection, exact=exact))
        done = False
        try:
            stream = self._guard(lambda: self._open_stream().query(statement, schema))
            empty = True
            while (batch := self._guard(lambda: next(stream, None))) is not None:
                empty = False
                yield finish(batch, plans, schema)
            if empty:
                yield empty_batch(schema)
            done = True
        finally:
            if not done:
                self._close_stream()

    def export_snapshot(self) -> str:
        return self._guard(self._snapshot)

    def use_snapshot(self, name: str) -> bool:
        self._close_stream()
        return self._guard(lambda: self._adopt(name))

    def cancel(self) -> None:
        """A request that comes before the server has begun is lost, so it is repeated until the reading thread has noticed."""
        self._cancelled.set()
        deadline = time.monotonic() + 2
        while self._busy.is_set() and time.monotonic() < deadline:
            self._send_cancel()
            time.sleep(0.05)

    # --- Backend ----------------------------------------------------------------------------------------------------

    def table(self, schema: str, name: str) -> sa.Table:
        if (schema, name) not in self._tables:
            rows = self._guard(lambda: self._connection.execute(CATALOGUE, {"schema": schema, "name": name}).fetchall())
            if not rows:
                raise SourceError(f"Table {f'{schema}.' if schema else ''}{name} does not exist.")
            self._tables[schema, name] = make_table(schema, name, [column_from(row) for row in rows])
        return self._tables[schema, name]

    def kind(self, column: sa.Column[Any]) -> Kind:
        return kind_of(column)

    def comparable(self, column: sa.Column[Any], here: sa.ColumnElement[Any]) -> Comparable:
        return comparable(column, here)

    def value(self, column: sa.Column[Any], value: object) -> sa.ColumnElement[Any]:
        return sa.cast(sa.bindparam(None, value, type_=sa.types.NullType(), unique=True), column.type)

    def moment(self, column: sa.Column[Any], moment: datetime) -> sa.ColumnElement[Any]:
        """With time zone UTC for timestamptz; without for timestamp and date, whose values are taken as UTC."""
        assert isinstance(column.type, Native)
        if column.type.base not in {"timestamptz", "timestamp", "date"}:
            raise SourceError(f"Column {column.name} is of type {column.type.name}, which is no timestamp.")
        return literal_moment(column, moment)

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _plans(self, selection: Selection, *, exact: bool) -> list[Plan]:
        columns = columns_of(self.table(selection.schema, selection.table), selection)
        return [plan(column, exact=exact) for column in columns] + ([version_plan()] if selection.version else [])

    def _selected(self, selection: Selection, *, exact: bool) -> sa.Select[Any]:
        def beside(rows: sa.FromClause) -> list[sa.ColumnElement[Any]]:
            return [version(rows)] if selection.version else []

        return select_rows(self, selection, lambda column, here: [plan(column, exact=exact).project(here)], beside)

    @property
    def _connection(self) -> psycopg.Connection[Any]:
        if self._side is None:
            raise SourceError("The reader is not open.")
        return self._side

    def _connect(self) -> psycopg.Connection[Any]:
        self._conninfo = _conninfo(self._url)
        connection = psycopg.connect(self._conninfo, autocommit=True, row_factory=tuple_row, prepare_threshold=None)
        connection.execute(SETTINGS)
        return connection

    def _execute(self, statement: str) -> list[Any]:
        cursor = psycopg.ClientCursor(self._connection)
        cursor.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def _query(self, statement: sa.SelectBase) -> list[Any]:
        text = self._literal(statement)
        return self._guard(lambda: self._execute(text))

    def _literal(self, statement: sa.SelectBase | sa.Delete) -> str:
        """The statement with every value quoted by psycopg."""
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        return psycopg.ClientCursor(self._connection).mogrify(str(compiled).encode(), compiled.params or {})

    def _snapshot(self) -> str:
        [(name,)] = self._execute("SELECT pg_export_snapshot()")
        return str(name)

    def _adopt(self, name: str) -> bool:
        quoted = psycopg.ClientCursor(self._connection).mogrify("%s", (name,))
        self._execute("ROLLBACK")
        self._execute(BEGIN)
        try:
            self._execute(f"SET TRANSACTION SNAPSHOT {quoted}")
        except (psycopg.errors.InvalidParameterValue, psycopg.errors.UndefinedObject):
            self._execute("ROLLBACK")
            self._execute(BEGIN)
            return False
        return True

    def _open_stream(self) -> Stream:
        if self._stream is None:
            snapshot = self._snapshot()
            connection = self._connect()
            self._stream = Stream(connection)
            connection.execute(f"{BEGIN}; SET TRANSACTION SNAPSHOT '{snapshot}'")
        return self._stream

    def _send_cancel(self) -> None:
        with suppress(psycopg.Error):  # already gone: what the reading thread sees decides
            if self._stream is not None:
                self._stream.cancel()
            if self._side is not None:
                self._side.cancel_safe(timeout=1)

    def _said(self, error: Exception) -> SourceError:
        return translate(error, self._url)

    def _guard(self, call: Callable[[], Result]) -> Result:
        """Do what may block: mark it for cancel(), and give every driver's error as a SourceError without a secret."""
        self._busy.set()
        try:
            if self._cancelled.is_set():
                raise SourceError(f"The {self.work} was cancelled.")
            return call()
        except (psycopg.Error, OSError) as error:
            if self._cancelled.is_set():
                raise SourceError(f"The {self.work} was cancelled.") from None
            raise self._said(error) from None
        finally:
            self._busy.clear()

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(psycopg.Error):  # nothing runs any more: there is nothing to cancel
                stream.cancel()
            stream.close()


def _conninfo(url: URL) -> str:
    """What libpq reads. Raises SourceError if the host may not be a source's."""
    options = {"connect_timeout": "10", "application_name": "strongroom", "keepalives_idle": "30"}
    options |= {name: str(value) for name, value in url.query.items()}
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    given = options | {name: str(value) for name, value in named.items() if value}
    return make_conninfo("", **given | libpq_arguments(url))
