"""SQLite: whatever a column holds comes out as it is, or not at all."""

import base64
import json
import sqlite3
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.sources.base import MixedColumn, Selection, SourceError, is_json
from tests.exports.sources_fixtures import Scratch, sqlite

__all__ = ["sqlite"]

SAMPLES: dict[str, Any] = {"integer": 2**53 + 1, "real": 0.1, "text": "5", "blob": b"ok"}


def _fill(sqlite: Scratch, declared: str, *values: Any) -> None:
    sqlite.sql(f"CREATE TABLE t (v {declared})")
    for value in values:
        sqlite.sql("INSERT INTO t VALUES (?)", (value,))


@pytest.mark.parametrize("leading", [1, 3000])
@pytest.mark.parametrize("declared", ["", "INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "DATETIME"])
@pytest.mark.parametrize("first", SAMPLES)
@pytest.mark.parametrize("last", SAMPLES)
def test_nothing_is_converted_silently(sqlite: Scratch, declared: str, first: str, last: str, leading: int) -> None:
    sqlite.sql(f"CREATE TABLE t (v {declared})")
    sqlite.sql(
        f"INSERT INTO t WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {leading}) SELECT ? FROM r",
        (SAMPLES[first],),
    )
    sqlite.sql("INSERT INTO t VALUES (?)", (SAMPLES[last],))
    assert sqlite.folder
    with sqlite3.connect(sqlite.folder / "source.sqlite3") as connection:
        stored = [value for (value,) in connection.execute("SELECT v FROM t")]
    try:
        read = _plain(sqlite, exact=False)
    except MixedColumn:
        read = _plain(sqlite, exact=True)
    assert read == stored
    assert [type(value) for value in read] == [type(value) for value in stored]


def _plain(sqlite: Scratch, *, exact: bool) -> list[Any]:
    """The values of t.v, JSON text decoded."""
    with sqlite.open() as reader:
        table = pa.Table.from_batches(list(reader.batches(Selection("t"), exact=exact)))
    values = table.column("v").to_pylist()
    return [_decode(value) for value in values] if is_json(table.schema.field("v")) else values


def _decode(text: str | None) -> Any:
    value = None if text is None else json.loads(text)
    return b"ok" if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("declared", "value"), [("INTEGER", 5), ("REAL", 1.0), ("TEXT", "x"), ("BLOB", b"\xff"), ("DATETIME", "2024-01-01")]
)
def test_leading_nulls_fix_no_type(sqlite: Scratch, declared: str, value: Any) -> None:
    sqlite.sql(f"CREATE TABLE t (v {declared})")
    sqlite.sql("INSERT INTO t WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 5000) SELECT NULL FROM r")
    sqlite.sql("INSERT INTO t VALUES (?)", (value,))
    assert sqlite.values()[-1] == value


def test_numbers_keep_their_digits(sqlite: Scratch) -> None:
    _fill(sqlite, "DECIMAL(12,4)", 5.0, 0.1, 2**60 + 1, float("inf"), -1.5e-7)
    assert sqlite.values() == ["5", "0.1", str(2**60 + 1), '"Infinity"', "-1.5e-7"]


def test_json_column_stays_json_on_one_line(sqlite: Scratch) -> None:
    _fill(sqlite, "JSON", '{"a":\n 1.10}', None, 5)
    assert sqlite.values() == ['{"a":  1.10}', None, "5"]


def test_json_column_with_other_text_is_refused_by_name(sqlite: Scratch) -> None:
    _fill(sqlite, "JSON", "hello")
    with pytest.raises(MixedColumn):
        sqlite.values()
    with pytest.raises(SourceError, match="Column v is declared JSON"):
        sqlite.values(exact=True)


@pytest.mark.parametrize("exact", [False, True])
def test_broken_utf8_is_refused_by_name(sqlite: Scratch, exact: bool) -> None:
    sqlite.sql("CREATE TABLE t (v TEXT)")
    sqlite.sql("INSERT INTO t VALUES (CAST(x'61ff' AS TEXT))")
    with pytest.raises(SourceError, match="Column v holds text that is not valid UTF-8"):
        sqlite.values(exact=exact)


@pytest.mark.parametrize("form", ["2024-01-01 {}", "2024-01-01T{}", "2024-01-01T{}Z"])
def test_moment_is_compared_in_the_column_s_own_form(sqlite: Scratch, form: str) -> None:
    _fill(sqlite, "DATETIME", form.format("09:59:59"), form.format("10:00:00"), form.format("11:00:00"))
    window: dict[str, Any] = {"date_from": datetime(2024, 1, 1, 10, tzinfo=UTC), "date_to": datetime(2024, 1, 1, 11, tzinfo=UTC)}
    assert [row["v"] for row in sqlite.rows(timestamp="v", **window)] == [form.format("10:00:00")]


def test_epoch_numbers_are_no_moments(sqlite: Scratch) -> None:
    _fill(sqlite, "INTEGER", 1704067200)
    with pytest.raises(SourceError, match="Column v must hold moments as ISO 8601"):
        sqlite.rows(timestamp="v", date_from=datetime(2024, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("exact", [False, True])
def test_cancel_does_not_wait_for_the_query(sqlite: Scratch, exact: bool) -> None:
    sqlite.sql("CREATE TABLE t (v INTEGER)")
    sqlite.sql(
        "CREATE VIEW slow AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 10000000) SELECT i FROM r WHERE i < 0"
    )
    with sqlite.open() as reader:
        threading.Timer(0.3, reader.cancel).start()
        start = time.monotonic()
        with pytest.raises(SourceError, match="cancelled"):
            list(reader.batches(Selection("slow"), exact=exact))
        assert time.monotonic() - start < 1.5


def test_big_blobs_come_in_small_batches(sqlite: Scratch) -> None:
    _fill(sqlite, "BLOB", *[b"x" * 3_000_000] * 5)
    with sqlite.open() as reader:
        assert [batch.num_rows for batch in reader.batches(Selection("t"))] == [1] * 5


VALUES = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(st.characters(exclude_categories=["Cs"])), st.binary()
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8))
def test_any_values_survive(sqlite: Scratch, rows: list[tuple[Any, Any]]) -> None:
    sqlite.sql("DROP TABLE IF EXISTS t")
    sqlite.sql("CREATE TABLE t (v, w TEXT)")
    for row in rows:
        sqlite.sql("INSERT INTO t VALUES (?, ?)", row)
    assert sqlite.folder
    with sqlite3.connect(sqlite.folder / "source.sqlite3") as connection:
        stored = [value for (value,) in connection.execute("SELECT v FROM t")]
    read = [row["v"] for row in sqlite.rows(exact=True)]
    assert [_back(text, value) for text, value in zip(read, stored, strict=True)] == stored


def _back(read: Any, stored: Any) -> Any:
    """A value as it was stored: JSON text decoded, where the column came as such."""
    if type(read) is type(stored) and read == stored:
        return read
    value = json.loads(read)
    if isinstance(value, dict):
        return base64.b64decode(value["$base64"])
    return float(value.replace("Infinity", "inf")) if isinstance(stored, float) and isinstance(value, str) else value
