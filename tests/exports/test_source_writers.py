"""Locking and deleting rows of a source: the same behaviour in PostgreSQL, MariaDB and SQLite."""

import threading
import time
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest

from exports.sources.base import VERSION, Selection, SourceError
from exports.sources.conditions import Condition
from exports.sources.predicates import KeyIn, Not
from exports.sources.writers import open_writer
from exports.sources.writers.base import LockTimeout, SourceWriter
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.writer_scenes import chosen, ids, impatient, read, refused, writing

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]


@pytest.fixture
def three(scratch: Scratch) -> Scratch:
    """Rows 1, 2 and 3."""
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(20))")
    scratch.sql("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    return scratch


# --- Locking -------------------------------------------------------------------------------------------------------
def test_rows_that_nobody_touched_stand_unchanged(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    with writing(three) as writer:
        standing = writer.lock(chosen(three, "id"), rows)
    assert standing.present.tolist() == standing.unchanged.tolist() == [True] * 3


def test_a_changed_row_is_present_and_not_unchanged(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("UPDATE t SET v = 'zwei' WHERE id = 2")
    with writing(three) as writer:
        standing = writer.lock(chosen(three, "id"), rows)
    assert standing.present.tolist() == [True, True, True]
    assert standing.unchanged.tolist() == [True, False, True]


def test_a_row_that_is_gone_is_neither(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("DELETE FROM t WHERE id = 1")
    with writing(three) as writer:
        standing = writer.lock(chosen(three, "id"), rows)
    assert standing.present.tolist() == standing.unchanged.tolist() == [False, True, True]


def test_a_row_that_was_put_back_with_other_values_has_changed(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("DELETE FROM t WHERE id = 1")
    three.sql("INSERT INTO t VALUES (1, 'again')")
    with writing(three) as writer:
        assert writer.lock(chosen(three, "id"), rows).unchanged.tolist() == [False, True, True]


def test_an_update_to_the_same_values_counts_as_a_change_in_postgresql_only(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("UPDATE t SET v = 'one' WHERE id = 1")
    with writing(three) as writer:
        [first, *_] = writer.lock(chosen(three, "id"), rows).unchanged.tolist()
    assert first is not three.url.startswith("postgres")


def test_the_masks_are_in_the_order_of_the_rows(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("DELETE FROM t WHERE id = 3")
    with writing(three) as writer:
        standing = writer.lock(chosen(three, "id"), rows.take([2, 0, 1]))
    assert standing.present.tolist() == [False, True, True]


def test_no_rows_are_locked_without_complaint(three: Scratch) -> None:
    rows = read(three, chosen(three, "id")).slice(0, 0)
    with writing(three) as writer:
        assert writer.lock(chosen(three, "id"), rows).present.tolist() == []
        assert writer.delete(chosen(three, "id"), rows) == 0


def test_a_locked_row_cannot_be_changed_by_others(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    impatient(three)
    with writing(three) as writer:
        writer.lock(chosen(three, "id"), rows)
        refused("UPDATE t SET v = 'x' WHERE id = 1", three)


def test_a_row_that_somebody_else_holds_is_waited_for_as_long_as_was_said(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("BEGIN")
    three.sql("UPDATE t SET v = 'x' WHERE id = 2")
    begun = time.monotonic()
    with pytest.raises(LockTimeout), writing(three, lock_timeout=1) as writer:
        writer.lock(chosen(three, "id"), rows)
    assert 0.8 < time.monotonic() - begun < 4
    three.sql("ROLLBACK")
    assert ids(three) == [1, 2, 3]


def test_a_row_that_changed_while_it_was_waited_for_has_changed(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("BEGIN")
    three.sql("UPDATE t SET v = 'x' WHERE id = 2")
    later = threading.Timer(0.5, lambda: three.sql("COMMIT"))
    later.start()
    with writing(three, lock_timeout=5) as writer:
        standing = writer.lock(chosen(three, "id"), rows)
    later.join()
    assert standing.present.tolist() == [True, True, True]
    assert standing.unchanged.tolist() == [True, False, True]


# --- Deleting ------------------------------------------------------------------------------------------------------
def test_delete_takes_the_named_rows_and_no_other(three: Scratch) -> None:
    rows = read(three, chosen(three, "id")).slice(0, 2)
    with writing(three) as writer:
        assert writer.delete(chosen(three, "id"), rows) == 2
    assert ids(three) == [3]


def test_an_exception_rolls_back(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    with suppress(ZeroDivisionError), writing(three) as writer:
        writer.delete(chosen(three, "id"), rows)
        raise ZeroDivisionError
    assert ids(three) == [1, 2, 3]


def test_a_missing_row_stops_the_whole_delete(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("DELETE FROM t WHERE id = 1")
    with pytest.raises(SourceError, match="2 rows of table t would have been deleted instead of 3"), writing(three) as writer:
        writer.delete(chosen(three, "id"), rows)
    assert ids(three) == [2, 3]


def test_a_writer_goes_on_after_a_rollback(three: Scratch) -> None:
    rows, selection = read(three, chosen(three, "id")), chosen(three, "id")
    with three.write() as writer:
        with suppress(ZeroDivisionError), writer.transaction(lock_timeout=1, idle_timeout=60):
            raise ZeroDivisionError
        with writer.transaction(lock_timeout=1, idle_timeout=60):
            writer.delete(selection, rows)
    assert ids(three) == []


def test_present_says_what_is_there(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    three.sql("DELETE FROM t WHERE id = 2")
    with writing(three) as writer:
        assert writer.present(chosen(three, "id"), rows).tolist() == [True, False, True]


def test_what_a_trigger_keeps_stops_the_delete(three: Scratch) -> None:
    rows = read(three, chosen(three, "id"))
    if three.url.startswith("mysql"):
        three.sql("CREATE TRIGGER keep BEFORE DELETE ON t FOR EACH ROW SIGNAL SQLSTATE '45000'")
    elif three.url.startswith("sqlite"):
        three.sql("CREATE TRIGGER keep BEFORE DELETE ON t WHEN old.id = 1 BEGIN SELECT raise(IGNORE); END")
    else:
        three.sql("CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        three.sql("CREATE TRIGGER keep BEFORE DELETE ON t FOR EACH ROW WHEN (old.id = 1) EXECUTE FUNCTION keep()")
    with pytest.raises(SourceError), writing(three) as writer:
        writer.delete(chosen(three, "id"), rows)
    assert ids(three) == [1, 2, 3]


# --- What is asked of locked rows ----------------------------------------------------------------------------------
def test_covered_says_of_which_rows_a_predicate_is_true(three: Scratch) -> None:
    selection, rows = chosen(three, "id"), read(three, chosen(three, "id"))
    with writing(three) as writer:
        assert writer.covered(selection, rows, Condition("v", "eq", "two")).tolist() == [False, True, False]
        assert writer.covered(selection, rows, Not(Condition("v", "eq", "two"))).tolist() == [True, False, True]
        assert writer.covered(selection, rows, KeyIn(((3,),))).tolist() == [False, False, True]


def test_covered_sees_what_others_wrote_before_the_lock(three: Scratch) -> None:
    selection, rows = chosen(three, "id"), read(three, chosen(three, "id"))
    with writing(three) as writer:
        if not three.url.startswith("sqlite"):  # where nobody writes meanwhile
            three.sql("UPDATE t SET v = 'held' WHERE id = 1")
        writer.lock(selection, rows)
        expected = [not three.url.startswith("sqlite"), False, False]
        assert writer.covered(selection, rows, Condition("v", "eq", "held")).tolist() == expected


def test_of_a_row_that_is_gone_no_predicate_is_true(three: Scratch) -> None:
    selection, rows = chosen(three, "id"), read(three, chosen(three, "id"))
    three.sql("DELETE FROM t WHERE id = 1")
    with writing(three) as writer:
        assert writer.covered(selection, rows, Not(Condition("v", "eq", "x"))).tolist() == [False, True, True]


# --- What is refused -----------------------------------------------------------------------------------------------
def checked(scratch: Scratch, *key: str) -> None:
    with scratch.write() as writer:
        writer.check_table(chosen(scratch, *key))


@pytest.mark.parametrize("index", ["PRIMARY KEY (a, b)", "UNIQUE (a, b)", "UNIQUE (b)"])
def test_a_unique_key_is_accepted(scratch: Scratch, index: str) -> None:
    scratch.sql(f"CREATE TABLE t (a int NOT NULL, b int NOT NULL, {index})")
    checked(scratch, "a", "b")


def test_a_view_is_refused(scratch: Scratch) -> None:
    scratch.sql("CREATE VIEW t AS SELECT 1 AS id")
    with pytest.raises(SourceError, match="t is no table"):
        checked(scratch, "id")


def test_a_key_that_can_be_null_is_refused(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int UNIQUE)")
    with pytest.raises(SourceError, match="id of the key of table t can be NULL"):
        checked(scratch, "id")


def test_a_key_that_is_not_unique_is_refused(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (a int NOT NULL, b int NOT NULL, UNIQUE (a, b))")
    with pytest.raises(SourceError, match="not unique"):
        checked(scratch, "a")


def test_a_table_without_a_key_is_refused(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (a int NOT NULL)")
    with pytest.raises(SourceError, match="has no key"):
        checked(scratch)


def test_a_table_that_does_not_exist_is_refused(scratch: Scratch) -> None:
    with pytest.raises(SourceError, match="t does not exist"):
        checked(scratch, "id")


def test_a_key_column_that_was_not_given_is_named(three: Scratch) -> None:
    with pytest.raises(SourceError, match="key column id of table t was not given"), writing(three) as writer:
        writer.delete(chosen(three, "id"), pa.table({"v": ["one"]}))


def test_other_databases_have_no_writer() -> None:
    with pytest.raises(SourceError, match="oracle"):
        open_writer("oracle://u@h/?service_name=x")


# --- Cancelling, and connections that end --------------------------------------------------------------------------
def test_cancel_ends_a_wait_for_a_lock(three: Scratch) -> None:
    rows, selection = read(three, chosen(three, "id")), chosen(three, "id")
    three.sql("BEGIN")
    three.sql("UPDATE t SET v = 'x' WHERE id = 1")
    with three.write() as writer:
        later = threading.Timer(0.5, writer.cancel)
        later.start()
        begun = time.monotonic()
        with pytest.raises(SourceError, match="The change was cancelled"), writer.transaction(lock_timeout=20, idle_timeout=60):
            writer.lock(selection, rows)
        assert time.monotonic() - begun < 2.5
        later.join()
    three.sql("ROLLBACK")


def delete_and_cancel(writer: SourceWriter, selection: Selection, rows: pa.Table) -> None:
    writer.delete(selection, rows)
    writer.cancel()


def test_after_cancel_nothing_is_committed(three: Scratch) -> None:
    rows, selection = read(three, chosen(three, "id")), chosen(three, "id")
    with three.write() as writer, pytest.raises(SourceError, match="cancelled"), writer.transaction(lock_timeout=1, idle_timeout=60):
        delete_and_cancel(writer, selection, rows)
    assert ids(three) == [1, 2, 3]


def test_a_writer_names_no_secret(scratch: Scratch) -> None:
    url = scratch.url.replace("root@", "root:hush@").replace("postgres@", "postgres:hush@")
    assert "hush" not in repr(open_writer(url, sqlite_folder=scratch.folder))


def test_the_version_column_is_needed_to_lock(three: Scratch) -> None:
    rows: Any = read(three, chosen(three, "id")).drop_columns([VERSION])
    with pytest.raises(SourceError, match=VERSION), writing(three) as writer:
        writer.lock(chosen(three, "id"), rows)
