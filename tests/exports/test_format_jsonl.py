"""JSON Lines: each value comes back from json.loads as what it was."""

import base64
import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.formats import FORMATS
from exports.sources.base import JSON_TEXT


def written(column: str, kind: pa.DataType, values: list[Any], *, metadata: dict[bytes, bytes] | None = None) -> list[Any]:
    """The values of one column after encoding and parsing, decimals kept."""
    schema = pa.schema([pa.field("n", pa.int32()), pa.field(column, kind, metadata=metadata)])
    batch = pa.RecordBatch.from_arrays([pa.array(range(len(values)), pa.int32()), pa.array(values, kind)], schema=schema)
    pieces = list(FORMATS["jsonl"].encoder(schema)(batch))
    lines = b"".join(bytes(piece.data) for piece in pieces).decode().split("\n")
    assert lines.pop() == ""
    assert sum(piece.rows for piece in pieces) == len(lines) == len(values)
    rows = [json.loads(line, parse_float=Decimal) for line in lines]
    assert [row["n"] for row in rows] == list(range(len(values)))
    return [row[column] for row in rows]


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1))
def test_any_text_is_kept(values: list[str | None]) -> None:
    assert written("t", pa.string(), values) == values


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1))
def test_any_integer_is_kept(values: list[int | None]) -> None:
    assert written("i", pa.int64(), values) == values


@given(st.lists(st.one_of(st.none(), st.floats()), min_size=1))
def test_any_float_is_kept_and_what_json_has_no_number_for_is_named(values: list[float | None]) -> None:
    def shown(value: float | None) -> Any:
        if value is None or math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"

    got = [float(value) if isinstance(value, Decimal | int) else value for value in written("f", pa.float64(), values)]
    assert got == [shown(value) for value in values]


@given(st.lists(st.one_of(st.none(), st.binary()), min_size=1))
def test_any_bytes_are_kept_as_base64(values: list[bytes | None]) -> None:
    got = written("b", pa.binary(), values)
    assert [None if value is None else base64.b64decode(value, validate=True) for value in got] == values


@given(st.lists(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), min_size=1))  # noqa: DTZ001 naive on purpose
def test_any_moment_is_kept_to_the_microsecond(values: list[datetime]) -> None:
    assert [datetime.fromisoformat(text) for text in written("m", pa.timestamp("us"), values)] == values
    aware = [value.replace(tzinfo=UTC) for value in values]
    assert [datetime.fromisoformat(text) for text in written("m", pa.timestamp("us", "UTC"), aware)] == aware


@given(st.lists(st.one_of(st.none(), st.dates()), min_size=1))
def test_any_date_is_kept(values: list[date | None]) -> None:
    assert written("d", pa.date32(), values) == [value and value.isoformat() for value in values]


def test_booleans_and_small_types_are_kept() -> None:
    assert written("b", pa.bool_(), [True, False, None]) == [True, False, None]
    assert written("u", pa.uint64(), [2**64 - 1]) == [2**64 - 1]
    assert written("f", pa.float32(), [0.5, None]) == [0.5, None]


def test_json_text_is_written_as_it_stands() -> None:
    texts = ['{"a": [1, 2.50]}', None, "12345678901234567890.1234567890"]
    got = written("j", pa.string(), texts, metadata=JSON_TEXT)
    assert got == [{"a": [1, Decimal("2.50")]}, None, Decimal("12345678901234567890.1234567890")]


@pytest.mark.parametrize("name", ['quote"', "new\nline", "ключ", "{brace}", "back\\slash"])
@pytest.mark.parametrize("metadata", [None, JSON_TEXT])
def test_any_column_name_is_kept(name: str, metadata: dict[bytes, bytes] | None) -> None:
    assert written(name, pa.string(), ["1"], metadata=metadata) == [1 if metadata else "1"]


def test_keys_come_in_column_order() -> None:
    names = ["a", "j1", "b", "f", "j2"]
    types = [pa.int64(), pa.string(), pa.string(), pa.float64(), pa.string()]
    fields = [pa.field(n, t, metadata=JSON_TEXT if n[0] == "j" else None) for n, t in zip(names, types, strict=True)]
    values = [[1], ["{}"], ["x"], [math.nan], ["[]"]]
    batch = pa.RecordBatch.from_arrays([pa.array(v, t) for v, t in zip(values, types, strict=True)], schema=pa.schema(fields))
    (piece,) = FORMATS["jsonl"].encoder(batch.schema)(batch)
    assert list(json.loads(bytes(piece.data))) == names


def test_pieces_are_small_and_end_at_line_ends() -> None:
    batch = pa.RecordBatch.from_pydict({"t": ["x" * 1000] * 5000})
    pieces = list(FORMATS["jsonl"].encoder(batch.schema)(batch))
    assert all(bytes(piece.data).endswith(b"}\n") for piece in pieces)
    assert max(len(piece.data) for piece in pieces) < 300_000
    assert sum(piece.rows for piece in pieces) == 5000
