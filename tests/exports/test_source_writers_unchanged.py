"""Deleting rows and comparing them at once, which PostgreSQL can."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pyarrow as pa
import pytest

from exports.sources.writers.base import ComparingWriter, ForeignKeyBroken, NotAsRead
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, sqlite
from tests.exports.writer_scenes import chosen, ids, read, writing

__all__ = ["mariadb", "postgres", "sqlite"]


@contextmanager
def comparing(scratch: Scratch, *, lock_timeout: float = 1.0) -> Iterator[ComparingWriter]:
    with writing(scratch, lock_timeout=lock_timeout) as writer:
        assert isinstance(writer, ComparingWriter)
        yield writer


@pytest.fixture
def three(postgres: Scratch) -> pa.Table:
    """Rows 1, 2 and 3, as they were read."""
    postgres.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(20))")
    postgres.sql("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    return read(postgres, chosen(postgres, "id"))


def test_rows_that_nobody_touched_go(postgres: Scratch, three: pa.Table) -> None:
    with comparing(postgres) as writer:
        writer.delete_unchanged(chosen(postgres, "id"), three.slice(0, 2))
    assert ids(postgres) == [3]


@pytest.mark.parametrize(
    "meanwhile", ["UPDATE t SET v = 'zwei' WHERE id = 2", "UPDATE t SET v = v WHERE id = 2", "DELETE FROM t WHERE id = 2"]
)
def test_nothing_goes_if_one_row_is_not_as_it_was_read(postgres: Scratch, three: pa.Table, meanwhile: str) -> None:
    postgres.sql(meanwhile)
    before = ids(postgres)
    with comparing(postgres) as writer:
        with pytest.raises(NotAsRead), writer.savepoint():
            writer.delete_unchanged(chosen(postgres, "id"), three)
        assert writer.lock(chosen(postgres, "id"), three).unchanged.tolist() == [True, False, True]
    assert ids(postgres) == before


def test_a_row_that_changes_while_its_deletion_waits_is_not_deleted(postgres: Scratch, three: pa.Table) -> None:
    outcome: list[str] = []

    def delete() -> None:
        with comparing(postgres, lock_timeout=10) as writer:
            try:
                with writer.savepoint():
                    writer.delete_unchanged(chosen(postgres, "id"), three)
            except NotAsRead:
                outcome.append("not as read")

    waiting = threading.Thread(target=delete)
    with psycopg.connect("postgresql://postgres@127.0.0.1/test") as other:
        other.execute(f"UPDATE {postgres.schema}.t SET v = 'drei' WHERE id = 3")
        waiting.start()
        asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        with psycopg.connect("postgresql://postgres@127.0.0.1/test", autocommit=True) as looking:
            while looking.execute(asked, (f"DELETE%{postgres.schema}%",)).fetchall() == [(0,)]:
                time.sleep(0.01)
    waiting.join()
    assert outcome == ["not as read"]
    assert ids(postgres) == [1, 2, 3]


def test_what_the_savepoint_holds_is_undone_and_the_transaction_goes_on(postgres: Scratch, three: pa.Table) -> None:
    with comparing(postgres) as writer:
        with suppress(NotAsRead), writer.savepoint():
            writer.delete_unchanged(chosen(postgres, "id"), three.slice(0, 1))
            writer.delete_unchanged(chosen(postgres, "id"), three.slice(0, 2))
        writer.delete_unchanged(chosen(postgres, "id"), three.slice(2, 1))
    assert ids(postgres) == [1, 2]


def test_rows_that_others_refer_to_stay(postgres: Scratch, three: pa.Table) -> None:
    postgres.sql("CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t (id))")
    postgres.sql("INSERT INTO c VALUES (1, 3)")
    with comparing(postgres) as writer:
        with pytest.raises(ForeignKeyBroken), writer.savepoint():
            writer.delete_unchanged(chosen(postgres, "id"), three)
        writer.delete_unchanged(chosen(postgres, "id"), three.slice(0, 2))
    assert ids(postgres) == [3]


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "SET DEFAULT"])
def test_a_table_whose_rows_take_others_along_is_locked_first(postgres: Scratch, three: pa.Table, action: str) -> None:
    postgres.sql(f"CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t (id) ON DELETE {action})")
    with comparing(postgres) as writer, pytest.raises(NotAsRead):
        writer.delete_unchanged(chosen(postgres, "id"), three)
    assert ids(postgres) == [1, 2, 3]


@pytest.mark.parametrize("database", ["mariadb", "sqlite"])
def test_the_other_databases_lock_first(request: pytest.FixtureRequest, database: str) -> None:
    with request.getfixturevalue(database).write() as writer:
        assert not isinstance(writer, ComparingWriter)
