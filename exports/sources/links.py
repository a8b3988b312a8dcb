"""The foreign keys of a database, read from its catalogue."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from exports.sources.base import Link

# A partition has a copy of each foreign key of its table: only the original counts.
POSTGRESQL = """
SELECT CASE WHEN t.relnamespace = current_schema()::regnamespace THEN '' ELSE s.nspname END, t.relname,
  ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = n.number ORDER BY n.place),
  CASE WHEN r.relnamespace = current_schema()::regnamespace THEN '' ELSE rs.nspname END, r.relname,
  ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = n.number ORDER BY n.place)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace s ON s.oid = t.relnamespace
JOIN pg_class r ON r.oid = c.confrelid JOIN pg_namespace rs ON rs.oid = r.relnamespace
LEFT JOIN pg_constraint above ON above.oid = c.conparentid
WHERE c.contype = 'f' AND above.confrelid IS DISTINCT FROM c.confrelid
ORDER BY s.nspname, t.relname, c.conname
"""
# A foreign key may leave out what it refers to (then it is the primary key), and may write a table's name in other case.
SQLITE = """
SELECT m.name, f.id, coalesce(r.name, f."table"), f."from",
  coalesce(f."to", (SELECT k.name FROM pragma_table_xinfo(f."table") AS k WHERE k.pk = f.seq + 1))
FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
LEFT JOIN sqlite_master AS r ON r.type = 'table' AND lower(r.name) = lower(f."table")
WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq
"""


def of_postgresql(rows: list[Any]) -> list[Link]:
    """rows: of POSTGRESQL."""
    return [Link((schema, table), tuple(columns), (above, name), tuple(there)) for schema, table, columns, above, name, there in rows]


def of_sqlite(rows: list[Any]) -> list[Link]:
    """rows: of SQLITE."""
    found = [(key, list(pairs)) for key, pairs in groupby(rows, lambda row: tuple(row[:3]))]
    return [
        Link(("", table), tuple(row[3] for row in pairs), ("", above), tuple(row[4] for row in pairs)) for (table, _, above), pairs in found
    ]


def of_inspector(inspector: sa.Inspector) -> Iterator[Link]:
    """Of the default schema, for any database that SQLAlchemy knows."""
    default = inspector.default_schema_name
    for (_, table), keys in sorted(inspector.get_multi_foreign_keys().items(), key=lambda item: str(item[0])):
        for key in keys:
            above = "" if key["referred_schema"] in {None, default} else str(key["referred_schema"])
            yield Link(("", table), tuple(key["constrained_columns"]), (above, key["referred_table"]), tuple(key["referred_columns"]))
