"""Connections that end in the middle, transactions that do nothing, what a delete leaves behind on disk, and what each database adds."""

import os
import sqlite3
import time
from typing import Any

import pyarrow as pa
import pytest

from exports.sources.base import ConnectionLost, SourceError
from exports.sources.writers.base import LockTimeout, SourceWriter
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.writer_scenes import chosen, ids, read, writing

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]


@pytest.fixture
def three(scratch: Scratch) -> Scratch:
    """Rows 1, 2 and 3."""
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(20))")
    scratch.sql("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    return scratch


def disconnect(writer: SourceWriter, scratch: Scratch) -> None:
    """As a server does that somebody restarts."""
    inside: Any = writer
    if scratch.url.startswith("postgres"):
        scratch.sql(f"SELECT pg_terminate_backend({inside._side.info.backend_pid})")
    else:
        scratch.sql(f"KILL CONNECTION {inside._thread}")


def delete_cut_off(scratch: Scratch, rows: pa.Table, *more: pa.Table) -> None:
    """Delete the rows, lose the connection, and try to go on."""
    with writing(scratch) as writer:
        writer.delete(chosen(scratch, "id"), rows)
        disconnect(writer, scratch)
        for each in more:
            writer.delete(chosen(scratch, "id"), each)


def delete_and_wait(scratch: Scratch, rows: pa.Table, seconds: float, *, idle_timeout: float) -> None:
    with writing(scratch, idle_timeout=idle_timeout) as writer:
        writer.delete(chosen(scratch, "id"), rows)
        time.sleep(seconds)


@pytest.mark.parametrize("database", ["postgres", "mariadb"])
def test_a_connection_that_ends_in_the_middle_deletes_nothing(request: pytest.FixtureRequest, database: str) -> None:
    there: Scratch = request.getfixturevalue(database)
    there.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    there.sql("INSERT INTO t VALUES (1), (2)")
    rows = read(there, chosen(there, "id"))
    with pytest.raises(ConnectionLost):
        delete_cut_off(there, rows.slice(0, 1), rows.slice(1))
    assert ids(there) == [1, 2]


@pytest.mark.parametrize("database", ["postgres", "mariadb"])
def test_a_connection_that_ends_before_the_commit_deletes_nothing(request: pytest.FixtureRequest, database: str) -> None:
    there: Scratch = request.getfixturevalue(database)
    there.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    there.sql("INSERT INTO t VALUES (1)")
    rows = read(there, chosen(there, "id"))
    with pytest.raises(ConnectionLost):
        delete_cut_off(there, rows)
    assert ids(there) == [1]


def test_a_transaction_that_does_nothing_for_too_long_is_lost(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    with pytest.raises(ConnectionLost):
        delete_and_wait(three, rows, 2.5, idle_timeout=1)
    assert ids(three) == [1, 2, 3]


def test_what_is_done_in_time_is_not_lost(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    with writing(three, idle_timeout=2) as writer:
        for number in range(3):
            time.sleep(0.8)
            writer.delete(chosen(three, "id"), rows.slice(number, 1))
    assert ids(three) == []


def test_the_bytes_of_deleted_rows_can_be_given_back(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(500))")
    rows = ", ".join(f"({number}, '{'x' * 400}')" for number in range(5000))
    scratch.sql(f"INSERT INTO t VALUES {rows}")
    scratch.sql("ANALYZE TABLE t" if scratch.url.startswith("mysql") else "ANALYZE t")
    with scratch.write() as writer:
        full = writer.bloat(chosen(scratch, "id"))
    scratch.sql("DELETE FROM t")
    scratch.sql("ANALYZE TABLE t" if scratch.url.startswith("mysql") else "ANALYZE t")
    with scratch.write() as writer:
        empty = writer.bloat(chosen(scratch, "id"))
    assert full.table_bytes > 2_000_000
    assert empty.reclaimable_bytes >= full.reclaimable_bytes
    assert empty.statement.split()[0] in {"VACUUM", "OPTIMIZE"}


def test_free_pages_are_counted(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    sqlite.sql("INSERT INTO t VALUES (1, zeroblob(2000000))")
    sqlite.sql("DELETE FROM t")
    with sqlite.write() as writer:
        bloat = writer.bloat(chosen(sqlite, "id"))
    assert 1_000_000 < bloat.reclaimable_bytes <= bloat.table_bytes


def test_dead_rows_are_counted(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    postgres.sql("INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series(1, 10000) g")
    postgres.sql("DELETE FROM t WHERE id > 10")
    postgres.sql("ANALYZE t")
    with postgres.write() as writer:
        bloat = writer.bloat(chosen(postgres, "id"))
    assert 1_500_000 < bloat.reclaimable_bytes <= bloat.table_bytes
    assert f'"{postgres.schema}"."t"' in bloat.statement
    postgres.sql(bloat.statement)


# --- PostgreSQL ----------------------------------------------------------------------------------------------------
def test_rows_that_a_policy_hides_stop_the_delete(postgres: Scratch) -> None:
    role = f"{postgres.schema}_role"
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY)")
    postgres.sql("INSERT INTO t VALUES (1), (2)")
    postgres.sql(f"CREATE ROLE {role} LOGIN")
    try:
        postgres.sql(f"GRANT USAGE ON SCHEMA {postgres.schema} TO {role}; GRANT ALL ON t TO {role}")
        postgres.sql("ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (id = 1)")
        limited = Scratch(postgres.url.replace("postgres@", f"{role}@"), postgres.sql, schema=postgres.schema)
        with pytest.raises(SourceError, match="1 rows"), writing(limited) as writer:
            writer.delete(chosen(limited, "id"), pa.table({"id": [1, 2]}))
    finally:
        postgres.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert ids(postgres) == [1, 2]


@pytest.mark.parametrize(("right", "missing"), [("SELECT, UPDATE", "DELETE"), ("SELECT, DELETE", "UPDATE")])
def test_a_missing_right_is_named(postgres: Scratch, right: str, missing: str) -> None:
    role = f"{postgres.schema}_role"
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY)")
    postgres.sql(f"CREATE ROLE {role} LOGIN")
    try:
        postgres.sql(f"GRANT USAGE ON SCHEMA {postgres.schema} TO {role}; GRANT {right} ON t TO {role}")
        limited = Scratch(postgres.url.replace("postgres@", f"{role}@"), postgres.sql, schema=postgres.schema)
        with pytest.raises(SourceError, match=f"no right to {missing}"), limited.write() as writer:
            writer.check_table(chosen(limited, "id"))
    finally:
        postgres.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_partitioned_table_is_deleted_from_like_any_other(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY) PARTITION BY HASH (id)")
    for number in range(2):
        postgres.sql(f"CREATE TABLE t{number} PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER {number})")
    postgres.sql("INSERT INTO t SELECT generate_series(1, 10)")
    selection = chosen(postgres, "id")
    rows = read(postgres, selection)
    with writing(postgres) as writer:
        writer.check_table(selection)
        assert writer.lock(selection, rows).unchanged.all()
        assert writer.delete(selection, rows) == 10
    assert ids(postgres) == []


def test_an_index_over_some_rows_makes_no_key_unique(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (id int NOT NULL)")
    postgres.sql("CREATE UNIQUE INDEX ON t (id) WHERE id > 5")
    with pytest.raises(SourceError, match="not unique"), postgres.write() as writer:
        writer.check_table(chosen(postgres, "id"))


# --- MariaDB -------------------------------------------------------------------------------------------------------
def test_an_engine_without_transactions_is_refused(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY) ENGINE = MyISAM")
    with pytest.raises(SourceError, match="no transactions"), mariadb.write() as writer:
        writer.check_table(chosen(mariadb, "id"))


def test_an_index_over_the_beginnings_of_texts_makes_no_key_unique(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (id varchar(20) NOT NULL, UNIQUE (id(3)))")
    with pytest.raises(SourceError, match="not unique"), mariadb.write() as writer:
        writer.check_table(chosen(mariadb, "id"))


def test_a_connection_that_lacks_characters_deletes_nothing(mariadb: Scratch) -> None:
    poor = Scratch(mariadb.url.replace("utf8mb4", "latin1"), mariadb.sql)
    with pytest.raises(SourceError, match="utf8mb4"), poor.write():
        pass


# --- SQLite --------------------------------------------------------------------------------------------------------
def test_a_primary_key_that_allows_null_is_accepted_while_there_is_none(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (id TEXT PRIMARY KEY)")
    sqlite.sql("INSERT INTO t VALUES ('a')")
    with sqlite.write() as writer:
        writer.check_table(chosen(sqlite, "id"))
        sqlite.sql("INSERT INTO t VALUES (NULL)")
        with pytest.raises(SourceError, match="can be NULL"):
            writer.check_table(chosen(sqlite, "id"))


def test_a_table_without_rowids_is_deleted_from_like_any_other(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID")
    sqlite.sql("INSERT INTO t VALUES ('x', 1), ('x', 2)")
    selection = chosen(sqlite, "a", "b")
    rows = read(sqlite, selection)
    with writing(sqlite) as writer:
        writer.check_table(selection)
        assert writer.delete(selection, rows.slice(0, 1)) == 1
    assert sqlite.rows() == [{"a": "x", "b": 2}]


def test_a_virtual_table_is_refused(sqlite: Scratch) -> None:
    sqlite.sql("CREATE VIRTUAL TABLE t USING rtree (id, low, high)")
    with pytest.raises(SourceError, match="t is no table"), sqlite.write() as writer:
        writer.check_table(chosen(sqlite, "id"))


def test_a_file_that_is_gone_is_not_made_anew(sqlite: Scratch) -> None:
    writer = sqlite.write()
    assert sqlite.folder
    path = sqlite.folder / "source.sqlite3"
    path.unlink(missing_ok=True)
    with pytest.raises(ConnectionLost), writer:
        pass
    assert not path.exists()


def test_a_reader_that_goes_on_keeps_a_commit_waiting_no_longer_than_was_said(sqlite: Scratch) -> None:
    """In a file that is not in WAL mode, a commit waits for those who read."""
    sqlite.sql("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    sqlite.sql("INSERT INTO t VALUES (1), (2)")
    cursor: Any = sqlite.sql("SELECT * FROM t")
    cursor.fetchone()
    with pytest.raises(LockTimeout), writing(sqlite, lock_timeout=0.5) as writer:
        writer.delete(chosen(sqlite, "id"), pa.table({"id": [1]}))
    cursor.close()
    assert ids(sqlite) == [1, 2]


def test_a_file_that_may_not_be_written_to_is_refused(sqlite: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who may write to any file."""
    sqlite.sql("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match="not to be written to"), sqlite.write() as writer:
        writer.check_table(chosen(sqlite, "id"))


def test_nobody_else_writes_to_the_file_meanwhile(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    sqlite.sql("PRAGMA busy_timeout = 0")
    with writing(sqlite), pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite.sql("INSERT INTO t VALUES (1)")
