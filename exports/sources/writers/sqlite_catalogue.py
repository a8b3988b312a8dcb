"""What a SQLite file says about deleting from a table."""

import os
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from exports.sources.base import Selection, SourceError
from exports.sources.writers.base import Bloat, ForeignKey, OnDelete, check_key

Query = Callable[[str, tuple[Any, ...]], list[Any]]

_FOREIGN = """
SELECT m.name, f.id, f."from", f."to", f.on_delete FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
WHERE m.type = 'table' AND lower(f."table") = lower(?) ORDER BY m.name, f.id, f.seq
"""
_KEY = "SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk"
_UNIQUE = """
SELECT l.name, i.name FROM pragma_index_list(?) AS l JOIN pragma_index_info(l.name) AS i
WHERE l."unique" AND NOT l.partial ORDER BY l.name
"""


def foreign_keys(query: Query, table: str) -> list[ForeignKey]:
    """SQLite lets a foreign key leave out what it refers to: then it is the primary key."""
    own = key_of(query, table)
    found = []
    for (child, number), rows in groupby(query(_FOREIGN, (table,)), lambda row: (row[0], row[1])):
        pairs = list(rows)
        referred = own if pairs[0][3] is None else tuple(row[3] for row in pairs)
        action = OnDelete(pairs[0][4].lower())
        found.append(ForeignKey(f"{child}.{number}", ("", child), tuple(row[2] for row in pairs), referred, action, key_of(query, child)))
    return found


def key_of(query: Query, table: str) -> tuple[str, ...]:
    return tuple(name for (name,) in query(_KEY, (table,)))


def generated(query: Query, table: str) -> set[str]:
    """The columns that make themselves."""
    return {name for (name,) in query("SELECT name FROM pragma_table_xinfo(?) WHERE hidden > 1", (table,))}


def check_table(query: Query, selection: Selection, nullable: list[str], path: Path) -> None:
    """nullable: those of the key's columns in which a row has NULL, or may have it. Raises SourceError."""
    [(kind, text)] = query(
        "SELECT type, upper(sql) FROM sqlite_master WHERE lower(name) = lower(?) AND type IN ('table', 'view')", (selection.table,)
    )
    if kind != "table" or str(text).startswith("CREATE VIRTUAL"):
        raise SourceError(f"{selection.table} is no table of this file's own, so nothing can be deleted from it.")
    unique = [set(key_of(query, selection.table)), *_indexes(query(_UNIQUE, (selection.table,)))]
    check_key(selection, nullable, [columns for columns in unique if columns])
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise SourceError("The SQLite file, or its folder, is not to be written to by this server.")


def _indexes(rows: Iterable[Any]) -> list[set[str]]:
    """The columns of each index; one over an expression makes no column unique."""
    indexes = [{column for _, column in found} for _, found in groupby(rows, lambda row: row[0])]
    return [columns for columns in indexes if None not in columns]


def bloat(query: Query) -> Bloat:
    """Of the whole file: its free pages are shared by all tables."""
    [(size,)], [(pages,)], [(free,)] = (query(f"PRAGMA {name}", ()) for name in ("page_size", "page_count", "freelist_count"))
    return Bloat(size * pages, size * free, "VACUUM", locks=True)
