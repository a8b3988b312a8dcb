"""A row's version: it changes whenever the row does, and never by how the row was read."""

from typing import Any

import pyarrow as pa
import pytest

from exports.sources.base import VERSION, Selection, SourceError
from exports.sources.versions import DIGEST, digest
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]


def versions(scratch: Scratch, *, exact: bool = False, **selection: Any) -> dict[int, Any]:
    """By the value of column i."""
    return {row["i"]: row[VERSION] for row in scratch.rows(exact=exact, version=True, **selection)}


@pytest.fixture
def two(scratch: Scratch) -> Scratch:
    """Two rows, 1 and 2."""
    scratch.sql("CREATE TABLE t (i int, a varchar(20), b varchar(20))")
    scratch.sql("INSERT INTO t VALUES (1, 'x', 'y'), (2, NULL, '')")
    return scratch


@pytest.mark.parametrize("change", ["a = 'z'", "a = NULL", "b = ''", "b = 'x', a = 'y'"])
def test_a_changed_row_has_another_version(two: Scratch, change: str) -> None:
    before = versions(two)
    two.sql(f"UPDATE t SET {change} WHERE i = 1")
    after = versions(two)
    assert after[1] != before[1]
    assert after[2] == before[2]


def test_null_and_empty_text_are_different_versions(two: Scratch) -> None:
    before = versions(two)
    two.sql("UPDATE t SET a = '', b = NULL WHERE i = 2")
    assert versions(two)[2] != before[2]


def test_a_column_that_is_not_read_counts(two: Scratch) -> None:
    before = versions(two, columns=("i",))
    two.sql("UPDATE t SET b = 'other' WHERE i = 1")
    assert versions(two, columns=("i",))[1] != before[1]


def test_the_version_does_not_depend_on_how_the_row_is_read(two: Scratch) -> None:
    expected = versions(two)
    assert versions(two, exact=True) == expected
    assert versions(two, columns=("a", "i")) == expected


@pytest.mark.parametrize("exact", [False, True])
def test_it_is_the_last_column_and_the_others_are_as_without_it(two: Scratch, exact: bool) -> None:
    plain = two.rows(exact=exact, columns=("b", "i"))
    rows = two.rows(exact=exact, columns=("b", "i"), version=True)
    assert [list(row) for row in rows] == [["b", "i", VERSION]] * 2
    assert [{name: row[name] for name in ("b", "i")} for row in rows] == plain


@pytest.mark.parametrize("exact", [False, True])
def test_the_schema_is_that_of_the_batches(two: Scratch, exact: bool) -> None:
    chosen = Selection("t", two.schema, version=True)
    with two.open() as reader:
        schema = reader.schema(chosen, exact=exact)
        assert all(batch.schema == schema for batch in reader.batches(chosen, exact=exact))
    assert schema.field(VERSION).type in {pa.int64(), pa.binary(16)}


def test_no_row_has_no_version(two: Scratch) -> None:
    two.sql("DELETE FROM t")
    assert two.rows(version=True) == []


def test_a_view_of_postgresql_has_no_versions(postgres: Scratch) -> None:
    postgres.sql("CREATE VIEW t AS SELECT 1 AS i")
    with pytest.raises(SourceError, match="xmin"):
        versions(postgres)


def test_the_class_of_a_value_counts_in_sqlite(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (i INTEGER, v)")
    found = set()
    for value in (1, 1.0, "1", b"1", "1.0", None, "", b""):
        sqlite.sql("DELETE FROM t")
        sqlite.sql("INSERT INTO t VALUES (1, ?)", (value,))
        found.add(versions(sqlite)[1])
    assert len(found) == 8


def test_a_float_of_four_bytes_counts_with_all_its_digits(mariadb: Scratch) -> None:
    """MariaDB writes it with six."""
    mariadb.sql("CREATE TABLE t (i int, v float)")
    mariadb.sql("INSERT INTO t VALUES (1, 16777215), (2, 16777214)")
    found = versions(mariadb, columns=("i",))
    mariadb.sql("UPDATE t SET v = 16777214 WHERE i = 1")
    assert versions(mariadb, columns=("i",))[1] != found[1]


def test_texts_that_a_collation_takes_for_the_same_differ(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (i int, v varchar(20) COLLATE utf8mb4_unicode_ci)")
    mariadb.sql("INSERT INTO t VALUES (1, 'straße')")
    before = versions(mariadb)
    mariadb.sql("UPDATE t SET v = 'STRASSE'")
    assert versions(mariadb) != before


def test_a_column_that_cannot_be_written_counts(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (i int, v point)")
    mariadb.sql("INSERT INTO t VALUES (1, point(1, 2))")
    before = versions(mariadb, columns=("i",))
    mariadb.sql("UPDATE t SET v = point(1, 3)")
    assert versions(mariadb, columns=("i",)) != before


def test_a_connection_that_lacks_characters_gives_no_versions(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (i int)")
    poor = Scratch(mariadb.url.replace("utf8mb4", "latin1"), mariadb.sql)
    with pytest.raises(SourceError, match="utf8mb4"):
        versions(poor)


def test_a_digest_is_of_sixteen_bytes() -> None:
    assert len(digest(("x", None))) == DIGEST.type.byte_width


def test_values_side_by_side_do_not_run_together() -> None:
    assert digest(("ab", "c")) != digest(("a", "bc"))
    assert digest(("a', 'b",)) != digest(("a", "b"))


def test_a_value_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(SourceError, match="object"):
        digest((object(),))
