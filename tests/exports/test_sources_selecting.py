"""Choosing rows: the same in PostgreSQL, MariaDB and SQLite."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.sources.base import Selection, SourceError
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

HOSTILE = "x' OR '1'='1'; DROP TABLE t; -- %s %% \\ \" :x ?"


def _moments(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int primary key, at timestamp NULL, kind varchar(100))")
    for number, at in enumerate(("2023-12-31 23:59:59", "2024-01-01 00:00:00", "2024-01-31 23:59:59", "2024-02-01 00:00:00")):
        scratch.sql(f"INSERT INTO t VALUES ({number}, '{at}', 'chat')")


def test_window_is_half_open(scratch: Scratch) -> None:
    if "mysql" in scratch.url:
        scratch.sql("SET time_zone = '+00:00'")
    _moments(scratch)
    window: dict[str, Any] = {"date_from": datetime(2024, 1, 1, tzinfo=UTC), "date_to": datetime(2024, 2, 1, tzinfo=UTC)}
    assert sorted(row["id"] for row in scratch.rows(timestamp="at", **window)) == [1, 2]


def test_hostile_values_are_only_values(scratch: Scratch) -> None:
    _moments(scratch)
    assert scratch.rows(subtype="kind", subtypes=(HOSTILE,)) == []
    assert len(scratch.rows(subtype="kind", subtypes=(HOSTILE, "chat"))) == 4


@pytest.mark.parametrize("names", [{"columns": (HOSTILE,)}, {"key": (HOSTILE,), "after": (1,)}, {"subtype": HOSTILE, "subtypes": ("a",)}])
def test_unknown_column_is_refused_by_name(scratch: Scratch, names: dict[str, Any]) -> None:
    _moments(scratch)
    with scratch.open() as reader, pytest.raises(SourceError, match="has no column"):
        reader.check(Selection("t", scratch.schema, **names))


def test_hostile_table_is_refused(scratch: Scratch) -> None:
    with scratch.open() as reader, pytest.raises(SourceError, match="does not exist"):
        reader.count(Selection(HOSTILE, scratch.schema))


def test_strange_names_work(scratch: Scratch) -> None:
    quote = "`{}`" if "mysql" in scratch.url else '"{}"'
    scratch.sql(f"CREATE TABLE {quote.format('a %s; :b')} ({quote.format('select %(x)s ?')} int)")
    scratch.sql(f"INSERT INTO {quote.format('a %s; :b').replace('%', '%')} VALUES (1)")
    assert scratch.rows("a %s; :b") == [{"select %(x)s ?": 1}]


def test_attachments_follow_their_parent(scratch: Scratch) -> None:
    _moments(scratch)
    scratch.sql("CREATE TABLE files (id int primary key, owner int)")
    scratch.sql("INSERT INTO files VALUES (10, 0), (11, 1), (12, 1), (13, NULL)")
    parent = Selection("t", scratch.schema, key=("id",), timestamp="at", date_from=datetime(2023, 12, 31, 23, 59, 59, 500000, tzinfo=UTC))
    rows = scratch.rows("files", parent=parent, parent_columns=("owner",))
    assert sorted(row["id"] for row in rows) == [11, 12]


def test_empty_selection_still_has_its_columns(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int, name varchar(10))")
    with scratch.open() as reader:
        [batch] = list(reader.batches(Selection("t", scratch.schema)))
    assert (batch.num_rows, batch.schema.names) == (0, ["id", "name"])


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6) | st.sampled_from(
    ["'", "%s", "\\", '"', "é", "a ", "A"]
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(st.tuples(st.integers(-3, 3), TEXT), min_size=1, max_size=12), rows=st.integers(1, 5))
def test_key_ranges_hold_every_row_once(scratch: Scratch, keys: set[tuple[int, str]], rows: int) -> None:
    table = f"t{uuid.uuid4().hex[:10]}"
    kind = "varchar(20) COLLATE utf8mb4_nopad_bin" if "mysql" in scratch.url else "varchar(20)"
    scratch.sql(f"CREATE TABLE {table} (a int NOT NULL, b {kind} NOT NULL, PRIMARY KEY (a, b))")
    mark = "?" if "sqlite" in scratch.url else "%s"
    for key in keys:
        scratch.sql(f"INSERT INTO {table} VALUES ({mark}, {mark})", key)
    everything = Selection(table, scratch.schema, key=("a", "b"))
    with scratch.open() as reader:
        cuts = reader.boundaries(everything, rows)
        parts = [everything.between(*ends) for ends in zip([None, *cuts], [*cuts, None], strict=True)]
        found = [[(r["a"], r["b"]) for batch in reader.batches(part) for r in batch.to_pylist()] for part in parts]
    assert sorted(key for part in found for key in part) == sorted(keys)
    assert all(len(part) == rows for part in found[:-1])
    assert 0 < len(found[-1]) <= rows


def test_rows_without_a_key_are_in_one_range(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (a TEXT, b TEXT, PRIMARY KEY (a, b))")
    sqlite.sql("INSERT INTO t VALUES (NULL, 'x'), ('b', NULL), ('a', '1'), ('b', '2'), ('c', '3')")
    everything = Selection("t", key=("a", "b"))
    with sqlite.open() as reader:
        cuts = reader.boundaries(everything, 1)
        counts = [reader.count(everything.between(*ends)) for ends in zip([None, *cuts], [*cuts, None], strict=True)]
    assert counts == [3, 1, 1]
