"""Rows that are put back are what they were: the reader writes the same lines of them again."""

from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.formats import format_named
from exports.sources.base import JSON_TEXT, MixedColumn, SourceError, is_binary
from exports.sources.writers.base import Conflict, ConflictKind, ForeignKeyBroken
from exports.sources.writers.lines import cells_of, lines_of
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.test_source_writers_keys import MARIADB, POSTGRES, SQLITE
from tests.exports.test_sources_any_row import ROW, fill
from tests.exports.writer_scenes import chosen, ids, writing

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

Lines = tuple[list[dict[str, str]], frozenset[str]]


def lines(scratch: Scratch, key: str = "id", *, exact: bool = False) -> Lines:
    """The cells of each row as the file would have them, in the order of the key, and which columns are base64."""
    selection = chosen(scratch, key)
    everything = type(selection)("t", scratch.schema, key=(key,))
    with scratch.open() as reader:
        try:
            table = pa.Table.from_batches(list(reader.batches(everything, exact=exact)))
        except MixedColumn:
            table = pa.Table.from_batches(list(reader.batches(everything, exact=True)))
    rows = [row for batch in table.to_batches() for row in lines_of(batch)]
    binary = frozenset(field.name for field in table.schema if is_binary(field))
    return sorted(rows, key=lambda row: row[key]), binary


def put_back(scratch: Scratch, found: Lines, key: str = "id") -> list[Conflict]:
    rows, binary = found
    with writing(scratch) as writer:
        return writer.insert(chosen(scratch, key), rows, binary=binary)


def cell(value: str, number: int = 1) -> dict[str, str]:
    return {"id": str(number), "v": value}


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_any_row_is_put_back_as_it_was(scratch: Scratch, rows: list[tuple[Any, ...]]) -> None:
    fill(scratch, rows)
    before = lines(scratch, "i")
    scratch.sql("DELETE FROM t")
    assert put_back(scratch, before, "i") == []
    assert lines(scratch, "i") == before


MORE_POSTGRES = {
    **{kind: values for kind, values in POSTGRES.items() if kind != "numeric"},
    "numeric": ("1.50", "'NaN'", "'-Infinity'"),
    "float4": ("0.1", "'NaN'", "16777216"),
    "jsonb": ("""'{"a": [1, 1.50, "x", null]}'""", "'\"text\"'", "'12'", "'[]'"),
    "json": ("""'{"a" :  1e2, "a": 2}'""", "'\"te\\\\u00e4xt\"'", "'12.0'"),
    "int[]": ("'{1,NULL,3}'", "'{}'", "'{{1,2},{3,4}}'"),
    "text[]": ("""'{a,"b \\"c",NULL,"NULL"}'""",),
    "timestamptz[]": ("'{2024-01-01 12:00:00+02}'",),
    "jsonb[]": ("""ARRAY['{"a": 1}'::jsonb]""",),
    "xml": ("'<a>b</a>'",),
    "tsvector": ("'a:1 b:2'",),
    "macaddr": ("'08:00:2b:01:02:03'",),
    "point": ("'(1.5,2)'",),
    "varbit": ("'10101'",),
}
MORE_MARIADB = {
    **MARIADB,
    "double": ("0.1", "1e300"),
    "float": ("0.1", "16777215"),
    "json": ("""'{"a" : [1.50, "ä"]}'""", "'12'"),
    "longtext": ("'x\\ny'",),
}
MORE_SQLITE = {**SQLITE, "JSON": ("""'{"a" : 1.50}'""", "'[]'", "12", "'\"x\"'"), "DECIMAL(9, 2)": ("1", "1.5", "9e999")}
EVERY = [("postgres", k) for k in MORE_POSTGRES] + [("mariadb", k) for k in MORE_MARIADB] + [("sqlite", k) for k in MORE_SQLITE]


@pytest.mark.parametrize(("database", "kind"), EVERY)
def test_a_value_of_any_type_is_put_back_as_it_was(request: pytest.FixtureRequest, database: str, kind: str) -> None:
    there: Scratch = request.getfixturevalue(database)
    values = {"postgres": MORE_POSTGRES, "mariadb": MORE_MARIADB, "sqlite": MORE_SQLITE}[database][kind]
    there.sql(f"CREATE TABLE t (id int NOT NULL PRIMARY KEY, v {kind} NULL)")
    rows = [f"({number}, {value})" for number, value in enumerate([*values, "NULL"])]
    there.sql(f"INSERT INTO t VALUES {', '.join(rows)}")
    before = lines(there)
    there.sql("DELETE FROM t")
    assert put_back(there, before) == []
    assert lines(there) == before


def test_a_composite_value_is_put_back_as_it_was(postgres: Scratch) -> None:
    postgres.sql("CREATE TYPE pair AS (a int, b text[])")
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY, v pair)")
    postgres.sql("INSERT INTO t VALUES (1, ROW(1, '{x,y}'))")
    before = lines(postgres)
    postgres.sql("DELETE FROM t")
    assert put_back(postgres, before) == []
    assert lines(postgres) == before


def test_a_class_of_sqlite_is_put_back_as_it_was(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    sqlite.sql("INSERT INTO t VALUES (1, 1), (2, 1.0), (3, '1'), (4, x'31'), (5, NULL), (6, -0.0)")
    stored = sqlite.sql("SELECT id, v, typeof(v) FROM t").fetchall()  # type: ignore[attr-defined]
    before = lines(sqlite, exact=True)
    sqlite.sql("DELETE FROM t")
    assert put_back(sqlite, before) == []
    assert sqlite.sql("SELECT id, v, typeof(v) FROM t").fetchall() == stored  # type: ignore[attr-defined]


# --- What is there already -----------------------------------------------------------------------------------------
@pytest.fixture
def one(scratch: Scratch) -> Scratch:
    """Row 1, 'old'."""
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(20) UNIQUE)")
    scratch.sql("INSERT INTO t VALUES (1, 'old')")
    return scratch


def values(scratch: Scratch) -> dict[int, Any]:
    return {row["id"]: row["v"] for row in scratch.rows()}


def test_a_row_that_is_there_with_the_same_values_is_left(one: Scratch) -> None:
    assert put_back(one, ([cell('"old"')], frozenset())) == [Conflict(0, ConflictKind.SAME)]


def test_a_row_that_is_there_with_other_values_is_left(one: Scratch) -> None:
    assert put_back(one, ([cell('"new"')], frozenset())) == [Conflict(0, ConflictKind.DIFFERENT, ("v",))]
    assert values(one) == {1: "old"}


def test_the_others_are_inserted(one: Scratch) -> None:
    found = put_back(one, ([cell('"two"', 2), cell('"new"'), cell("null", 3)], frozenset()))
    assert found == [Conflict(1, ConflictKind.DIFFERENT, ("v",))]
    assert values(one) == {1: "old", 2: "two", 3: None}


def test_a_value_that_must_be_unique_and_is_taken_is_told(one: Scratch) -> None:
    found = put_back(one, ([cell('"two"', 2), cell('"old"', 3)], frozenset()))
    assert found == [Conflict(1, ConflictKind.TAKEN)]
    assert values(one) == {1: "old", 2: "two"}


def test_inserting_twice_changes_nothing_more(one: Scratch) -> None:
    rows = [cell('"two"', 2), cell('"three"', 3)]
    assert put_back(one, (rows, frozenset())) == []
    assert [conflict.kind for conflict in put_back(one, (rows, frozenset()))] == [ConflictKind.SAME] * 2


def test_no_rows_are_inserted_without_complaint(one: Scratch) -> None:
    assert put_back(one, ([], frozenset())) == []


def test_an_exception_takes_inserted_rows_back(one: Scratch) -> None:
    with suppress(ZeroDivisionError), writing(one) as writer:
        assert writer.insert(chosen(one, "id"), [cell('"two"', 2)]) == []
        raise ZeroDivisionError
    assert ids(one) == [1]


def test_a_column_that_the_table_has_not_is_named(one: Scratch) -> None:
    with pytest.raises(SourceError, match="no column nix"):
        put_back(one, ([{"id": "3", "nix": "1"}], frozenset()))


# --- What the database does with a row -----------------------------------------------------------------------------
def test_generated_columns_make_themselves(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int GENERATED ALWAYS AS (id * 2) STORED)")
    scratch.sql("INSERT INTO t (id) VALUES (1)")
    before = lines(scratch)
    scratch.sql("DELETE FROM t")
    assert put_back(scratch, before) == []
    assert values(scratch) == {1: 2}


def test_a_column_that_comes_out_otherwise_is_told(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int GENERATED ALWAYS AS (id * 2) STORED)")
    assert put_back(scratch, ([cell("5")], frozenset())) == [Conflict(0, ConflictKind.ALTERED, ("v",))]


def test_a_number_that_the_database_gives_out_is_inserted_as_it_was(scratch: Scratch) -> None:
    identity = {"postgres": "int GENERATED ALWAYS AS IDENTITY", "mysql": "int AUTO_INCREMENT", "sqlite": "INTEGER"}
    kind = next(kind for name, kind in identity.items() if scratch.url.startswith(name))
    scratch.sql(f"CREATE TABLE t (id {kind} PRIMARY KEY, v int)")
    assert put_back(scratch, ([cell("1", 7), cell("1", 0)], frozenset())) == []
    assert ids(scratch) == [0, 7]


def test_a_row_that_refers_to_none_is_refused(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE p (id int NOT NULL PRIMARY KEY)")
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int, FOREIGN KEY (v) REFERENCES p (id))")
    with pytest.raises(ForeignKeyBroken):
        put_back(scratch, ([cell("9")], frozenset()))
    assert ids(scratch) == []


# --- What is refused -----------------------------------------------------------------------------------------------
WRONG = [
    ([{"id": "1"}, cell("1", 2)], "not all the same columns"),
    ([{"v": "1"}], "lack the key column id"),
    ([cell('"a"', 2), cell('"b"', 2)], "more than once"),
]


@pytest.mark.parametrize(("rows", "sentence"), WRONG)
def test_rows_that_cannot_be_told_apart_are_refused(one: Scratch, rows: list[dict[str, str]], sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        put_back(one, (rows, frozenset()))


@pytest.mark.parametrize("database", ["postgres", "mariadb"])
def test_a_file_in_which_a_text_is_base64_does_not_fit(request: pytest.FixtureRequest, database: str) -> None:
    there: Scratch = request.getfixturevalue(database)
    there.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v varchar(20))")
    with pytest.raises(SourceError, match="Column v is not binary in the table, but base64 in the file"):
        put_back(there, ([cell('"YQ=="')], frozenset({"v"})))


def test_a_cell_that_the_column_cannot_hold_is_refused(scratch: Scratch) -> None:
    scratch.sql("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int CHECK (v < 5))")
    with pytest.raises(SourceError):
        put_back(scratch, ([cell("5")], frozenset()))
    assert ids(scratch) == []


# --- Lines ---------------------------------------------------------------------------------------------------------
def test_a_line_is_cut_into_cells_as_they_stand() -> None:
    line = '{"a":1.50,"b\\"":{"x" : [1e2, "}"]} , "c": null, "d":12345678901234567890}\n'
    assert cells_of(line) == {"a": "1.50", 'b"': '{"x" : [1e2, "}"]}', "c": "null", "d": "12345678901234567890"}


def test_the_cells_of_a_batch_are_those_of_its_lines() -> None:
    fields = [
        pa.field('a"b', pa.int64()),
        pa.field("ü:{", pa.string()),
        pa.field("j", pa.string(), metadata=JSON_TEXT),
        pa.field("b", pa.binary()),
    ]
    columns = [[1, None, -3], ['x"}\n', " ", None], [' {"x" : [1, "}"]} ', "null", None], [b"\xff", b"", None]]
    batch = pa.RecordBatch.from_arrays([pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)], schema=pa.schema(fields))
    pieces = format_named("jsonl").encoder(batch.schema, "").pieces(batch)
    lines = b"".join(bytes(piece.data) for piece in pieces).splitlines()
    assert lines_of(batch) == [cells_of(line) for line in lines]
    assert [row["j"] for row in lines_of(batch)] == ['{"x" : [1, "}"]}', "null", "null"]


def test_an_empty_line_of_bytes_has_no_cells() -> None:
    assert cells_of(b"{}") == {}


@pytest.mark.parametrize("line", ["", "[1]", '{"a":1', '{"a" 1}', "{1:2}", '{"a":1}}', '{"a":1,}', '{"a":}', "{" * 2 + '"a":' * 9999])
def test_what_is_no_object_is_refused(line: str) -> None:
    with pytest.raises(SourceError, match="no JSON object"):
        cells_of(line)
