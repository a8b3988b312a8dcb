"""PostgreSQL: rows are locked and deleted by arrays of their keys.

The invariant: see exports.sources.writers.base. A row's version is xmin, read of the row that is locked: where another transaction
changed the row while this one waited for it, that is the new row's. The transaction is READ COMMITTED, so that each statement sees
what has become of the rows that it locks.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql
from psycopg.types.string import TextLoader
from sqlalchemy.dialects.postgresql import ARRAY

from exports.sources.arrow import Plan, finish, schema_of
from exports.sources.base import MixedColumn, Place, Selection, SourceError
from exports.sources.postgresql import PostgresReader
from exports.sources.postgresql_types import plan, register_loaders, version, version_plan
from exports.sources.selecting import Chosen, choose, known
from exports.sources.writers import postgresql_catalogue as catalogue
from exports.sources.writers.asked import Asked, Element, columns_asked, counts, equals, mask, named, versions_asked
from exports.sources.writers.base import (
    JSON_NULL,
    Bloat,
    Cells,
    Conflict,
    Counts,
    ForeignKey,
    ForeignKeyBroken,
    LockTimeout,
    Mask,
    NotAsRead,
    Standing,
    refuse_children,
    refuse_count,
)
from exports.sources.writers.inserting import check_binary, columns_given, insert, same_cells
from exports.sources.writers.lines import lines_of
from exports.sources.writers.postgresql_values import MOMENTS, array_literal, input_cell, key_cell, key_texts, native

if TYPE_CHECKING:
    from exports.sources.predicates import Predicate

# Rows are looked up by keys: where there is an index for them, no table is read as a whole.
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; SET LOCAL lock_timeout TO {lock:d}; SET LOCAL enable_seqscan TO off; "
    "SET LOCAL idle_in_transaction_session_timeout TO {idle:d}"
)
_INSERT = sql.SQL(
    "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM json_populate_recordset(NULL::{table}, {rows}) ON CONFLICT DO NOTHING"
)
_BROKEN = {"23503", "23001"}


class PostgresWriter(PostgresReader):
    """See exports.sources.writers.base.ComparingWriter. What it inherits is how columns are known and compared; rows are read with a Reader."""

    work = "change"

    def __enter__(self) -> Self:
        self._side = self._guard(self._connect)
        register_loaders(self._side)
        for document in ("json", "jsonb"):
            self._side.adapters.register_loader(document, TextLoader)
        return self

    # --- The catalogue ----------------------------------------------------------------------------------------------

    def foreign_keys(self, place: Place) -> list[ForeignKey]:
        return catalogue.foreign_keys(self._asked_catalogue, place)

    def check_table(self, selection: Selection) -> None:
        table = self.table(selection.schema, selection.table)
        nullable = [name for name in selection.key if known(table, name).nullable]
        catalogue.check_table(self._asked_catalogue, selection, nullable)

    def bloat(self, selection: Selection) -> Bloat:
        table = self.table(selection.schema, selection.table)
        return catalogue.bloat(
            self._asked_catalogue, selection, self._literal(sa.select(sa.text("*")).select_from(table)).split("FROM ")[1]
        )

    # --- The transaction --------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, *, lock_timeout: float, idle_timeout: float) -> Iterator[None]:
        begin = _BEGIN.format(lock=max(1, round(lock_timeout * 1000)), idle=max(1, round(idle_timeout * 1000)))
        try:
            self._guard(lambda: self._connection.execute(begin.encode()))
            yield
            self._guard(lambda: self._connection.execute("COMMIT"))
        except BaseException:
            with suppress(psycopg.Error, SourceError):  # a lost connection has rolled back by itself
                self._connection.execute("ROLLBACK")
            raise

    def lock(self, selection: Selection, rows: pa.Table) -> Standing:
        asked = self._keys(selection, rows, versions=True)
        chosen = named(self, selection, asked, _same)
        unchanged = version(chosen.rows) == asked.rows.c.version
        statement = sa.select(asked.place.label("place"), unchanged.label("unchanged")).where(*chosen.where).with_for_update(of=chosen.rows)
        locked = statement.cte("locked")
        changed = sa.func.array_agg(locked.c.place).filter(~locked.c.unchanged)
        [(rows, places)] = self._query(sa.select(sa.func.count(), changed).select_from(locked))
        if rows == asked.size:  # as it mostly is: then only what is changed is told
            return Standing(np.ones(rows, np.bool_), ~mask(rows, places or []))
        found = self._query(statement)
        return Standing(mask(asked.size, [place for place, _ in found]), mask(asked.size, [place for place, same in found if same]))

    def covered(self, selection: Selection, keys: pa.Table, where: "Predicate") -> Mask:
        asked = self._keys(selection, keys)
        return self._places(asked, named(self, selection, asked, _same, where))

    def present(self, selection: Selection, keys: pa.Table) -> Mask:
        asked = self._keys(selection, keys)
        return self._places(asked, named(self, selection, asked, _same))

    def lock_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table, *, exact: bool = False) -> pa.Table:
        chosen, _ = self._children(child, parent_columns, parents)
        names = dict.fromkeys((*child.key, *parent_columns))
        columns = [known(chosen.table, name) for name in names]
        plans = [*[plan(column, exact=exact) for column in columns], version_plan()]
        read = [each.project(chosen.column(column.name)) for each, column in zip(plans, columns, strict=False)]
        statement = sa.select(*read, version(chosen.rows)).where(*chosen.where).with_for_update(of=chosen.rows)
        return self._table(self._query(statement), plans)

    def count_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table) -> Counts:
        chosen, asked = self._children(child, parent_columns, parents)
        found = self._query(sa.select(asked.place, sa.func.count()).where(*chosen.where).group_by(asked.place))
        return counts(asked.size, found)

    def delete(self, selection: Selection, keys: pa.Table) -> int:
        asked = self._keys(selection, keys)
        for foreign in self.foreign_keys((selection.schema, selection.table)):
            if foreign.on_delete.acts and self._has_others(selection, asked, foreign):
                refuse_children(foreign, selection.table)
        table = self.table(selection.schema, selection.table)
        deleted = self._delete(sa.delete(table).where(*equals(Chosen(table, table, []), selection.key, asked, _same)))
        refuse_count(selection, deleted, asked.size)
        return deleted

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._guard(lambda: self._connection.execute("SAVEPOINT before"))
        try:
            yield
        except BaseException:
            with suppress(psycopg.Error, SourceError):  # a lost connection has rolled back by itself
                self._connection.execute("ROLLBACK TO SAVEPOINT before")
            raise

    def delete_unchanged(self, selection: Selection, rows: pa.Table) -> None:
        if any(foreign.on_delete.acts for foreign in self.foreign_keys((selection.schema, selection.table))):
            raise NotAsRead  # a row that comes to refer to one of these would go with it, until these are locked
        asked = self._keys(selection, rows, versions=True)
        table = self.table(selection.schema, selection.table)
        unchanged = version(table) == asked.rows.c.version
        if self._delete(sa.delete(table).where(*equals(Chosen(table, table, []), selection.key, asked, _same), unchanged)) != asked.size:
            raise NotAsRead

    def insert(self, selection: Selection, rows: Sequence[Cells], *, binary: frozenset[str] = frozenset()) -> list[Conflict]:
        if not rows:
            return []
        columns = columns_given(self.table(selection.schema, selection.table), selection, rows)
        check_binary(binary, columns, lambda column: native(column).base == "bytea")
        moments = {column.name for column in columns if native(column).base in MOMENTS}
        return insert(
            rows,
            lambda wanted: self._read(selection, columns, wanted),
            lambda wanted: self._put(selection, columns, wanted),
            same_cells(moments),
        )

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _delete(self, statement: sa.Delete) -> int:
        text = self._literal(statement)
        return self._guard(lambda: psycopg.ClientCursor(self._connection).execute(text.encode()).rowcount)

    def _asked_catalogue(self, statement: str, values: dict[str, Any]) -> list[Any]:
        return self._guard(lambda: self._connection.execute(statement.encode(), values).fetchall())

    def _said(self, error: Exception) -> SourceError:
        state = getattr(error, "sqlstate", None)
        if state == "55P03":
            return LockTimeout("Somebody else holds rows of the table for longer than the lock timeout.")
        said = super()._said(error)
        return ForeignKeyBroken(str(said)) if state in _BROKEN else said

    def _keys(self, selection: Selection, keys: pa.Table, *, versions: bool = False) -> Asked:
        table = self.table(selection.schema, selection.table)
        given = columns_asked(selection, keys)
        fields = [keys.schema.field(name) for name in selection.key]
        texts = [key_texts(known(table, name), values, field) for name, values, field in zip(selection.key, given, fields, strict=True)]
        return _asked(texts, versions_asked(selection, keys) if versions else None)

    def _children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table) -> tuple[Chosen, Asked]:
        table = self.table(child.schema, child.table)
        pairs = zip(parent_columns, parents.columns, parents.schema, strict=True)
        asked = _asked([key_texts(known(table, name), values, field) for name, values, field in pairs])
        chosen = choose(self, Selection(child.table, child.schema))
        chosen.where.extend(equals(chosen, parent_columns, asked, _equal))
        return chosen, asked

    def _has_others(self, selection: Selection, asked: Asked, foreign: ForeignKey) -> bool:
        """Whether rows that are not asked for refer to a row that is."""
        chosen = named(self, selection, asked, _same)
        table = self.table(*foreign.place)
        child = Chosen(table, table.alias("child"), [])
        refers = [child.column(here) == chosen.column(there) for here, there in zip(foreign.columns, foreign.referred, strict=True)]
        if table is chosen.table:
            again = Asked(asked.rows.alias("again"), asked.size, asked.first)
            refers.append(~sa.exists().where(*equals(child, selection.key, again, _same)))
        return bool(self._query(sa.select(sa.literal_column("1")).select_from(child.rows).where(*chosen.where, *refers).limit(1)))

    def _read(self, selection: Selection, columns: Sequence[sa.Column[Any]], rows: Sequence[Cells]) -> dict[int, Cells]:
        key = [column for name in selection.key for column in columns if column.name == name]
        asked = _asked([[key_cell(column, row[column.name]) for row in rows] for column in key])
        chosen = named(self, selection, asked, _same)
        plans = [plan(column, exact=True) for column in columns]
        read = [each.project(chosen.column(column.name)) for each, column in zip(plans, columns, strict=True)]
        found = self._query(sa.select(asked.place, *read).where(*chosen.where))
        batches = self._table([row[1:] for row in found], plans).to_batches()
        return dict(zip([row[0] for row in found], [cells for batch in batches for cells in lines_of(batch)], strict=True))

    def _put(self, selection: Selection, columns: Sequence[sa.Column[Any]], rows: Sequence[Cells]) -> None:
        """Rows with JSON's null in the same columns together: what reads rows below takes it for a column without a value."""
        generated = catalogue.generated(self._asked_catalogue, (selection.schema, selection.table))
        given = [column for column in columns if column.name not in generated]
        together: dict[frozenset[str], list[Cells]] = {}
        for row in rows:
            together.setdefault(frozenset(column.name for column in given if row[column.name] == JSON_NULL), []).append(row)
        for nulls, alike in together.items():
            self._put_alike(selection, given, nulls, alike)

    def _put_alike(self, selection: Selection, given: Sequence[sa.Column[Any]], nulls: frozenset[str], rows: Sequence[Cells]) -> None:
        """Through the table's own row type, which knows how to read each of its columns' types, arrays and composite ones too."""
        objects = [",".join([f"{json.dumps(column.name)}:{input_cell(column, row[column.name])}" for column in given]) for row in rows]
        names = {column.name: sql.Identifier(column.name) for column in given}
        values = [
            sql.SQL("'null'::{}").format(sql.Identifier("pg_catalog", native(column).base)) if column.name in nulls else names[column.name]
            for column in given
        ]
        statement = _INSERT.format(
            table=sql.Identifier(*filter(None, (selection.schema, selection.table))),
            columns=sql.SQL(", ").join(names.values()),
            values=sql.SQL(", ").join(values),
            rows=sql.Literal(f"[{','.join([f'{{{each}}}' for each in objects])}]"),
        )
        self._guard(lambda: self._connection.execute(statement))

    def _places(self, asked: Asked, chosen: Chosen) -> Mask:
        return mask(asked.size, [place for (place,) in self._query(sa.select(asked.place).where(*chosen.where))])

    def _table(self, rows: Sequence[Any], plans: Sequence[Plan]) -> pa.Table:
        schema = schema_of(plans)
        if not rows:
            return schema.empty_table()
        arrays = [_array(values, field) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
        return pa.Table.from_batches([finish(pa.RecordBatch.from_arrays(arrays, schema=schema), plans, schema)])


def _asked(texts: list[list[str]], versions: pa.ChunkedArray | None = None) -> Asked:
    columns: list[Element] = [sa.cast(_bound(array_literal(values)), ARRAY(sa.Text())) for values in texts]
    names = [f"k{number}" for number in range(len(texts))]
    if versions is not None:
        columns.append(sa.cast(_bound("{" + ",".join(map(str, versions.to_pylist())) + "}"), ARRAY(sa.BigInteger())))
        names.append("version")
    rows = sa.func.unnest(*columns).table_valued(*names, with_ordinality="place", name="asked").render_derived()
    return Asked(rows, len(texts[0]), first=1)


def _array(values: Sequence[Any], field: pa.Field) -> pa.Array:
    """A moment that Python has not comes as text: see postgresql_types.register_loaders."""
    if not pa.types.is_string(field.type) and any(isinstance(value, str) for value in values):
        raise MixedColumn(f"Column {field.name} holds a moment outside the years 1 to 9999.")
    return pa.array(values, field.type)


def _bound(value: str) -> Element:
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)


def _equal(column: sa.Column[Any], here: Element, given: Element) -> Element:
    """By the column's own comparison."""
    return here == sa.cast(given, native(column))


def _same(column: sa.Column[Any], here: Element, given: Element) -> Element:
    """Byte for byte, too, where the type or the collation takes different texts for equal."""
    value = sa.cast(given, native(column))
    if native(column).category != "S":
        return here == value
    return sa.and_(here == value, sa.collate(sa.cast(here, sa.Text), "C") == sa.cast(value, sa.Text))
