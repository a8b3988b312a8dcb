"""MariaDB and MySQL: rows are locked and deleted by lists of their keys, a few hundred in a statement.

The invariant: see exports.sources.writers.base. A row's version is made again of the whole row, read FOR UPDATE. The transaction is
READ COMMITTED, so that only rows are locked, and no gaps, and that each statement sees what has become of them. What a collation takes
for a key is compared with the key byte for byte, in the statement that deletes as well.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import exc

from exports.sources.base import Key, Place, Selection, SourceError
from exports.sources.conditions import Kind
from exports.sources.filtering import all_of, any_of, bound
from exports.sources.functions import key_literal
from exports.sources.generic import GenericReader
from exports.sources.generic_types import VERSION_COLUMN, Column, check_characters, plan, projected, rename
from exports.sources.predicate_sql import holds
from exports.sources.predicates import And, KeyIn, Predicate
from exports.sources.selecting import Chosen, choose, known
from exports.sources.versions import digest, versioned
from exports.sources.writers import generic_catalogue as catalogue
from exports.sources.writers.asked import mask, versions_asked
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
from exports.sources.writers.generic_keys import AT_ONCE, Asked, Element, reading, values_of
from exports.sources.writers.generic_values import AsItIs, driver_value, is_binary, key_value
from exports.sources.writers.inserting import check_binary, columns_given, insert, same_cells
from exports.sources.writers.lines import lines_of

_BROKEN = {1216, 1217, 1451, 1452}
_WAITED = {1205, 3572}
_TWICE = 1062
# Values go in as they are or not at all; a day that no calendar has may have been there before.
_MODE = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', foreign_key_checks = 1, unique_checks = 1"


def batch_of(rows: Sequence[Sequence[Any]], columns: Sequence[Column]) -> pa.RecordBatch:
    held = [[None if row[n] is None else column.convert(row[n]) for row in rows] for n, column in enumerate(columns)]
    return rename(held, pa.schema([column.field for column in columns]))


def _code(error: Exception) -> Any:
    """The server's number of the error."""
    return next(iter(getattr(getattr(error, "orig", None), "args", ())), None)


class GenericWriter(GenericReader):
    """See exports.sources.writers.base.SourceWriter."""

    work = "change"

    # --- The catalogue ----------------------------------------------------------------------------------------------

    def foreign_keys(self, place: Place) -> list[ForeignKey]:
        return catalogue.foreign_keys(self._asked_catalogue, place)

    def check_table(self, selection: Selection) -> None:
        table = self.table(selection.schema, selection.table)
        columns = [known(table, name) for name in selection.key]
        for column in columns:
            reading(column)
        catalogue.check_table(self._asked_catalogue, selection, [str(column.name) for column in columns if column.nullable])
        text = str(sa.delete(table).where(sa.false()).compile(self._connection))
        self._guard(lambda: self._connection.exec_driver_sql(f"EXPLAIN {text}"))  # which takes the right to delete

    def bloat(self, selection: Selection) -> Bloat:
        table = self.table(selection.schema, selection.table)
        return catalogue.bloat(self._asked_catalogue, selection, self._connection.dialect.identifier_preparer.format_table(table))

    # --- The transaction --------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, *, lock_timeout: float, idle_timeout: float) -> Iterator[None]:
        lock, idle = max(1, math.ceil(lock_timeout)), max(1, math.ceil(idle_timeout))
        idling = "idle_transaction_timeout" if getattr(self._connection.dialect, "is_mariadb", False) else "wait_timeout"
        try:
            self._run(f"SET SESSION innodb_lock_wait_timeout = {lock:d}, lock_wait_timeout = {lock:d}, {idling} = {idle:d}")
            self._run("START TRANSACTION READ WRITE")
            yield
            self._run("COMMIT")
        except BaseException:
            with suppress(exc.SQLAlchemyError, OSError):  # a lost connection has rolled back by itself
                self._connection.exec_driver_sql("ROLLBACK")
            raise

    def lock(self, selection: Selection, rows: pa.Table) -> Standing:
        versions = versions_asked(selection, rows).to_pylist()
        asked = self._keys(selection, rows)
        present, unchanged = [], []
        for keys in asked.chunks():
            chosen = self._named(selection, keys)
            whole_row = self._whole(chosen)
            for row in self._fetch(sa.select(*whole_row, *asked.read(chosen)).where(*chosen.where).with_for_update()):
                if (place := asked.place(row[len(whole_row) :])) is not None:
                    present.append(place)
                    unchanged += [place] if digest(row[: len(whole_row)]) == versions[place] else []
        return Standing(mask(asked.size, present), mask(asked.size, unchanged))

    def covered(self, selection: Selection, keys: pa.Table, where: Predicate) -> Mask:
        return self._places(selection, self._keys(selection, keys), where)

    def present(self, selection: Selection, keys: pa.Table) -> Mask:
        return self._places(selection, self._keys(selection, keys))

    def lock_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table, *, exact: bool = False) -> pa.Table:
        table = self.table(child.schema, child.table)
        names = list(dict.fromkeys((*child.key, *parent_columns)))
        columns = [*[plan(known(table, name), exact=exact) for name in names], VERSION_COLUMN]
        made = versioned([list(table.c.keys()).index(name) for name in names])
        rows: list[tuple[Any, ...]] = []
        for chosen, parts in self._children(child, parent_columns, parents):
            statement = sa.select(*self._whole(chosen)).where(any_of(parts)).with_for_update()
            rows += [made(row) for row in self._fetch(statement)]
        return pa.Table.from_batches([batch_of(rows, columns)])

    def count_children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table) -> Counts:
        """One count for each parent, if there is any: only the database knows which texts its collation takes for the parent's."""
        found: list[int] = []
        for chosen, parts in self._children(child, parent_columns, parents):
            any_child = self._fetch(sa.select(sa.literal_column("1")).select_from(chosen.rows).where(any_of(parts)).limit(1))
            each = [sa.select(sa.func.count()).select_from(chosen.rows).where(part).scalar_subquery() for part in parts]
            found += self._fetch(sa.select(*each))[0] if any_child else [0] * len(parts)
        return np.array(found, np.int64)

    def delete(self, selection: Selection, keys: pa.Table) -> int:
        place, asked = (selection.schema, selection.table), self._keys(selection, keys)
        acting = [foreign for foreign in self.foreign_keys(place) if foreign.on_delete.acts]
        for foreign in acting:
            if self._has_others(selection, asked, foreign):
                refuse_children(foreign, selection.table)
        if any(foreign.place == place for foreign in acting):  # whose action may be quicker than the DELETE, which counts its own
            before = self._places(selection, asked)
            self._delete(selection, asked)
            deleted = int(before.sum() - self._places(selection, asked).sum())
        else:
            deleted = self._delete(selection, asked)
        refuse_count(selection, deleted, keys.num_rows)
        return deleted

    def insert(self, selection: Selection, rows: Sequence[Cells], *, binary: frozenset[str] = frozenset()) -> list[Conflict]:
        if not rows:
            return []
        columns = columns_given(self.table(selection.schema, selection.table), selection, rows)
        check_binary(binary, columns, is_binary)
        moments = {column.name for column in columns if isinstance(column.type, sa.DateTime)}
        return insert(
            rows,
            lambda wanted: self._read(selection, columns, wanted),
            lambda wanted: self._put(selection, columns, wanted),
            same_cells(moments),
        )

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Every statement by itself, until START TRANSACTION."""
        check_characters(self._url)
        super()._connect()
        self._connection.rollback()
        self._open = self._connection.execution_options(isolation_level="AUTOCOMMIT")
        self._open.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        self._open.exec_driver_sql(_MODE)

    def _asked_catalogue(self, statement: sa.TextClause, values: dict[str, Any]) -> list[Any]:
        return self._guard(lambda: list(self._connection.execute(statement, values).fetchall()))

    def _run(self, statement: str) -> None:
        self._guard(lambda: self._connection.exec_driver_sql(statement))

    def _said(self, error: Exception) -> SourceError:
        code = _code(error)
        if code in _WAITED:
            return LockTimeout("Somebody else holds rows of the table for longer than the lock timeout.")
        said = super()._said(error)
        return ForeignKeyBroken(str(said)) if code in _BROKEN else said

    def _named(self, selection: Selection, keys: tuple[Key, ...], where: Predicate | None = None) -> Chosen:
        """The rows of these keys, of which the predicate is true. What else the selection says of rows does not count."""
        both = KeyIn(keys) if where is None else And((KeyIn(keys), where))
        return choose(self, Selection(selection.table, selection.schema, key=selection.key, where=both))

    def _keys(self, selection: Selection, keys: pa.Table) -> Asked:
        return Asked.of(self.table(selection.schema, selection.table), selection, keys)

    def _delete(self, selection: Selection, asked: Asked) -> int:
        table = self.table(selection.schema, selection.table)
        deleted = 0
        for chunk in asked.chunks():
            statement = sa.delete(table).where(holds(self, Chosen(table, table, []), selection.key, KeyIn(chunk)))
            deleted += self._guard(partial(self._connection.execute, statement)).rowcount
        return deleted

    def _whole(self, chosen: Chosen) -> list[Element]:
        return [projected(column, chosen.column(column.name)) for column in chosen.table.c]

    def _read(self, selection: Selection, columns: list[sa.Column[Any]], rows: Sequence[Cells]) -> dict[int, Cells]:
        key = [column for name in selection.key for column in columns if column.name == name]
        asked = Asked(key, [[key_value(column, row[column.name]) for row in rows] for column in key])
        plans = [plan(column, exact=True) for column in columns]
        found: dict[int, tuple[Any, ...]] = {}
        for chunk in asked.chunks():
            chosen = self._named(selection, chunk)
            read = [each.project(chosen.column(column.name)) for each, column in zip(plans, columns, strict=True)]
            for row in self._fetch(sa.select(*read, *asked.read(chosen)).where(*chosen.where)):
                if (place := asked.place(row[len(read) :])) is not None:
                    found[place] = tuple(row[: len(read)])
        return dict(zip(found, lines_of(batch_of(list(found.values()), plans)), strict=True))

    def _put(self, selection: Selection, columns: list[sa.Column[Any]], rows: Sequence[Cells]) -> None:
        """All at once; one by one, if one of them has a value that must be unique and is another row's."""
        generated = catalogue.generated(self._asked_catalogue, (selection.schema, selection.table))
        given = [column for column in columns if column.name not in generated]
        values = [{f"p{n}": driver_value(column, row[column.name]) for n, column in enumerate(given)} for row in rows]
        places = {column.name: sa.bindparam(f"p{n}", type_=AsItIs()) for n, column in enumerate(given)}
        statement = sa.insert(self.table(selection.schema, selection.table)).values(places)
        self._run("SAVEPOINT strongroom")
        if not self._is_put(statement, values):
            self._run("ROLLBACK TO SAVEPOINT strongroom")
            for each in values:
                self._is_put(statement, [each])

    def _is_put(self, statement: sa.Insert, values: list[dict[str, Any]]) -> bool:
        """False if a value must be unique and is not."""

        def execute() -> bool:
            try:
                self._connection.execute(statement, values)
            except exc.IntegrityError as error:
                if _code(error) != _TWICE:
                    raise
                return False
            return True

        return self._guard(execute)

    def _places(self, selection: Selection, asked: Asked, where: Predicate | None = None) -> Mask:
        found = []
        for chunk in asked.chunks():
            chosen = self._named(selection, chunk, where)
            found += [asked.place(row) for row in self._fetch(sa.select(*asked.read(chosen)).where(*chosen.where))]
        return mask(asked.size, [place for place in found if place is not None])

    def _children(self, child: Selection, parent_columns: tuple[str, ...], parents: pa.Table) -> Iterator[tuple[Chosen, list[Element]]]:
        """The child's table, and for each of a few hundred parents what a row of theirs is like, by the columns' own comparison."""
        chosen = choose(self, Selection(child.table, child.schema))
        columns = [known(chosen.table, name) for name in parent_columns]
        given = [values_of(column, values) for column, values in zip(columns, parents.columns, strict=True)]
        rows = [
            all_of([self._equal(chosen, column, value) for column, value in zip(columns, row, strict=True)])
            for row in zip(*given, strict=True)
        ]
        for start in range(0, len(rows), AT_ONCE):
            yield chosen, rows[start : start + AT_ONCE]

    def _equal(self, chosen: Chosen, column: sa.Column[Any], value: Any) -> Element:
        here, kind = chosen.column(column.name), self.kind(column)
        return here == (bound(value) if kind is Kind.TEXT else key_literal(column, kind, value, self.comparable(column, here)))

    def _has_others(self, selection: Selection, asked: Asked, foreign: ForeignKey) -> bool:
        """Whether rows that are not asked for refer to a row that is."""
        table = self.table(*foreign.place)
        child = Chosen(table, table.alias("child"), [])
        itself = foreign.place == (selection.schema, selection.table)
        for chunk in asked.chunks():
            chosen = self._named(selection, chunk)
            refers = [child.column(here) == chosen.column(there) for here, there in zip(foreign.columns, foreign.referred, strict=True)]
            statement = sa.select(*(asked.read(child) if itself else [sa.literal_column("1")])).where(*chosen.where, *refers)
            found = self._fetch(statement if itself else statement.limit(1))
            if any(asked.place(row) is None for row in found) if itself else found:
                return True
        return False
