"""XLSX: what a spreadsheet holds as it is, what it holds as text, and what goes on behind the last column."""

import io
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.formats import format_named
from exports.formats.base import FormatError
from exports.sources.base import number_text
from tests.exports.format_reading import read_xlsx, written

TEXT = st.text(st.sampled_from("=<>&'\r\n\t\0\x01_x0041 \ufffe\uffff") | st.characters(exclude_categories=["Cs"]), max_size=12)


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def cells(values: list[Any], kind: pa.DataType, metadata: dict[bytes, bytes] | None = None) -> list[Any]:
    """What openpyxl finds in the cells of one column."""
    rows = pa.RecordBatch.from_arrays([pa.array(values, kind)], schema=pa.schema([pa.field("v", kind, metadata=metadata)]))
    book = openpyxl.load_workbook(io.BytesIO(written("xlsx", [rows])))
    return [row[0] for row in book["rows"].iter_rows(min_row=2, values_only=True)]


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.none() | TEXT, min_size=1, max_size=10))
def test_any_text_comes_back_and_null_is_no_text(values: list[str | None]) -> None:
    got = read_xlsx(written("xlsx", [batch(i=list(range(len(values))), s=pa.array(values, pa.string()))]))
    assert [row["s"] for row in got] == values


def test_a_formula_is_text() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written("xlsx", [batch(s=["=1+1"])])))
    assert book["rows"]["A2"].data_type == "s"


def test_integers_of_more_than_fifteen_digits_are_text() -> None:
    assert cells([999_999_999_999_999, 10**15, -(10**15), -1], pa.int64()) == [
        999_999_999_999_999,
        "1000000000000000",
        "-1000000000000000",
        -1,
    ]


def test_decimals_of_more_than_fifteen_digits_are_text() -> None:
    got = cells(["0.000123456789012345", "1234567890123.456", '"NaN"', "-1.50"], pa.string(), number_text((30, 18)))
    assert got == [0.000123456789012345, "1234567890123.456", "NaN", -1.5]


@pytest.mark.parametrize("value", [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0, float("inf"), 1e300, 2.2250738585072014e-308])
def test_any_float_is_a_number_or_its_text(value: float) -> None:
    (cell,) = cells([value], pa.float64())
    assert repr(float(str(cell).replace("Infinity", "inf"))) == repr(value)
    assert isinstance(cell, str) == (not 2.2250738585072014e-308 <= abs(value) <= 9.99999999999999e307)


def test_dates_before_march_1900_are_text() -> None:
    got = cells([date(1900, 2, 28), date(1900, 3, 1), date(9999, 12, 31)], pa.date32())
    assert got == ["1900-02-28", datetime(1900, 3, 1), datetime(9999, 12, 31)]  # noqa: DTZ001 as spreadsheets have them


def test_moments_are_dates_where_milliseconds_say_all() -> None:
    moments = [
        datetime(2024, 2, 29, 23, 59, 59, 999_000, UTC),
        datetime(2024, 2, 29, 23, 59, 59, 999_001, UTC),
        datetime(1899, 1, 1, tzinfo=UTC),
    ]
    got = cells(moments, pa.timestamp("us", "UTC"))
    assert got == [moments[0].replace(tzinfo=None), "2024-02-29T23:59:59.999001Z", "1899-01-01T00:00:00.000000Z"]


MILLISECONDS = st.integers(-25_508 * 86_400_000, 253_402_300_799_999)


@settings(deadline=None, max_examples=50)
@given(values=st.lists(MILLISECONDS, min_size=1))
def test_any_millisecond_from_march_1900_on_comes_back(values: list[int]) -> None:
    moments = pa.array([value * 1000 for value in values], pa.timestamp("us"))
    assert cells(moments, moments.type) == moments.to_pylist()


@pytest.mark.parametrize("length", [32_767, 32_768, 65_534, 65_535, 200_000])
@pytest.mark.parametrize("character", ["a", "é", "😀"])
def test_a_text_that_no_cell_holds_goes_on_behind_the_last_column(length: int, character: str) -> None:
    long = "x" + character * length
    rows = batch(a=["short", long], b=["y", long[:-1]], c=["", None])
    data = written("xlsx", [rows])
    assert read_xlsx(data) == rows.to_pylist()
    widest = max(len(str(cell).encode("utf-16-le")) for row in openpyxl.load_workbook(io.BytesIO(data))["rows"].values for cell in row)
    assert widest <= 2 * 32_767


def test_a_table_of_too_many_columns_is_refused_before_anything_is_written() -> None:
    with pytest.raises(FormatError, match="t has 16385 columns; a sheet has 16384 at most"):
        format_named("xlsx").encoder(pa.schema([(f"c{n}", pa.int64()) for n in range(16_385)]), "t")


def test_a_file_ends_at_the_last_row_of_a_sheet() -> None:
    encoder = format_named("xlsx").encoder(pa.schema([("i", pa.int64())]), "t")
    (piece,) = encoder.pieces(batch(i=[1]))
    writer = encoder.writer()
    writer._rows = 1_048_575  # type: ignore[attr-defined] # a real million of rows takes ten seconds
    assert writer.most(piece) < 10**6
    list(writer.write(piece))
    assert writer.most(piece) == float("inf")
