"""Parquet: exact types, row groups of bounded size, and a footer that is never larger than was said."""

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.formats import format_named
from exports.formats.base import Piece
from exports.formats.parquet import ROW_GROUP_BYTES
from exports.sources.base import JSON_TEXT, MixedColumn, number_text
from tests.exports.format_reading import written
from tests.exports.test_format_jsonl import ROWS, batch_of


def column(kind: pa.DataType, values: list[Any], metadata: dict[bytes, bytes] | None = None) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, kind)], schema=pa.schema([pa.field("v", kind, metadata=metadata)]))


def opened(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(data))


def test_decimals_have_the_precision_of_the_catalogue() -> None:
    file = opened(written("parquet", [column(pa.string(), ["1.50", None], number_text((38, 10)))]))
    assert file.schema_arrow.field("v").type == pa.decimal128(38, 10)
    assert file.read()["v"].to_pylist() == [Decimal("1.50"), None]


@pytest.mark.parametrize("digits", [None, (39, 5)])
def test_decimals_that_readers_would_round_are_text(digits: tuple[int, int] | None) -> None:
    file = opened(written("parquet", [column(pa.string(), ["1.50", '"NaN"'], number_text(digits))]))
    assert file.read()["v"].to_pylist() == ["1.50", "NaN"]


@pytest.mark.parametrize("value", ['"NaN"', "123456", "0.001"])
def test_a_decimal_that_does_not_fit_asks_for_an_exact_read(value: str) -> None:
    with pytest.raises(MixedColumn, match="Column v"):
        written("parquet", [column(pa.string(), [value], number_text((5, 2)))])


def test_documents_are_annotated_as_json() -> None:
    file = opened(written("parquet", [column(pa.string(), ['{"a": 1}'], JSON_TEXT)]))
    assert file.schema.column(0).logical_type.type == "JSON"


def test_every_column_is_compressed_with_zstd() -> None:
    group = opened(written("parquet", [column(pa.string(), ["x"] * 1000)])).metadata.row_group(0)
    assert group.column(0).compression == "ZSTD"


def test_row_groups_are_bounded() -> None:
    batches = [column(pa.string(), [f"{number:07}" * 50 for number in range(9_000)])] * 8
    metadata = opened(written("parquet", batches)).metadata
    assert metadata.num_rows == 72_000
    assert [metadata.row_group(n).total_byte_size <= ROW_GROUP_BYTES * 1.1 for n in range(metadata.num_row_groups)] == [True] * 4


@settings(deadline=None, max_examples=40)
@given(rows=ROWS.filter(len), times=st.integers(1, 20), skipped=st.integers(0, 3))
def test_a_file_is_never_larger_than_was_said(rows: list[tuple[Any, ...]], times: int, skipped: int) -> None:
    batch = batch_of(rows, skipped).slice(0, 5)
    encoder = format_named("parquet").encoder(batch.schema, "t")
    writer, size = encoder.writer(), 0
    pieces = list(encoder.pieces(batch)) * times
    for piece in pieces[:-1]:
        size += _size(writer.write(piece)) + _size(writer.flush())
    if not pieces:
        return
    said = writer.most(pieces[-1])
    assert _size(writer.write(pieces[-1])) + _size(writer.end()) <= said
    assert size + said < 10**7


def _size(chunks: Any) -> int:
    return sum(len(chunk) for chunk in chunks)


def test_pieces_are_cut_down_to_one_row() -> None:
    batch = column(pa.string(), ["x" * 1_000_000, "y", "z" * 1_000_000])
    pieces: list[Piece] = list(format_named("parquet").encoder(batch.schema, "t").pieces(batch))
    assert [piece.rows for piece in pieces] == [1, 1, 1]
