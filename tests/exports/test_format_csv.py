"""CSV: RFC 4180, NULL and empty told apart, and no cell that a spreadsheet computes."""

import csv
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exports.format_reading import read_csv, written

TEXT = st.text(st.sampled_from("=+-@\t\r\n\0'\"ab,;é") | st.characters(exclude_categories=["Cs"]), max_size=8)


def batch(**columns: list[Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_null_is_nothing_and_an_empty_text_is_two_quotes() -> None:
    data = written("csv", [batch(n=[1, None], s=["", None])])
    assert data == b'"n","s"\r\n1,""\r\n,\r\n'


def test_quotes_are_doubled_and_line_breaks_stay() -> None:
    assert written("csv", [batch(s=['a"b\r\nc,d'])]) == b'"s"\r\n"a""b\r\nc,d"\r\n'


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\0", "'"])
def test_a_text_that_a_spreadsheet_may_compute_gets_an_apostrophe(first: str) -> None:
    assert read_csv(written("csv", [batch(s=[f"{first}1"])])) == [{"s": f"'{first}1"}]
    assert read_csv(written("csv-exact", [batch(s=[f"{first}1"])])) == [{"s": f"{first}1"}]


@settings(deadline=None, max_examples=40)
@given(values=st.lists(st.none() | TEXT, min_size=1, max_size=8))
def test_without_one_leading_apostrophe_every_text_is_as_it_was(values: list[str | None]) -> None:
    got = [row["s"] for row in read_csv(written("csv", [batch(i=list(range(len(values))), s=pa.array(values, pa.string()))]))]
    assert not [cell for cell in got if cell and cell[0] in "=+-@\t\r\0"]
    assert [cell and cell.removeprefix("'") for cell in got] == values


def test_numbers_are_never_changed() -> None:
    (row,) = read_csv(written("csv", [batch(n=[-1], f=[-1.5])]))
    assert row == {"n": "-1", "f": "-1.5"}


def test_names_of_columns_are_safe_too() -> None:
    assert list(csv.reader(io.StringIO(written("csv", [batch(**{"=1+1": ["x"]})]).decode(), newline=""))) == [["'=1+1"], ["x"]]
