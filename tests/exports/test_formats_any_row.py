"""Any row from any database, in every format, comes back from an independent reader as it went in."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from exports.sources.base import MixedColumn, Selection
from tests.exports.format_reading import READERS, Rows, back, same, there_and_back
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.test_format_jsonl import KINDS, ROWS, batch_of
from tests.exports.test_sources_any_row import ROW, fill

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

FEW = settings(
    deadline=None, max_examples=5, phases=(Phase.explicit, Phase.generate), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MORE = settings(FEW, max_examples=25)
COLUMNS = {"n": "integer", "f": "float", "s": "text", "b": "bytes", "t": "moment", "d": "decimal", "day": "date"}
each_format = pytest.mark.parametrize("case", READERS)


def exported(scratch: Scratch, case: str) -> Rows:
    """The rows of table t, read, written and read back, in the order of column i."""
    try:
        rows = there_and_back(case, _batches(scratch, exact=False))
    except MixedColumn:
        rows = there_and_back(case, _batches(scratch, exact=True))
    return sorted(rows, key=lambda row: int(row["i"]))


def _batches(scratch: Scratch, *, exact: bool) -> Iterator[pa.RecordBatch]:
    with scratch.open() as reader:
        yield from reader.batches(Selection("t", scratch.schema), exact=exact)


@each_format
@FEW
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_any_row_of_any_database_comes_back(scratch: Scratch, case: str, rows: list[tuple[Any, ...]]) -> None:
    fill(scratch, rows)
    for got, row in zip(exported(scratch, case), rows, strict=True):
        assert all(
            same(_signless(back(kind, got[column])), value)
            for (column, kind), value in zip(COLUMNS.items(), map(_signless, row), strict=True)
        ), (got, row)


def _signless(value: Any) -> Any:
    """Only PostgreSQL stores the sign of a zero."""
    return 0.0 if isinstance(value, float) and value == 0.0 else value


# --- Whatever a reader can give --------------------------------------------------------------------------------------
def holdable(case: str, value: Any) -> Any:
    """What a database can hold at all: PostgreSQL has no NUL in a text, MariaDB no infinity, no NaN and no sign of a zero."""
    if case == "sql-postgresql" and isinstance(value, str):
        return value.replace("\0", "")
    if case == "sql-mariadb" and isinstance(value, float):
        return _signless(value) if math.isfinite(value) else None
    return value


def kind_of(column: str) -> str:
    word = column.rstrip("0123456789")
    if column == "float32":
        return "real"
    known = {"moment_utc": "moment-utc", "bool": "boolean", "json": "text", "string": "text", "large_string": "text", "uint": "integer"}
    return known.get(word, {"int": "integer", "binary": "bytes", "large_binary": "bytes"}.get(word, word))


@each_format
@MORE
@given(rows=ROWS.filter(len), skipped=st.integers(0, 3))
def test_any_batch_comes_back(case: str, rows: list[tuple[Any, ...]], skipped: int) -> None:
    batch = batch_of([tuple(holdable(case, value) for value in row) for row in rows], skipped)
    got = there_and_back(case, [batch])
    assert len(got) == batch.num_rows
    for found, wanted in zip(got, batch.to_pylist(), strict=True):
        for column in KINDS:
            assert same(back(kind_of(column), found[column]), wanted[column]), (column, found[column], wanted[column])


# --- Columns that only one database has ------------------------------------------------------------------------------
ODD_POSTGRES = {
    "flag bool": ("boolean", True),
    "small smallint": ("integer", -32768),
    "doc jsonb": ("text", '{"a": [1, 2.50, "é"]}'),
    "numbers int[]": ("text", "{1,NULL,3}"),
    "mark uuid": ("text", "8f14e45f-ceea-467f-a0e6-b5c1d3a1c111"),
    "address inet": ("text", "10.0.0.1"),
    "span interval": ("text", "P1DT2H"),
    "big numeric": ("decimal", Decimal("123456789012345678901234567890.000000000000000000001")),
    "long numeric(60,5)": ("decimal", Decimal("1234567890123456789012345678901234567890.12345")),
    "cents money": ("decimal", Decimal("-92233720368547758.08")),
    "real real": ("float", 0.10000000149011612),
    "moment timestamptz": ("moment-utc", datetime(1883, 11, 18, 12, 3, 58, 1, tzinfo=UTC)),
}


@each_format
def test_postgresqls_own_types_come_back_and_their_nulls(postgres: Scratch, case: str) -> None:
    postgres.sql(f"CREATE TABLE t (i int, {', '.join(ODD_POSTGRES)})")
    postgres.sql(f"INSERT INTO t VALUES (0, {', '.join(['%s'] * 12)}), (1{', NULL' * 12})", [value for _, value in ODD_POSTGRES.values()])
    full, empty = exported(postgres, case)
    for column, (kind, value) in ODD_POSTGRES.items():
        got, wanted = back(kind, full[column.split()[0]]), value
        if column.startswith("doc"):
            got, wanted = json.loads(got), json.loads(str(value))
        if column.startswith("numbers"):
            got, wanted = json.loads(got), [1, None, 3]
        assert got == pytest.approx(wanted, abs=0, rel=1e-7) if kind == "float" else got == wanted, column
        assert empty[column.split()[0]] is None


@pytest.mark.parametrize("case", [case for case in READERS if case != "sql-mariadb"])
def test_a_decimal_that_is_not_a_number_comes_back_as_that_word(postgres: Scratch, case: str) -> None:
    postgres.sql("CREATE TABLE t (i int, v numeric(10,2))")
    postgres.sql("INSERT INTO t VALUES (0, 'NaN'), (1, 1.25)")
    assert [str(row["v"]) for row in exported(postgres, case)] == ["NaN", "1.25"]


def test_mariadb_refuses_a_decimal_that_is_not_a_number(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t AS SELECT 0 AS i, 'NaN'::numeric(10,2) AS v")
    with pytest.raises(ValueError, match="Incorrect decimal value: 'NaN'"):
        exported(postgres, "sql-mariadb")


@each_format
def test_moments_that_no_calendar_has_come_back_as_words(postgres: Scratch, case: str) -> None:
    postgres.sql("CREATE TABLE t (i int, v timestamptz)")
    postgres.sql("INSERT INTO t VALUES (0, 'infinity'), (1, '0044-03-15 12:00+00 BC')")
    assert [row["v"] for row in exported(postgres, case)] == ["infinity", "-0043-03-15T12:00:00.000000+00:00"]


ODD_MARIADB = {
    "big bigint unsigned": ("integer", 2**64 - 1),
    "d decimal(65,30)": ("decimal", Decimal("-12345678901234567890123456789012345.123456789012345678901234567890")),
    "doc json": ("text", '{"a": "é"}'),
    "span time(6)": ("text", "-838:59:58.500000"),
    "moment timestamp(6)": ("moment-utc", datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)),
    "year year": ("integer", 2155),
    "bits bit(64)": ("integer", 2**64 - 1),
    "small float": ("float", 0.10000000149011612),
}


@each_format
def test_mariadbs_own_types_come_back_and_their_nulls(mariadb: Scratch, case: str) -> None:
    mariadb.sql("SET time_zone = '+00:00'")
    mariadb.sql(f"CREATE TABLE t (i int, {', '.join(f'{column} NULL' for column in ODD_MARIADB)})")
    values = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for _, value in ODD_MARIADB.values()]
    mariadb.sql(f"INSERT INTO t VALUES (0, {', '.join(['%s'] * 8)}), (1{', NULL' * 8})", values)
    full, empty = exported(mariadb, case)
    for column, (kind, value) in ODD_MARIADB.items():
        got = back(kind, full[column.split()[0]])
        assert got == pytest.approx(value, abs=0, rel=1e-7) if kind == "float" else got == value, column
        assert empty[column.split()[0]] is None


@each_format
def test_an_sqlite_column_of_several_types_comes_back_as_json(sqlite: Scratch, case: str) -> None:
    sqlite.sql("CREATE TABLE t (i INTEGER, v)")
    values = [1, 2.5, "=\"a'\\", b"\0\xff", None]
    for number, value in enumerate(values):
        sqlite.sql("INSERT INTO t VALUES (?, ?)", (number, value))
    got = [row["v"] and json.loads(row["v"]) for row in exported(sqlite, case)]
    assert got == [1, 2.5, "=\"a'\\", {"$base64": "AP8="}, None]


@each_format
@pytest.mark.parametrize("column", ['quote"', "back\\slash", "two words", "line\nbreak", "ключ", "<&>", "1st", "xml:id", "_x0041_"])
def test_any_column_name_comes_back(sqlite: Scratch, case: str, column: str) -> None:
    sqlite.sql('CREATE TABLE t (i INTEGER, "{}" TEXT)'.format(column.replace('"', '""')))
    sqlite.sql("INSERT INTO t VALUES (0, 'x')")
    assert exported(sqlite, case) == [{"i": exported(sqlite, case)[0]["i"], column: "x"}]
