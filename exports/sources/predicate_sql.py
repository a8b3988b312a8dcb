"""Predicates as SQL, the same for every database.

Inside a statement a leaf may be NULL where it is false: WHERE, AND and OR make no difference between the two, and a comparison that stands
as it is can use an index. Only `Not` must tell them apart, and does: IS NOT TRUE.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from exports.sources.base import Key, SourceError
from exports.sources.conditions import Condition
from exports.sources.expression_sql import columns_in, compared
from exports.sources.filtering import all_of, any_of
from exports.sources.predicates import And, Compare, Exists, HasMember, KeyIn, Not, Or, Predicate, is_utf8
from exports.sources.selecting import Backend, Chosen, condition_on, known

Element = sa.ColumnElement[Any]
Column = tuple[str, str, str]
"""Schema, table and name of a column."""


def holds(backend: Backend, chosen: Chosen, key: tuple[str, ...], predicate: Predicate, depth: int = 0) -> Element:  # noqa: PLR0911 one for each class
    """TRUE for the rows of `chosen` of which the predicate is true, FALSE or NULL for all others.

    key: the row's key columns, which KeyIn means. depth: that of the alias of `chosen`. Raises SourceError naming what the table has not.
    """
    match predicate:
        case Condition():
            return condition_on(backend, chosen, predicate)
        case Compare():
            return compared(backend, chosen, predicate)
        case And(parts):
            return all_of([holds(backend, chosen, key, part, depth) for part in parts])
        case Or(parts):
            return any_of([holds(backend, chosen, key, part, depth) for part in parts])
        case Not(part):
            return holds(backend, chosen, key, part, depth).self_group().is_not(sa.true())
        case HasMember(column, name):
            return backend.functions.member(known(chosen.table, column), chosen.column(column), name)
        case Exists():
            return _exists(backend, chosen, predicate, depth)
        case KeyIn(keys, columns):
            return _key_in(backend, chosen, columns or key, keys)


def columns_compared(place: tuple[str, str], predicate: Predicate) -> Iterator[Column]:
    """The columns whose values the predicate compares; `place` is schema and name of its table."""
    match predicate:
        case Condition(attribute):
            yield (*place, attribute)
        case Compare(left, values=values):
            yield from ((*place, name) for operand in (left, *values) for name in columns_in(operand))
        case And(parts) | Or(parts):
            for part in parts:
                yield from columns_compared(place, part)
        case Not(part):
            yield from columns_compared(place, part)
        case Exists(table, schema, where=where) if where is not None:
            yield from columns_compared((schema, table), where)


def _exists(backend: Backend, chosen: Chosen, exists: Exists, depth: int) -> Element:
    """Aliased by depth, as a parent is: a table may be its own child."""
    if not exists.key or len(exists.key) != len(exists.columns):
        raise SourceError(f"Table {exists.table} must name one column for each key column of {chosen.table.name}.")
    table = backend.table(exists.schema, exists.table)
    child = Chosen(table, table.alias(f"s{depth + 1}"), [])
    pairs = zip(exists.columns, exists.key, strict=True)
    child.where.extend(child.column(here) == chosen.column(above) for here, above in pairs)
    if exists.where is not None:
        child.where.append(holds(backend, child, (), exists.where, depth + 1))
    return sa.exists(sa.select(sa.literal_column("1")).select_from(child.rows).where(*child.where).correlate(chosen.rows))


def _key_in(backend: Backend, chosen: Chosen, names: tuple[str, ...], keys: tuple[Key, ...]) -> Element:
    if not names:
        raise SourceError(f"Table {chosen.table.name} has no key by which rows could be named.")
    if wrong := next((key for key in keys if len(key) != len(names)), None):
        raise SourceError(f"A key of table {chosen.table.name} has {len(names)} columns, not {len(wrong)}.")
    columns = [known(chosen.table, name) for name in names]
    if len(columns) == 1:
        return _one_of(backend, chosen, columns[0], [key[0] for key in keys])
    return any_of([all_of([_one_of(backend, chosen, c, [value]) for c, value in zip(columns, key, strict=True)]) for key in keys])


def _one_of(backend: Backend, chosen: Chosen, column: sa.Column[Any], values: list[Any]) -> Element:
    """Half characters, which no UTF-8 holds, are in no row."""
    there = [value for value in values if not isinstance(value, str) or is_utf8(value)]
    return backend.functions.one_of(column, chosen.column(column.name), there) if there else sa.false()
