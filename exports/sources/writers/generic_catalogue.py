"""What the catalogue of MariaDB and MySQL says about deleting from a table. In it a schema is a database."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from exports.sources.base import Place, Selection, SourceError
from exports.sources.writers.base import Bloat, ForeignKey, OnDelete, check_key

Query = Callable[[sa.TextClause, dict[str, Any]], list[Any]]

_FOREIGN = sa.text("""
SELECT k.constraint_name, k.table_schema, k.table_name, r.delete_rule, k.column_name, k.referenced_column_name, database()
FROM information_schema.key_column_usage AS k JOIN information_schema.referential_constraints AS r
ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
WHERE k.referenced_table_schema = coalesce(:schema, database()) AND k.referenced_table_name = :name
ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position
""")
_INDEXES = sa.text("""
SELECT index_name, column_name FROM information_schema.statistics
WHERE table_schema = coalesce(:schema, database()) AND table_name = :name AND non_unique = 0 AND sub_part IS NULL
ORDER BY index_name = 'PRIMARY' DESC, index_name, seq_in_index
""")
_CUT = sa.text("""
SELECT DISTINCT index_name FROM information_schema.statistics
WHERE table_schema = coalesce(:schema, database()) AND table_name = :name AND (sub_part IS NOT NULL OR column_name IS NULL)
""")
_KIND = sa.text("""
SELECT t.table_type, e.transactions FROM information_schema.tables AS t LEFT JOIN information_schema.engines AS e ON e.engine = t.engine
WHERE t.table_schema = coalesce(:schema, database()) AND t.table_name = :name
""")
_GENERATED = sa.text("""
SELECT column_name FROM information_schema.columns
WHERE table_schema = coalesce(:schema, database()) AND table_name = :name AND coalesce(generation_expression, '') <> ''
""")
_BLOAT = sa.text("""
SELECT coalesce(data_length, 0) + coalesce(index_length, 0) + coalesce(data_free, 0), coalesce(data_free, 0) FROM information_schema.tables
WHERE table_schema = coalesce(:schema, database()) AND table_name = :name
""")


def foreign_keys(query: Query, place: Place) -> list[ForeignKey]:
    rows = query(_FOREIGN, _named(place))
    return [_foreign_key(query, name, list(pairs)) for name, pairs in groupby(rows, lambda row: tuple(row[:3]))]


def _foreign_key(query: Query, name: tuple[str, str, str], pairs: list[Any]) -> ForeignKey:
    constraint, schema, table = name
    place = ("" if schema == pairs[0][6] else schema, table)
    action = OnDelete(pairs[0][3].lower())
    return ForeignKey(
        constraint,
        place,
        tuple(row[4] for row in pairs),
        tuple(row[5] for row in pairs),
        action,
        tuple(_unique(query, place).get("PRIMARY", ())),
    )


def check_table(query: Query, selection: Selection, nullable: list[str]) -> None:
    """nullable: those of the key's columns that can be NULL. Raises SourceError."""
    place = (selection.schema, selection.table)
    [(kind, transactions)] = query(_KIND, _named(place))
    if kind != "BASE TABLE":
        raise SourceError(f"{selection.table} is no table of this database's own, so nothing can be deleted from it.")
    if transactions != "YES":
        raise SourceError(
            f"The engine of table {selection.table} has no transactions, so nothing can be deleted safely: move it to InnoDB."
        )
    check_key(selection, nullable, [set(columns) for columns in _unique(query, place).values()])


def _unique(query: Query, place: Place) -> dict[str, list[str]]:
    """The columns of each index that makes whole values of theirs unique."""
    cut = {name for (name,) in query(_CUT, _named(place))}
    rows = query(_INDEXES, _named(place))
    return {name: [column for _, column in found] for name, found in groupby(rows, lambda row: row[0]) if name not in cut}


def generated(query: Query, place: Place) -> set[str]:
    """The columns that make themselves."""
    return {name for (name,) in query(_GENERATED, _named(place))}


def bloat(query: Query, selection: Selection, quoted: str) -> Bloat:
    """quoted: the table as it stands in a statement."""
    [(total, free)] = query(_BLOAT, _named((selection.schema, selection.table)))
    return Bloat(int(total), int(free), f"OPTIMIZE TABLE {quoted}", locks=False)


def _named(place: Place) -> dict[str, Any]:
    return {"schema": place[0] or None, "name": place[1]}
