"""Rows that refer to the deleted ones: what the catalogue says of them, how they are locked, and that none goes unnoticed."""

from typing import Any

import pyarrow as pa
import pytest

from exports.sources.base import VERSION, Selection, SourceError
from exports.sources.writers.base import ForeignKeyBroken, OnDelete
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.writer_scenes import chosen, ids, impatient, read, refused, writing

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]


def family(scratch: Scratch, action: str = "") -> Selection:
    """Parents 1, 2 and 3; children 11 and 12 of 1, 21 of 2. Gives the parents."""
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    scratch.sql(
        f"CREATE TABLE c (id int NOT NULL PRIMARY KEY, t_id int, v varchar(9), CONSTRAINT f FOREIGN KEY (t_id) REFERENCES t (id) {action})"
    )
    scratch.sql("INSERT INTO t VALUES (1), (2), (3)")
    scratch.sql("INSERT INTO c VALUES (11, 1, 'a'), (12, 1, 'b'), (21, 2, 'c')")
    return chosen(scratch, "id")


def parents(*numbers: int) -> pa.Table:
    return pa.table({"id": pa.array(numbers, pa.int32())})


# --- What the catalogue says ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("action", list(OnDelete))
def test_a_foreign_key_is_told_with_its_action(scratch: Scratch, action: OnDelete) -> None:
    if scratch.url.startswith("mysql") and action is OnDelete.SET_DEFAULT:
        action = OnDelete.RESTRICT  # InnoDB refuses the other
    family(scratch, f"ON DELETE {action.upper()}")
    with scratch.write() as writer:
        [found] = writer.foreign_keys((scratch.schema, "t"))
    assert found.place == (scratch.schema, "c")
    assert (found.columns, found.referred, found.key) == (("t_id",), ("id",), ("id",))
    assert found.on_delete is action


def test_a_table_that_nobody_refers_to_has_no_foreign_keys(scratch: Scratch) -> None:
    family(scratch)
    with scratch.write() as writer:
        assert writer.foreign_keys((scratch.schema, "c")) == []


def test_the_columns_of_a_foreign_key_keep_their_order(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (a int NOT NULL, b int NOT NULL, PRIMARY KEY (a, b))")
    scratch.sql("CREATE TABLE c (y int, x int, FOREIGN KEY (x, y) REFERENCES t (a, b))")
    with scratch.write() as writer:
        [found] = writer.foreign_keys((scratch.schema, "t"))
    assert (found.columns, found.referred, found.key) == (("x", "y"), ("a", "b"), ())


def test_a_foreign_key_of_a_partitioned_table_is_told_once(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY)")
    postgres.sql("CREATE TABLE c (id int, t_id int REFERENCES t) PARTITION BY HASH (id)")
    postgres.sql("CREATE TABLE c0 PARTITION OF c FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
    with postgres.write() as writer:
        assert [key.place for key in writer.foreign_keys((postgres.schema, "t"))] == [(postgres.schema, "c")]


def test_the_default_schema_has_no_name(postgres: Scratch) -> None:
    with postgres.write() as writer:
        assert writer.foreign_keys(("", "a_table_that_is_not_there")) == []


# --- Locking and counting ------------------------------------------------------------------------------------------
def test_children_come_with_their_keys_parents_and_versions(scratch: Scratch) -> None:
    family(scratch)
    captured = read(scratch, chosen(scratch, "id", table="c"))
    with writing(scratch) as writer:
        found = writer.lock_children(chosen(scratch, "id", table="c"), ("t_id",), parents(1, 3)).sort_by("id")
    assert found.column_names == ["id", "t_id", VERSION]
    assert found.column("id").to_pylist() == [11, 12]
    assert found.column("t_id").to_pylist() == [1, 1]
    assert found.column(VERSION).to_pylist() == captured.column(VERSION).to_pylist()[:2]


def test_children_are_of_the_types_that_the_reader_gives(scratch: Scratch) -> None:
    family(scratch)
    child = chosen(scratch, "id", "t_id", table="c")
    with writing(scratch) as writer, scratch.open() as reader:
        assert writer.lock_children(child, ("t_id",), parents(1)).schema.equals(reader.schema(child))
        assert writer.lock_children(child, ("t_id",), parents(3)).schema.equals(reader.schema(child))


def test_a_parent_without_children_has_none(scratch: Scratch) -> None:
    family(scratch)
    with writing(scratch) as writer:
        assert writer.lock_children(chosen(scratch, "id", table="c"), ("t_id",), parents(3)).num_rows == 0


def test_locked_children_cannot_be_changed_by_others(scratch: Scratch) -> None:
    family(scratch)
    impatient(scratch)
    with writing(scratch) as writer:
        writer.lock_children(chosen(scratch, "id", table="c"), ("t_id",), parents(1))
        refused("UPDATE c SET v = 'x' WHERE id = 11", scratch)


def test_no_child_can_be_added_to_a_locked_parent(scratch: Scratch) -> None:
    selection = family(scratch)
    rows = read(scratch, selection)
    impatient(scratch)
    with writing(scratch) as writer:
        writer.lock(selection, rows)
        refused("INSERT INTO c VALUES (31, 3, 'x')", scratch)
    assert ids(scratch, "c") == [11, 12, 21]


def test_children_are_counted_for_each_parent(scratch: Scratch) -> None:
    family(scratch)
    with writing(scratch) as writer:
        found = writer.count_children(chosen(scratch, "id", table="c"), ("t_id",), parents(3, 1, 2))
        none = writer.count_children(chosen(scratch, "id", table="c"), ("t_id",), parents(3))
    assert found.tolist() == [0, 2, 1]
    assert none.tolist() == [0]


def test_children_of_a_key_of_two_columns(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE c (id int NOT NULL PRIMARY KEY, x int, y varchar(9))")
    scratch.sql("INSERT INTO c VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'a'), (4, NULL, 'a')")
    given = pa.table({"a": [1, 2], "b": ["b", "a"]})
    with writing(scratch) as writer:
        found = writer.lock_children(chosen(scratch, "id", table="c"), ("x", "y"), given)
        assert writer.count_children(chosen(scratch, "id", table="c"), ("x", "y"), given).tolist() == [1, 1]
    assert sorted(found.column("id").to_pylist()) == [2, 3]


def test_a_child_that_refers_by_the_collation_is_found(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (id varchar(9) COLLATE utf8mb4_unicode_ci NOT NULL PRIMARY KEY)")
    mariadb.sql("CREATE TABLE c (id int NOT NULL PRIMARY KEY, t_id varchar(9) COLLATE utf8mb4_unicode_ci REFERENCES t (id))")
    mariadb.sql("INSERT INTO t VALUES ('Key')")
    mariadb.sql("INSERT INTO c VALUES (1, 'KEY')")
    given = pa.table({"id": ["Key"]})
    with writing(mariadb) as writer:
        assert writer.lock_children(chosen(mariadb, "id", table="c"), ("t_id",), given).num_rows == 1
        assert writer.count_children(chosen(mariadb, "id", table="c"), ("t_id",), given).tolist() == [1]


# --- Deleting ------------------------------------------------------------------------------------------------------
def test_children_first_then_the_parent(scratch: Scratch) -> None:
    selection, child = family(scratch, "ON DELETE CASCADE"), chosen(scratch, "id", table="c")
    with writing(scratch) as writer:
        writer.delete(child, writer.lock_children(child, ("t_id",), parents(1)))
        assert writer.delete(selection, parents(1)) == 1
    assert (ids(scratch), ids(scratch, "c")) == ([2, 3], [21])


@pytest.mark.parametrize("action", ["", "ON DELETE RESTRICT", "ON DELETE CASCADE", "ON DELETE SET NULL"])
def test_a_parent_whose_child_is_left_is_not_deleted(scratch: Scratch, action: str) -> None:
    """And no action of the database's takes the child along, or changes it."""
    selection = family(scratch, action)
    with pytest.raises(ForeignKeyBroken), writing(scratch) as writer:
        writer.delete(selection, parents(2, 3))
    assert ids(scratch) == [1, 2, 3]
    assert sorted((row["id"], row["t_id"]) for row in scratch.rows("c")) == [(11, 1), (12, 1), (21, 2)]


def test_a_child_that_refers_by_the_collation_is_not_taken_along(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (id TEXT COLLATE NOCASE NOT NULL PRIMARY KEY)")
    sqlite.sql("CREATE TABLE c (id INTEGER PRIMARY KEY, t_id TEXT REFERENCES t ON DELETE CASCADE)")
    sqlite.sql("INSERT INTO t VALUES ('Key')")
    sqlite.sql("INSERT INTO c VALUES (1, 'KEY')")
    with pytest.raises(ForeignKeyBroken), writing(sqlite) as writer:
        writer.delete(chosen(sqlite, "id"), pa.table({"id": ["Key"]}))
    assert ids(sqlite, "c") == [1]


@pytest.fixture
def tree(scratch: Scratch) -> Scratch:
    """1, its child 2, and 3 below 2: a table that refers to itself."""
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, above int, FOREIGN KEY (above) REFERENCES t (id) ON DELETE CASCADE)")
    scratch.sql("INSERT INTO t VALUES (1, NULL), (2, 1), (3, 2)")
    return scratch


def test_a_whole_tree_is_deleted_at_once(tree: Scratch) -> None:
    with writing(tree) as writer:
        assert writer.delete(chosen(tree, "id"), parents(1, 2, 3)) == 3
    assert ids(tree) == []


def test_a_branch_is_not_cut_off_below_what_was_named(tree: Scratch) -> None:
    with pytest.raises(ForeignKeyBroken), writing(tree) as writer:
        writer.delete(chosen(tree, "id"), parents(1, 2))
    assert ids(tree) == [1, 2, 3]


def test_a_foreign_key_that_is_checked_at_the_end_rolls_everything_back(postgres: Scratch) -> None:
    selection = family(postgres, "DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(ForeignKeyBroken), writing(postgres) as writer:
        writer.delete(selection, parents(1))
    assert ids(postgres) == [1, 2, 3]


def test_a_moment_that_no_calendar_has_needs_exact_reading(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE c (id date PRIMARY KEY, t_id int)")
    postgres.sql("INSERT INTO c VALUES ('infinity', 1)")
    child: Any = chosen(postgres, "id", table="c")
    with writing(postgres) as writer:
        with pytest.raises(SourceError, match="outside the years"):
            writer.lock_children(child, ("t_id",), parents(1))
        assert writer.lock_children(child, ("t_id",), parents(1), exact=True).column("id").to_pylist() == ["infinity"]
