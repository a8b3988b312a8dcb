"""Keys of every type name exactly their rows, whatever the collation."""

import pyarrow as pa
import pytest

from exports.sources.base import VERSION, SourceError
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.writer_scenes import chosen, read, writing

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

POSTGRES = {
    "smallint": ("-1", "2"),
    "bigint": ("-9223372036854775808", "9223372036854775807"),
    "numeric": ("1.50", "'NaN'", "'Infinity'", "123456789012345678901234567890.000001"),
    "numeric(10, 2)": ("1.50", "-0.01"),
    "float8": ("0.1", "'Infinity'", "1e300"),
    "boolean": ("true", "false"),
    "text": ("''", "'a'", "'A'", "' a'", "'a '", "'ä\"\\{},''x'", "'NULL'"),
    "varchar(10)": ("'a'", "'A'"),
    "char(5)": ("'a'", "'ab'"),
    '"char"': ("'a'", "'b'"),
    "name": ("'a'", "'b'"),
    "uuid": ("'123e4567-e89b-12d3-a456-426614174000'", "'00000000-0000-0000-0000-000000000000'"),
    "bytea": (r"'\x00ff'", "''"),
    "date": ("'2024-02-29'", "'0044-03-15 BC'", "'infinity'", "'12345-01-01'"),
    "timestamp": ("'2024-01-01 12:00:00.123456'", "'-infinity'", "'0001-12-31 23:59:59 BC'"),
    "timestamptz": ("'2024-01-01 12:00:00.1+02'", "'infinity'", "'0044-03-15 12:00:00+00 BC'"),
    "time": ("'12:00'", "'12:00:00.000001'"),
    "interval": ("'1 day'", "'-3 months 2 days 1.5 seconds'"),
    "inet": ("'10.0.0.1'", "'10.0.0.1/8'", "'::1'"),
    "money": ("'12.34'", "'-0.01'"),
    "int4range": ("'[1,3)'", "'empty'"),
    "bit(3)": ("'101'", "'000'"),
}
MARIADB = {
    "tinyint(1)": ("0", "1", "2"),
    "bigint unsigned": ("0", "18446744073709551615"),
    "decimal(30, 10)": ("1.5", "-12345678901234567890.0000000001"),
    "varchar(20)": ("''", "'a'", "'b'", "'ä\\'\"'", "'日本'"),
    "varchar(20) CHARACTER SET latin1": ("'a'", "'ä'"),
    "char(36)": ("'123e4567-e89b-12d3-a456-426614174000'",),
    "varbinary(20)": ("x'00ff'", "''", "'a'", "'A'"),
    "binary(16)": ("x'00112233445566778899aabbccddeeff'", "'a'"),
    "uuid": ("'123e4567-e89b-12d3-a456-426614174000'",),
    "date": ("'2024-02-29'", "'0000-00-00'"),
    "datetime(6)": ("'2024-01-01 12:00:00.123456'", "'0000-00-00 00:00:00'"),
    "timestamp(3)": ("'2024-01-01 12:00:00.123'", "'1999-12-31 23:59:59'"),
    "time": ("'12:00:01'", "'-838:59:59'"),
    "year": ("2024", "1901"),
    "bit(8)": ("b'101'", "b'0'"),
    "enum('a', 'b')": ("'a'", "'b'"),
}
SQLITE = {
    "INTEGER": ("-9223372036854775808", "1"),
    "TEXT": ("''", "'a'", "'A'", "'ä''\"'"),
    "BLOB": ("x'00ff'", "x''", "'text'", "1"),
    "REAL": ("0.1", "9e999"),
    "NUMERIC": ("1", "1.5", "'word'"),
    "": ("1", "1.5", "'1'", "x'31'", "'Infinity'"),
    "UUID": ("'123e4567-e89b-12d3-a456-426614174000'",),
    "TIMESTAMP": ("'2024-01-01 12:00:00'", "'2024-01-01T12:00:00Z'"),
}
EVERY = [("postgres", k) for k in POSTGRES] + [("mariadb", k) for k in MARIADB] + [("sqlite", k) for k in SQLITE]


@pytest.mark.parametrize(("database", "kind"), EVERY)
@pytest.mark.parametrize("exact", [False, True])
def test_a_key_of_any_type_names_its_row(request: pytest.FixtureRequest, database: str, kind: str, exact: bool) -> None:
    there: Scratch = request.getfixturevalue(database)
    values = {"postgres": POSTGRES, "mariadb": MARIADB, "sqlite": SQLITE}[database][kind]
    there.sql(f"CREATE TABLE t (id {kind} NOT NULL PRIMARY KEY)")
    there.sql(f"INSERT INTO t VALUES {', '.join(f'({value})' for value in values)}")
    selection = chosen(there, "id")
    with there.open() as reader:
        rows = pa.Table.from_batches(list(reader.batches(selection, exact=exact or needs_exact(values))))
    with writing(there) as writer:
        assert writer.lock(selection, rows).unchanged.tolist() == [True] * len(values)
        assert writer.delete(selection, rows.slice(0, 1)) == 1
        assert writer.present(selection, rows).tolist() == [False, *[True] * (len(values) - 1)]


def needs_exact(values: tuple[str, ...]) -> bool:
    """Of moments that no calendar has."""
    return any(mark in value for value in values for mark in ("BC'", "infinity'", "12345-", "0000-00-00"))


def test_a_key_of_several_columns(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (a int NOT NULL, b varchar(10) NOT NULL, PRIMARY KEY (a, b))")
    scratch.sql("INSERT INTO t VALUES (1, 'x'), (1, 'y'), (2, 'x'), (2, 'y')")
    selection = chosen(scratch, "b", "a")
    rows = read(scratch, selection)
    with writing(scratch) as writer:
        assert writer.lock(selection, rows).unchanged.all()
        writer.delete(selection, rows.take([0, 3]))
    assert sorted((row["a"], row["b"]) for row in scratch.rows()) == [(1, "y"), (2, "x")]


COLLATIONS = {
    "postgres": "text COLLATE anycase",
    "mariadb": "varchar(20) COLLATE utf8mb4_unicode_ci",
    "sqlite": "TEXT COLLATE NOCASE",
}


@pytest.fixture
def sloppy(request: pytest.FixtureRequest, scratch: Scratch) -> Scratch:
    """One row, whose key is Key; the database takes key for the same."""
    if scratch.url.startswith("postgres"):
        scratch.sql("CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    name = next(name for name in COLLATIONS if scratch.url.startswith(name.replace("mariadb", "mysql")))
    kind = COLLATIONS[name].replace("anycase", f"{scratch.schema}.anycase")
    scratch.sql(f"CREATE TABLE t (id {kind} NOT NULL PRIMARY KEY)")
    scratch.sql("INSERT INTO t VALUES ('Key')")
    return scratch


def test_a_key_that_is_equal_by_the_collation_only_is_not_the_row(sloppy: Scratch) -> None:
    selection = chosen(sloppy, "id")
    rows = read(sloppy, selection)
    other = pa.table({"id": ["key"], VERSION: rows.column(VERSION)})
    with writing(sloppy) as writer:
        assert writer.lock(selection, other).present.tolist() == [False]
        assert writer.present(selection, other).tolist() == [False]
        assert writer.present(selection, rows).tolist() == [True]


def test_a_key_that_is_equal_by_the_collation_only_deletes_nothing(sloppy: Scratch) -> None:
    with pytest.raises(SourceError, match="0 rows"), writing(sloppy) as writer:
        writer.delete(chosen(sloppy, "id"), pa.table({"id": ["key"]}))
    assert [row["id"] for row in sloppy.rows()] == ["Key"]


def test_trailing_spaces_count(mariadb: Scratch) -> None:
    """MariaDB's collations pad."""
    mariadb.sql("CREATE TABLE t (id varchar(20) NOT NULL PRIMARY KEY)")
    mariadb.sql("INSERT INTO t VALUES ('a ')")
    with writing(mariadb) as writer:
        assert writer.present(chosen(mariadb, "id"), pa.table({"id": ["a", "a "]})).tolist() == [False, True]


def test_two_rows_that_only_another_collation_takes_for_one(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (id TEXT COLLATE NOCASE NOT NULL)")
    sqlite.sql("CREATE UNIQUE INDEX i ON t (id COLLATE BINARY)")
    sqlite.sql("INSERT INTO t VALUES ('a'), ('A')")
    with writing(sqlite) as writer:
        writer.delete(chosen(sqlite, "id"), pa.table({"id": ["a"]}))
    assert [row["id"] for row in sqlite.rows()] == ["A"]


def test_a_key_that_changed_its_class_is_not_the_row(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (id NOT NULL PRIMARY KEY)")
    sqlite.sql("INSERT INTO t VALUES (1)")
    with writing(sqlite) as writer:
        assert writer.present(chosen(sqlite, "id"), pa.table({"id": [1.0]})).tolist() == [False]


def test_a_key_without_a_value_is_refused(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    with pytest.raises(SourceError, match="no value in column id"), writing(scratch) as writer:
        writer.present(chosen(scratch, "id"), pa.table({"id": pa.array([None], pa.int64())}))


def test_an_array_names_no_row(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (id int[] NOT NULL PRIMARY KEY)")
    postgres.sql("INSERT INTO t VALUES ('{1}')")
    with pytest.raises(SourceError, match="cannot be named"), writing(postgres) as writer:
        writer.lock(chosen(postgres, "id"), read_unsorted(postgres))


def read_unsorted(scratch: Scratch) -> pa.Table:
    with scratch.open() as reader:
        return pa.Table.from_batches(list(reader.batches(chosen(scratch, "id"))))


def test_a_column_of_floats_names_no_row_in_mariadb(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (id float NOT NULL PRIMARY KEY)")
    with pytest.raises(SourceError, match="cannot be named"), mariadb.write() as writer:
        writer.check_table(chosen(mariadb, "id"))


def test_more_keys_than_fit_into_a_statement(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id varchar(20) NOT NULL PRIMARY KEY)")
    values = ", ".join(f"('日{number}'), ('a{number}')" for number in range(700))
    scratch.sql(f"INSERT INTO t VALUES {values}")
    selection = chosen(scratch, "id")
    rows = read(scratch, selection)
    with writing(scratch) as writer:
        assert writer.lock(selection, rows).unchanged.all()
        assert writer.delete(selection, rows.slice(3)) == 1397
    assert len(scratch.rows()) == 3
