"""The foreign keys of a database: the same in PostgreSQL, MariaDB and SQLite, but for what only one of them has."""

import pytest

from exports.sources.base import Link
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]


def found(scratch: Scratch, *above: str) -> list[Link]:
    """Those that refer to one of the tables. (Other tests have tables of their own beside.)"""
    places = {(scratch.schema, name) for name in above}
    with scratch.open() as reader:
        return [link for link in reader.links() if link.above in places]


def test_every_foreign_key_is_told_column_by_column(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE above (a int NOT NULL, b int NOT NULL, PRIMARY KEY (a, b))")
    scratch.sql("CREATE TABLE below (id int NOT NULL PRIMARY KEY, x int, y int, FOREIGN KEY (y, x) REFERENCES above (a, b))")
    scratch.sql("CREATE TABLE other (id int NOT NULL PRIMARY KEY, below int, FOREIGN KEY (below) REFERENCES below (id))")
    here = scratch.schema
    assert found(scratch, "above", "below") == [
        Link((here, "below"), ("y", "x"), (here, "above"), ("a", "b")),
        Link((here, "other"), ("below",), (here, "below"), ("id",)),
    ]


def test_a_table_may_refer_to_itself(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES t (id))")
    assert found(scratch, "t") == [Link((scratch.schema, "t"), ("up",), (scratch.schema, "t"), ("id",))]


def test_a_partition_has_no_foreign_key_of_its_own(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE above (id int PRIMARY KEY)")
    postgres.sql("CREATE TABLE below (id int, above int REFERENCES above (id)) PARTITION BY RANGE (id)")
    postgres.sql("CREATE TABLE below_1 PARTITION OF below FOR VALUES FROM (0) TO (10)")
    assert [link.place[1] for link in found(postgres, "above")] == ["below"]


@pytest.mark.parametrize("written", ["above", "ABOVE", "above (id)"])
def test_sqlite_may_leave_out_the_column_and_the_case(sqlite: Scratch, written: str) -> None:
    sqlite.sql("CREATE TABLE above (id INTEGER PRIMARY KEY)")
    sqlite.sql(f"CREATE TABLE below (id INTEGER PRIMARY KEY, up int REFERENCES {written})")
    assert found(sqlite, "above") == [Link(("", "below"), ("up",), ("", "above"), ("id",))]
