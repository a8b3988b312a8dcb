"""From a Selection to SQLAlchemy statements: names come from the catalogue only, values are always bound."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from exports.sources.base import Key, Selection, SourceError
from exports.sources.conditions import Condition, Kind, Operator, WrongCondition, typed
from exports.sources.filtering import Comparable, compare
from exports.sources.functions import Functions

Element = sa.ColumnElement[Any]


class Backend(Protocol):
    """What differs between databases when rows are chosen."""

    row_values: bool
    """Whether `(a, b) > (x, y)` works and uses the index on (a, b)."""

    @property
    def functions(self) -> Functions:
        """What predicates ask besides comparisons with values."""

    def table(self, schema: str, name: str) -> sa.Table:
        """The table as the catalogue has it, columns in order. Raises SourceError if there is none."""

    def kind(self, column: sa.Column[Any]) -> Kind:
        """What the column's values can be compared with."""

    def comparable(self, column: sa.Column[Any], here: Element) -> Comparable:
        """The column, of which `here` is the reference, as it compares exactly."""

    def value(self, column: sa.Column[Any], value: object) -> Element:
        """The value, bound, in a form that compares with the column exactly."""

    def moment(self, column: sa.Column[Any], moment: datetime) -> Element:
        """The moment, bound, in the form that the timestamp column holds."""


@dataclass(frozen=True)
class Chosen:
    """One selection's rows: the table under an alias, and the condition that chooses them."""

    table: sa.Table
    rows: sa.FromClause
    where: list[Element]

    def column(self, name: str) -> Element:
        return self.rows.c[known(self.table, name).name]


def make_table(schema: str, name: str, columns: list[sa.Column[Any]]) -> sa.Table:
    """A table whose every name is quoted, so that no name is ever read as anything else."""
    return sa.Table(quoted(name), sa.MetaData(), *columns, schema=quoted(schema) if schema else None)


def quoted(name: str) -> str:
    return quoted_name(name, quote=True)


def known(table: sa.Table, name: str) -> sa.Column[Any]:
    """The table's column of that name. Raises SourceError naming it if there is none."""
    if name not in table.c:
        raise SourceError(f"Table {table.name} has no column {name}.")
    return table.c[name]


def columns_of(table: sa.Table, selection: Selection) -> list[sa.Column[Any]]:
    """The columns to read: those that the selection names, or all."""
    return [known(table, name) for name in selection.columns] if selection.columns else list(table.c)


def kinds_of(backend: Backend, selection: Selection) -> dict[str, Kind]:
    """The kind of each column that the selection reads, in order."""
    columns = columns_of(backend.table(selection.schema, selection.table), selection)
    return {str(column.name): backend.kind(column) for column in columns}


def choose(backend: Backend, selection: Selection, depth: int = 0) -> Chosen:
    """Aliased by depth, so that a table may be its own parent."""
    table = backend.table(selection.schema, selection.table)
    chosen = Chosen(table, table.alias(f"s{depth}"), [])
    chosen.where.extend(_in_time(backend, chosen, selection))
    if selection.subtypes:
        chosen.where.append(_of_subtype(backend, chosen, known(table, selection.subtype), selection.subtypes))
    chosen.where.extend(condition_on(backend, chosen, condition) for condition in selection.conditions)
    if selection.where is not None:
        chosen.where.append(_holds(backend, chosen, selection, depth))
    if selection.parent:
        chosen.where.append(_has_parent(backend, chosen, selection, selection.parent, depth))
    chosen.where.extend(_in_range(backend, chosen, selection))
    return chosen


def _in_time(backend: Backend, chosen: Chosen, selection: Selection) -> list[Element]:
    if selection.date_from is None and selection.date_to is None:
        return []
    if not selection.timestamp:
        raise SourceError(f"Table {selection.table} needs a timestamp column to choose rows by time.")
    column = known(chosen.table, selection.timestamp)
    within = _between(backend, chosen, column, selection)
    if not selection.else_timestamp or not column.nullable:
        return within
    other = known(chosen.table, selection.else_timestamp)
    if backend.kind(other) is not Kind.TIMESTAMP:  # a day alone does not say what is new
        return within
    return [sa.or_(sa.and_(*within), sa.and_(chosen.column(column.name).is_(None), *_between(backend, chosen, other, selection)))]


def _between(backend: Backend, chosen: Chosen, column: sa.Column[Any], selection: Selection) -> list[Element]:
    here = chosen.column(column.name)
    since = [] if selection.date_from is None else [here >= backend.moment(column, selection.date_from)]
    until = [] if selection.date_to is None else [here < backend.moment(column, selection.date_to)]
    return [*since, *until]


def _of_subtype(backend: Backend, chosen: Chosen, column: sa.Column[Any], subtypes: tuple[str, ...]) -> Element:
    """Exactly one of the texts; a column of another kind is compared as its database does."""
    here = chosen.column(column.name)
    if backend.kind(column) is Kind.TEXT:
        return compare(backend.comparable(column, here), here, Operator.IN, subtypes)
    return here.in_([backend.value(column, value) for value in subtypes])


def condition_on(backend: Backend, chosen: Chosen, condition: Condition) -> Element:
    """Raises SourceError if the column is gone, or is of a type that is not compared so."""
    if condition.attribute not in chosen.table.c:
        raise SourceError(f"The filter on {condition.attribute} cannot be kept: table {chosen.table.name} has no such column.")
    column = known(chosen.table, condition.attribute)
    here = chosen.column(column.name)
    try:
        operator, values = typed(condition, backend.kind(column))
    except WrongCondition as wrong:
        raise SourceError(f"The filter on {condition.attribute} cannot be kept: {wrong}") from None
    return compare(backend.comparable(column, here), here, operator, values)


def _holds(backend: Backend, chosen: Chosen, selection: Selection, depth: int) -> Element:
    from exports.sources.predicate_sql import holds  # which chooses children with what stands here

    assert selection.where is not None
    return holds(backend, chosen, selection.key, selection.where, depth)


def _has_parent(backend: Backend, chosen: Chosen, selection: Selection, parent: Selection, depth: int) -> Element:
    """IN, because every database here turns it into a semi-join: no row twice, and the parent is read once."""
    if not parent.key or len(parent.key) != len(selection.parent_columns):
        raise SourceError(f"Table {selection.table} must name one column for each key column of {parent.table}.")
    above = choose(backend, parent, depth + 1)
    keys = sa.select(*[above.column(name) for name in parent.key]).where(*above.where)
    here = [chosen.column(name) for name in selection.parent_columns]
    return here[0].in_(keys) if len(here) == 1 else sa.tuple_(*here).in_(keys)


def _in_range(backend: Backend, chosen: Chosen, selection: Selection) -> list[Element]:
    """Rows with a NULL in their key belong to the first range, and to no other."""
    if selection.after is None and selection.upto is None:
        return []
    table = chosen.table
    nulls = [chosen.column(name).is_(None) for name in selection.key if known(table, name).nullable]
    where = []
    if selection.after is not None:
        where.append(_compare(backend, chosen, selection.key, selection.after, above=True))
        where.extend(~null for null in nulls)
    if selection.upto is not None:
        upto = _compare(backend, chosen, selection.key, selection.upto, above=False)
        where.append(sa.or_(upto, *nulls) if nulls and selection.after is None else upto)
    return where


def _compare(backend: Backend, chosen: Chosen, names: tuple[str, ...], key: Key, *, above: bool) -> Element:
    """The key is greater than `key` (above), or not greater."""
    if not names or len(names) != len(key):
        raise SourceError(f"A key of table {chosen.table.name} has {len(names)} columns, not {len(key)}.")
    columns = [chosen.column(name) for name in names]
    values = [backend.value(known(chosen.table, name), value) for name, value in zip(names, key, strict=True)]
    if len(columns) == 1:
        return columns[0] > values[0] if above else columns[0] <= values[0]
    if backend.row_values:
        row, bound = sa.tuple_(*columns), sa.tuple_(*values)
        return row > bound if above else row <= bound
    edge = columns[0] >= values[0] if above else columns[0] <= values[0]
    return sa.and_(edge, _expanded(columns, values, above=above))  # the edge alone is what an index can use


def _expanded(columns: list[Element], values: list[Element], *, above: bool) -> Element:
    """(a, b) > (x, y) as a > x OR (a = x AND b > y)."""
    column, value = columns[0], values[0]
    if len(columns) == 1:
        return column > value if above else column <= value
    rest = sa.and_(column == value, _expanded(columns[1:], values[1:], above=above))
    return sa.or_(column > value if above else column < value, rest)


def places_of(table: sa.Table, selection: Selection) -> list[int]:
    """Where the columns to read stand in the table, from 0."""
    names = list(table.c.keys())
    return [names.index(column.name) for column in columns_of(table, selection)]


def select_rows(
    backend: Backend,
    selection: Selection,
    project: Callable[[sa.Column[Any], Element], list[Element]],
    beside: Callable[[sa.FromClause], list[Element]] = lambda _: [],
) -> sa.Select[Any]:
    """SELECT of the selection's columns; `project` gives what to read for one column (its definition, its reference), `beside` what else."""
    chosen = choose(backend, selection)
    parts = [part for column in columns_of(chosen.table, selection) for part in project(column, chosen.column(column.name))]
    return sa.select(*parts, *beside(chosen.rows)).select_from(chosen.rows).where(*chosen.where)


def whole(selection: Selection) -> Selection:
    """The same rows with all their columns."""
    return replace(selection, columns=())


def select_count(backend: Backend, selection: Selection) -> sa.Select[Any]:
    chosen = choose(backend, selection)
    return sa.select(sa.func.count()).select_from(chosen.rows).where(*chosen.where)


def select_boundaries(
    backend: Backend, selection: Selection, rows: int, project: Callable[[sa.Column[Any], Element], Element] = lambda _, here: here
) -> sa.Select[Any]:
    """The key of each `rows`-th row that has a successor, in key order: the row before each first row of a range."""
    if rows < 1:
        raise ValueError("rows must be at least 1")
    if not selection.key:
        raise SourceError(f"Table {selection.table} has no key to cut it by.")
    chosen = choose(backend, selection)
    keys = [chosen.column(name) for name in selection.key]
    present = [here.is_not(None) for here, name in zip(keys, selection.key, strict=True) if known(chosen.table, name).nullable]
    before = [sa.func.lag(here).over(order_by=keys).label(f"k{place}") for place, here in enumerate(keys)]
    number = sa.func.row_number().over(order_by=keys).label("n")
    ranked = sa.select(*before, number).select_from(chosen.rows).where(*chosen.where, *present).subquery("ranked")
    first = [project(known(chosen.table, name), ranked.c[f"k{place}"]) for place, name in enumerate(selection.key)]
    return sa.select(*first).where(ranked.c.n > 1, sa.func.mod(ranked.c.n - 1, rows) == 0).order_by(ranked.c.n)


def distinct(keys: list[Key]) -> list[Key]:
    """Without repetitions of the key before: where a key is not unique, its rows stay in one range."""
    return [key for place, key in enumerate(keys) if place == 0 or key != keys[place - 1]]
