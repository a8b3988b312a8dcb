"""What PostgreSQL's catalogue says about deleting from a table."""

from collections.abc import Callable
from typing import Any

from exports.sources.base import Place, Selection, SourceError
from exports.sources.writers.base import Bloat, ForeignKey, OnDelete, check_key

Query = Callable[[str, dict[str, Any]], list[Any]]

_TABLE = "SELECT to_regclass(CASE WHEN %(schema)s = '' THEN '' ELSE quote_ident(%(schema)s) || '.' END || quote_ident(%(name)s))::oid"
# A partition has a copy of each foreign key of its table: only the original counts.
_FOREIGN = """
SELECT c.conname, CASE WHEN t.relnamespace = current_schema()::regnamespace THEN '' ELSE s.nspname END, t.relname,
  ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = n.number ORDER BY n.place),
  ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = n.number ORDER BY n.place),
  c.confdeltype,
  ARRAY(SELECT a.attname::text FROM pg_index k CROSS JOIN unnest(k.indkey::int2[]) WITH ORDINALITY AS n(number, place)
        JOIN pg_attribute a ON a.attrelid = k.indrelid AND a.attnum = n.number WHERE k.indrelid = c.conrelid AND k.indisprimary ORDER BY n.place)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace s ON s.oid = t.relnamespace
LEFT JOIN pg_constraint above ON above.oid = c.conparentid
WHERE c.contype = 'f' AND c.confrelid = %(table)s AND above.confrelid IS DISTINCT FROM c.confrelid
ORDER BY c.conname, t.oid
"""
_KIND = "SELECT relkind, has_table_privilege(oid, 'DELETE'), has_any_column_privilege(oid, 'UPDATE') FROM pg_class WHERE oid = %(table)s"
_UNIQUE = """
SELECT ARRAY(SELECT a.attname::text FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS n(number)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n.number)
FROM pg_index i WHERE i.indrelid = %(table)s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
"""
_GENERATED = "SELECT attname::text FROM pg_attribute WHERE attrelid = %(table)s AND attgenerated <> ''"
# Heap bytes, less what the living rows take by their mean width. Without statistics: the share of dead rows.
_BLOAT = """
WITH heap AS (
  SELECT t.oid, n.nspname, t.relname, pg_total_relation_size(t.oid) AS total, pg_relation_size(t.oid) AS bytes,
         coalesce(s.n_live_tup, 0) AS living, coalesce(s.n_dead_tup, 0) AS dead
  FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = t.oid
  WHERE t.oid IN (SELECT relid FROM pg_partition_tree(%(table)s::regclass) WHERE isleaf UNION SELECT %(table)s::oid)
), measured AS (
  SELECT h.*, (SELECT sum(s.avg_width * (1 - s.null_frac)) FROM pg_stats s WHERE s.schemaname = h.nspname AND s.tablename = h.relname) AS width
  FROM heap h
)
SELECT coalesce(sum(total), 0)::bigint, coalesce(sum(
  CASE WHEN width IS NULL THEN bytes * dead / greatest(living + dead, 1) ELSE greatest(0, bytes - living * (width + 28)) END
), 0)::bigint
FROM measured
"""
_ACTIONS = {"a": OnDelete.NO_ACTION, "r": OnDelete.RESTRICT, "c": OnDelete.CASCADE, "n": OnDelete.SET_NULL, "d": OnDelete.SET_DEFAULT}


def foreign_keys(query: Query, place: Place) -> list[ForeignKey]:
    rows = query(_FOREIGN, _table(query, place))
    return [
        ForeignKey(name, (schema, table), tuple(columns), tuple(referred), _ACTIONS[action], tuple(key))
        for name, schema, table, columns, referred, action, key in rows
    ]


def check_table(query: Query, selection: Selection, nullable: list[str]) -> None:
    """nullable: those of the key's columns that can be NULL. Raises SourceError."""
    table = _table(query, (selection.schema, selection.table))
    [(kind, may_delete, may_lock)] = query(_KIND, table)
    if kind not in {"r", "p"}:
        raise SourceError(f"{selection.table} is no table of this database's own, so nothing can be deleted from it.")
    check_key(selection, nullable, [set(columns) for (columns,) in query(_UNIQUE, table)])
    if not may_delete or not may_lock:
        missing = "DELETE" if not may_delete else "UPDATE, which locking a row takes,"
        raise SourceError(f"The database user has no right to {missing} on table {selection.table}.")


def generated(query: Query, place: Place) -> set[str]:
    """The columns that make themselves."""
    return {name for (name,) in query(_GENERATED, _table(query, place))}


def bloat(query: Query, selection: Selection, quoted: str) -> Bloat:
    """quoted: the table as it stands in a statement."""
    [(total, reclaimable)] = query(_BLOAT, _table(query, (selection.schema, selection.table)))
    return Bloat(total, min(reclaimable, total), f"VACUUM (FULL, ANALYZE) {quoted}", locks=True)


def _table(query: Query, place: Place) -> dict[str, Any]:
    [(found,)] = query(_TABLE, {"schema": place[0], "name": place[1]})
    return {"table": found}
