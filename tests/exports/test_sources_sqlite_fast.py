"""SQLite's compiled loop: every cell is looked at, wherever it stands, and what does not fit is never taken for something else."""

import json
import math
import sqlite3
import struct
import threading
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exports.sources import sqlite as reader_module
from exports.sources.base import ConnectionLost, MixedColumn, Selection, SourceError
from exports.sources.json_check import DEPTH, are_json
from exports.sources.sqlite_fast import BATCH_BYTES, Rows
from exports.sources.sqlite_library import Statement, library
from tests.exports.sources_fixtures import Scratch, sqlite

__all__ = ["sqlite"]

FITTING = {"INTEGER": 7, "REAL": 0.5, "TEXT": "x", "BLOB": b"x", "NUMERIC(9,2)": 0.5, "JSON": "[1]"}
UNFIT = [
    ("INTEGER", 0.5),
    ("INTEGER", "x"),
    ("INTEGER", b"x"),
    ("REAL", "x"),
    ("REAL", b"x"),
    ("TEXT", b"x"),
    ("BLOB", 7),
    ("BLOB", 0.5),
    ("BLOB", "x"),
    ("NUMERIC(9,2)", "x"),
    ("NUMERIC(9,2)", b"x"),
    ("JSON", 0.5),
    ("JSON", b"[1]"),
    ("JSON", "{"),
    ("JSON", ""),
    ("JSON", "[1]\0"),
]


def _rows(sqlite: Scratch, declared: str, values: list[Any]) -> None:
    sqlite.sql("DROP TABLE IF EXISTS t")
    sqlite.sql(f"CREATE TABLE t (n INTEGER PRIMARY KEY, v {declared})")
    sqlite.sql("BEGIN")
    for value in values:
        sqlite.sql("INSERT INTO t (v) VALUES (?)", (value,))
    sqlite.sql("COMMIT")


def _stored(sqlite: Scratch, column: str = "v") -> list[Any]:
    assert sqlite.folder
    with sqlite3.connect(sqlite.folder / "source.sqlite3") as connection:
        return [value for (value,) in connection.execute(f"SELECT {column} FROM t")]


@pytest.mark.parametrize("place", [1_500, 5_000, 9_999])
@pytest.mark.parametrize(("declared", "value"), UNFIT)
def test_an_unfit_value_is_found_wherever_it_stands(sqlite: Scratch, declared: str, value: Any, place: int) -> None:
    values = [FITTING[declared]] * 10_000
    values[place] = value
    _rows(sqlite, declared, values)
    with pytest.raises(MixedColumn, match="Column v"):
        sqlite.values()


@pytest.mark.parametrize("declared", ["JSON", *FITTING])
def test_an_unfit_value_in_the_first_row_is_found(sqlite: Scratch, declared: str) -> None:
    other = b"\xff" if declared != "BLOB" else "x"
    _rows(sqlite, declared, [other, *[FITTING[declared]] * 9])
    with pytest.raises(MixedColumn, match="Column v"):
        sqlite.values()


@pytest.mark.parametrize("declared", FITTING)
def test_no_rows_and_only_nulls(sqlite: Scratch, declared: str) -> None:
    _rows(sqlite, declared, [])
    assert sqlite.values() == []
    _rows(sqlite, declared, [None] * 5_000)
    assert sqlite.values() == [None] * 5_000


def test_numbers_keep_every_bit(sqlite: Scratch) -> None:
    _rows(sqlite, "INTEGER", [-(2**63), 2**63 - 1, 0, None, 2**53 + 1])
    assert sqlite.values() == _stored(sqlite)
    _rows(sqlite, "REAL", [-0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, 0.1, 3.0, None])
    assert [value and struct.pack("d", value) for value in sqlite.values()] == [v and struct.pack("d", v) for v in _stored(sqlite)]
    _rows(sqlite, "NUMERIC(9,2)", [-(2**63), 0.1, None, 5e-324, -math.inf])
    assert sqlite.values() == [str(-(2**63)), "0.1", None, "5e-324", '"-Infinity"']


def test_text_keeps_every_byte(sqlite: Scratch) -> None:
    values = ["", "a\0b", "\0", "ü", "𐍈" * 3, "line\r\nline", "x" * 10_000, None, "ß"]
    _rows(sqlite, "TEXT", values)
    assert sqlite.values() == values
    _rows(sqlite, "BLOB", [b"", b"\0\xff", None, b"\xc3"])
    assert sqlite.values() == [b"", b"\0\xff", None, b"\xc3"]


@pytest.mark.parametrize("pieces", [["61ff"], ["c3", "a9"], ["61", "c3"], ["a9", "61"], ["eda080"], ["c080"]])
def test_broken_utf8_is_found_even_where_two_texts_together_are_whole(sqlite: Scratch, pieces: list[str]) -> None:
    sqlite.sql("CREATE TABLE t (v TEXT)")
    for piece in pieces:
        sqlite.sql(f"INSERT INTO t VALUES (CAST(x'{piece}' AS TEXT))")
    with pytest.raises(SourceError, match="Column v holds text that is not valid UTF-8"):
        sqlite.values()


def test_a_utf16_database_comes_out_in_utf8(sqlite: Scratch) -> None:
    sqlite.sql("PRAGMA encoding = 'UTF-16'")
    values = ["ü𐍈", "", "a" * 700, None] * 3_000
    _rows(sqlite, "TEXT", values)
    assert sqlite.values() == values


@pytest.mark.parametrize("declared", ["TEXT", "BLOB"])
def test_long_values_need_no_more_than_batches_of_their_own(sqlite: Scratch, declared: str) -> None:
    sizes = [1, 300_000, 5_000_000, 0, 2_500_000, 2_500_000, 10, 9_000_000, 9_000_000, 3, None, 1_000_000]
    sample = "y" if declared == "TEXT" else b"y"
    _rows(sqlite, declared, [None if size is None else sample * size for size in sizes])
    sqlite.sql("ALTER TABLE t ADD COLUMN w TEXT")
    sqlite.sql("UPDATE t SET w = 'w' || n")
    with sqlite.open() as reader:
        batches = list(reader.batches(Selection("t")))
    table = pa.Table.from_batches(batches)
    assert [value if value is None else len(value) for value in table["v"].to_pylist()] == sizes
    assert table["w"].to_pylist() == [f"w{number}" for number in range(1, len(sizes) + 1)]
    assert all(batch.num_rows == 1 or sum(len(value or "") for value in batch["v"].to_pylist()) <= 4_000_000 for batch in batches)


def test_a_row_may_have_several_long_values(sqlite: Scratch) -> None:
    sqlite.sql("CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT, w BLOB, x TEXT)")
    sizes = [(5_000_000, 9_000_000, 4_000_001), (1, 2, 3), (2_500_000, 5_000_000, 2_500_000)]
    for v, w, x in sizes:
        sqlite.sql("INSERT INTO t (v, w, x) VALUES (?, ?, ?)", ("v" * v, b"w" * w, "x" * x))
    assert [tuple(len(row[name]) for name in "vwx") for row in sqlite.rows()] == sizes


def test_room_is_given_back() -> None:
    rows = Rows(20)
    usual = sum(map(len, rows.bytes))
    rows.grow(3, 50_000_000)
    assert len(rows.bytes[3]) == 50_000_000
    rows.shrink()
    assert sum(map(len, rows.bytes)) == usual
    for column in range(20):
        for _ in range(9):
            rows.grow(column, 1)
    assert sum(map(len, rows.bytes)) == 20 * BATCH_BYTES
    rows.shrink()
    assert sum(map(len, rows.bytes)) == usual


def test_many_columns(sqlite: Scratch) -> None:
    names = [f"c{number}" for number in range(900)]
    sqlite.sql(f"CREATE TABLE t ({', '.join(f'{name} TEXT' for name in names)})")
    for row in range(300):
        sqlite.sql(f"INSERT INTO t VALUES ({', '.join('?' * 900)})", [f"{row} {name}" for name in names])
    assert sqlite.rows() == [{name: f"{row} {name}" for name in names} for row in range(300)]


@pytest.mark.parametrize("values", [[1, 2, 3, 4], ["a", "b", "ü", "ü2"], [0.5, 1.5, 2.5], [b"\x01", b"\x02", b"\x03"]])
def test_bounds_of_every_class_are_bound_as_they_are(sqlite: Scratch, values: list[Any]) -> None:
    sqlite.sql("CREATE TABLE t (v)")
    for value in values:
        sqlite.sql("INSERT INTO t VALUES (?)", (value,))
    assert [row["v"] for row in sqlite.rows(key=("v",), after=(values[0],), upto=(values[2],))] == values[1:3]


def test_what_another_writes_meanwhile_is_not_seen(sqlite: Scratch) -> None:
    sqlite.sql("PRAGMA journal_mode = WAL")
    _rows(sqlite, "INTEGER", [0] * 20_000)
    with sqlite.open() as reader:
        batches = reader.batches(Selection("t"))
        read = next(batches).num_rows
        sqlite.sql("UPDATE t SET v = 1")
        sqlite.sql("INSERT INTO t (v) VALUES (1)")
        rest = list(batches)
    assert read + sum(batch.num_rows for batch in rest) == 20_000
    assert {value for batch in rest for value in batch["v"].to_pylist()} == {0}


def test_a_locked_file_is_said_to_be_locked(sqlite: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exports.sources.sqlite_library._WAITS", 2)
    _rows(sqlite, "INTEGER", [0])
    with sqlite.open() as reader:
        list(reader.batches(Selection("t")))  # what the columns hold is known now
        sqlite.sql("BEGIN EXCLUSIVE")
        with pytest.raises(ConnectionLost, match="locked"):
            list(reader.batches(Selection("t")))


def test_cancel_ends_the_wait_for_a_lock(sqlite: Scratch) -> None:
    _rows(sqlite, "INTEGER", [0])
    assert sqlite.folder
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    sqlite.sql("BEGIN EXCLUSIVE")
    start = time.monotonic()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Statement(f"file:{sqlite.folder}/source.sqlite3?mode=ro", "SELECT * FROM t", (), cancelled.is_set)
    assert time.monotonic() - start < 1.5


def test_where_python_hides_its_sqlite_all_reading_is_exact(sqlite: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "library", lambda: None)
    monkeypatch.setattr(reader_module, "Statement", None)
    _rows(sqlite, "JSON", ["[1]", 0.5, None])
    assert sqlite.values() == ["[1]", "0.5", None]


def test_python_s_sqlite_is_found_here() -> None:
    assert library()


# --- JSON ------------------------------------------------------------------------------------------------------------

TOKENS = [
    *'{ } [ ] , : "" "a" "\\u12aF" "\\n" "\\x" "\\u12a" 0 1 -1 01 - -0 1. 1.5 .5 1e5 1E+5 1e-05 1e true false null nul t NaN'.split(),
    *(" ", "\n", "\t", '"é"', '"\t"', '"\\"', "\0", "\ufeff", "\u00a0", '"\x7f"', "Infinity", "-Infinity", "'a'", "//", "+1"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


def _is_json(*texts: str | None) -> bool:
    raw = [(text or "").encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([0, *map(len, raw)]).astype(np.int32)
    return bool(are_json(np.array(list(b"".join(raw)), np.uint8), ends, np.array([text is not None for text in texts])))


def _python_says(text: str) -> bool:
    try:
        json.loads(text, parse_constant=int)  # int("NaN") is a ValueError
    except ValueError:
        return False
    return True


@settings(deadline=None, max_examples=2_000)
@given(st.lists(st.sampled_from(TOKENS), max_size=8).map("".join))
@example("[1,]")
@example('{"a":1,}')
@example("[}")
@example('{"a":1]')
@example('{"a":{"b":[1,{}]}}')
@example('{"a",1}')
@example("[1 2]")
@example("1,2")
@example("]")
def test_json_is_what_python_takes_for_json(text: str) -> None:
    assert _is_json(text) == _python_says(text)


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_every_document_is_json_and_no_part_of_one_is(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert _is_json(text, None, text)
    if text[0] in '{["':
        assert not any(_is_json(text[:length]) for length in range(len(text)))


def test_documents_do_not_borrow_from_their_neighbours() -> None:
    assert not _is_json("[1", "2]")
    assert not _is_json("{}", "")
    assert _is_json("[" * DEPTH + "]" * DEPTH)
    assert not _is_json("[" * (DEPTH + 1) + "]" * (DEPTH + 1))


def test_deeper_documents_are_read_exactly(sqlite: Scratch) -> None:
    deep = "[" * 100 + "]" * 100
    _rows(sqlite, "JSON", [deep])
    with pytest.raises(MixedColumn):
        sqlite.values()
    assert sqlite.values(exact=True) == [deep]
