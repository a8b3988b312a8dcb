"""JSON Lines: one object a row, keys in column order, every value exact.

Numbers are JSON numbers with all their digits; NaN and infinities are the strings "NaN", "Infinity", "-Infinity" (as
PostgreSQL's to_json writes them); timestamps are ISO 8601, with offset if the column has a time zone; binary is base64;
JSON text (exports/sources/base.py) is written as it stands.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import groupby

import polars as pl
import pyarrow as pa

from exports.formats.base import Piece
from exports.sources.base import JSON_TEXT

PIECE_BYTES = 128 * 1024
"""About how many bytes a piece has. A file ends between pieces, so this bounds by how much a split size is missed."""

SLICE_BYTES = 2 * 1024 * 1024
"""How much of a batch (in Arrow bytes) is encoded at once. Small enough for the cache, and for a small memory."""


class JsonLines:
    extension = "json"

    def encoder(self, schema: pa.Schema) -> Callable[[pa.RecordBatch], Iterator[Piece]]:
        plain = pa.schema([pa.field(field.name, _storage(field.type)) for field in schema])
        floats = [field.name for field in plain if pa.types.is_floating(field.type)]

        def encode(batch: pa.RecordBatch) -> Iterator[Piece]:
            arrays = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
            frame = pl.from_arrow(pa.RecordBatch.from_arrays(arrays, schema=plain), rechunk=False)
            assert isinstance(frame, pl.DataFrame)
            line = _line(schema, _not_finite(frame, floats))
            for part in frame.iter_slices(max(1, batch.num_rows * SLICE_BYTES // max(batch.nbytes, 1))):
                yield from _pieces(part.select(line).to_series())

        return encode


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _not_finite(frame: pl.DataFrame, floats: list[str]) -> frozenset[str]:
    """The columns with a NaN or an infinity, which JSON has no number for."""
    return frozenset(name for name in floats if not frame[name].is_finite().all())


def _line(schema: pa.Schema, not_finite: frozenset[str]) -> pl.Expr:
    """The expression that makes a row's line, with its newline.

    Neighbouring plain columns are encoded together, as one struct; what is spliced in as text stands between.
    """
    pieces: list[pl.Expr] = []
    for spliced, fields in groupby(schema, lambda field: _is_json(field) or field.name in not_finite):
        if spliced:
            for field in fields:
                pieces += [pl.lit(_separator(pieces) + f"{json.dumps(field.name, ensure_ascii=False)}:"), _text(field)]
        else:
            members = pl.struct([_value(field) for field in fields]).struct.json_encode()
            pieces += [pl.lit(_separator(pieces)), members.str.strip_prefix("{").str.strip_suffix("}")]
    return pl.concat_str(*pieces, pl.lit("}\n")) if pieces else pl.lit("{}\n")


def _separator(before: list[pl.Expr]) -> str:
    return "," if before else "{"


def _is_json(field: pa.Field) -> bool:
    return bool(field.metadata) and JSON_TEXT.items() <= field.metadata.items()


def _text(field: pa.Field) -> pl.Expr:
    """The JSON text of a spliced column: JSON text as it stands, or a float column's numbers and names."""
    column = pl.col(field.name)
    if _is_json(field):
        return column.fill_null("null")
    number = pl.struct(column.alias("x")).struct.json_encode().str.strip_prefix('{"x":').str.strip_suffix("}")
    return (
        pl.when(column.is_nan())
        .then(pl.lit('"NaN"'))
        .when(column == float("inf"))
        .then(pl.lit('"Infinity"'))
        .when(column == float("-inf"))
        .then(pl.lit('"-Infinity"'))
        .otherwise(number)
    )


def _value(field: pa.Field) -> pl.Expr:
    column = pl.col(field.name)
    kind = _storage(field.type)
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.bin.encode("base64")
    return column


def _pieces(lines: pl.Series) -> Iterator[Piece]:
    """Cut the lines, which lie behind one another in memory, into pieces of about PIECE_BYTES, without copying them."""
    array = lines.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets_buffer, data_buffer = array.buffers()
    if data_buffer is None or not len(array):
        return
    offsets = memoryview(offsets_buffer).cast("q")[array.offset : array.offset + len(array) + 1]
    data = memoryview(data_buffer)
    row = 0
    while row < len(array):
        end = max(row + 1, bisect_right(offsets, offsets[row] + PIECE_BYTES) - 1)
        yield Piece(data[offsets[row] : offsets[end]], end - row)
        row = end
