"""JSON Lines: each value comes back from json.loads as what it was."""

import base64
import json
import math
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.formats import format_named
from exports.formats.base import Piece
from exports.formats.cells import write_rows
from exports.sources.base import JSON_TEXT


def encoded(batch: pa.RecordBatch) -> Iterator[Piece]:
    return format_named("jsonl").encoder(batch.schema, "t").pieces(batch)


def written(column: str, kind: pa.DataType, values: list[Any], *, metadata: dict[bytes, bytes] | None = None) -> list[Any]:
    """The values of one column after encoding and parsing, decimals kept."""
    schema = pa.schema([pa.field("n", pa.int32()), pa.field(column, kind, metadata=metadata)])
    batch = pa.RecordBatch.from_arrays([pa.array(range(len(values)), pa.int32()), pa.array(values, kind)], schema=schema)
    pieces = list(encoded(batch))
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
    (piece,) = encoded(batch)
    assert list(json.loads(bytes(piece.data))) == names


def test_pieces_are_small_and_end_at_line_ends() -> None:
    batch = pa.RecordBatch.from_pydict({"t": ["x" * 1000] * 5000})
    pieces = list(format_named("jsonl").encoder(batch.schema, "t").pieces(batch, 100_000))
    assert all(bytes(piece.data).endswith(b"}\n") for piece in pieces)
    assert 90_000 < max(len(piece.data) for piece in pieces) < 102_000
    assert sum(piece.rows for piece in pieces) == 5000


ALPHABET = st.characters(exclude_categories=["Cs"]) | st.sampled_from([chr(c) for c in range(0x21)] + list('"\\/\x7f\u2028é漢😀'))
MICROSECONDS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999) | st.sampled_from(
    [0, -1, 1, 999, 1_000, -1_000_000, 951_782_400_000_000, 951_868_799_999_999, -2_203_891_200_000_000]
)
"""Microseconds since 1970 in the years 1 to 9999; among them 29 February 2000 and 1 March 1900."""

KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    **{f"int{bits}": (getattr(pa, f"int{bits}")(), st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (getattr(pa, f"uint{bits}")(), st.integers(0, 2**bits - 1)) for bits in (8, 16, 32, 64)},
    "bool": (pa.bool_(), st.booleans()),
    "string": (pa.string(), st.text(ALPHABET, max_size=40)),
    "large_string": (pa.large_string(), st.text(ALPHABET, max_size=40)),
    "binary": (pa.binary(), st.binary(max_size=20)),
    "large_binary": (pa.large_binary(), st.binary(max_size=20)),
    "float64": (pa.float64(), st.floats()),
    "float32": (pa.float32(), st.floats(width=32)),
    "date": (pa.date32(), MICROSECONDS.map(lambda value: value // 86_400_000_000)),
    "moment": (pa.timestamp("us"), MICROSECONDS),
    "moment_utc": (pa.timestamp("us", "UTC"), MICROSECONDS),
    "json": (pa.string(), st.sampled_from(["{}", "[1, 2.50]", '"é\\n"', "-0.0", "null"])),
}
ROWS = st.lists(st.tuples(*(st.none() | values for _, values in KINDS.values())), max_size=20)


def batch_of(rows: list[tuple[Any, ...]], skipped: int) -> pa.RecordBatch:
    """The rows without the first `skipped`, as a slice of the arrays that hold all."""
    fields = [pa.field(name, kind, metadata=JSON_TEXT if name == "json" else None) for name, (kind, _) in KINDS.items()]
    arrays = [pa.array([row[number] for row in rows], field.type) for number, field in enumerate(fields)]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)).slice(skipped)


def float_as_json(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def moment_as_json(value: datetime) -> str:
    if not value.microsecond:
        return value.isoformat()
    return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds")


def bytes_as_json(value: bytes) -> str:
    return base64.b64encode(value).decode()


AS_JSON: dict[str, Callable[[Any], Any]] = {
    "json": json.loads,
    "binary": bytes_as_json,
    "large_binary": bytes_as_json,
    "moment": moment_as_json,
    "moment_utc": moment_as_json,
    "date": date.isoformat,
    "float64": float_as_json,
    "float32": float_as_json,
}


def as_json(name: str, value: Any) -> Any:
    """What json.loads gives for a value as Arrow's to_pylist gives it."""
    return AS_JSON[name](value) if name in AS_JSON and value is not None else value


def parsed(name: str, value: Any) -> Any:
    """A float32's shortest text is not that of the float64 that Python makes of it."""
    return np.float32(value).item() if name == "float32" and isinstance(value, float) else value


@given(rows=ROWS, skipped=st.integers(0, 3))
def test_any_batch_is_kept(rows: list[tuple[Any, ...]], skipped: int) -> None:
    batch = batch_of(rows, skipped)
    text = b"".join(bytes(piece.data) for piece in encoded(batch)).decode()
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    assert [list(line) for line in lines] == [list(KINDS)] * batch.num_rows
    got = [{name: parsed(name, value) for name, value in line.items()} for line in lines]
    assert got == [{name: as_json(name, value) for name, value in row.items()} for row in batch.to_pylist()]


@pytest.mark.parametrize("length", [*range(1, 18), 31, 32, 33, 65])
def test_a_character_to_escape_is_found_wherever_it_stands(length: int) -> None:
    values = ["x" * before + special + "é" * (length - before) for before in range(length) for special in '"\\\0\x1f\n']
    assert written("t", pa.string(), values) == values


def test_escapes_are_the_short_ones() -> None:
    text = "".join(map(chr, range(0x20))) + '"\\/\x7f'
    batch = pa.RecordBatch.from_pydict({"t": [text]})
    (piece,) = encoded(batch)
    assert bytes(piece.data).decode() == json.dumps({"t": text}, ensure_ascii=False, separators=(",", ":")) + "\n"


SPELLED = "5.0 -0.0 0.1 10000000000.0 12345678901.25 9007199254740991.0 1e+16 1.5e+300 0.000015 9.5e-6 1e-7".split()


@pytest.mark.parametrize("text", SPELLED)
def test_floats_are_spelled_as_they_always_were(text: str) -> None:
    batch = pa.RecordBatch.from_pydict({"f": [float(text), 0.5, None]})
    (piece,) = encoded(batch)
    assert bytes(piece.data).decode().splitlines() == [f'{{"f":{text}}}', '{"f":0.5}', '{"f":null}']


def test_years_that_no_calendar_has_are_written_with_a_sign() -> None:
    def shown(days: int) -> Any:
        return written("d", pa.date32(), [days])[0]

    first = (date(1, 1, 1) - date(1970, 1, 1)) // timedelta(days=1)
    last = (date(9999, 12, 31) - date(1970, 1, 1)) // timedelta(days=1)
    assert [shown(first - 1), shown(first - 367), shown(last + 1)] == ["0000-12-31", "-0001-12-31", "+10000-01-01"]


def test_a_type_that_no_reader_gives_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Column t is of type timestamp\[ns\]"):
        format_named("jsonl").encoder(pa.schema([pa.field("t", pa.timestamp("ns"))]), "t")


def test_machine_code_is_kept_in_the_folder_that_the_settings_name() -> None:
    kept = Path(write_rows.stats.cache_path)  # type: ignore[attr-defined] # Numba's
    assert kept.is_relative_to(os.environ["NUMBA_CACHE_DIR"])
    assert list(kept.glob("cells.write_rows-*.nbi"))
