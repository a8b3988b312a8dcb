"""JSON Lines: one object a row, keys in column order, every value exact.

Numbers are JSON numbers with all their digits; NaN and infinities are the strings "NaN", "Infinity", "-Infinity" (as
PostgreSQL's to_json writes them); timestamps are ISO 8601, with offset if the column has a time zone; binary is base64;
JSON text (exports/sources/base.py) is written as it stands.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.formats.base import Encoder, Format, Framed, Piece, pieces_of
from exports.formats.cells import COLUMN, Kind, count_specials, write_rows
from exports.formats.floats import float_texts
from exports.sources.base import is_json

_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (pa.types.is_uint64, Kind.UNSIGNED),
    (pa.types.is_integer, Kind.INTEGER),
    (pa.types.is_boolean, Kind.BOOLEAN),
    (pa.types.is_date32, Kind.DATE),
    (pa.timestamp("us").equals, Kind.MOMENT),
    (pa.timestamp("us", "UTC").equals, Kind.MOMENT_UTC),
    (pa.types.is_float32, Kind.NUMBER),
    (pa.types.is_float64, Kind.NUMBER),
    (pa.types.is_string, Kind.TEXT),
    (pa.types.is_large_string, Kind.TEXT),
    (pa.types.is_binary, Kind.BINARY),
    (pa.types.is_large_binary, Kind.BINARY),
)
_LONGEST = {
    Kind.UNSIGNED: len("18446744073709551615"),
    Kind.INTEGER: len("-9223372036854775808"),
    Kind.BOOLEAN: len("false"),
    Kind.DATE: len('"-5877641-06-23"'),
    Kind.MOMENT: len('"-290308-12-21T19:59:05.224192"'),
    Kind.MOMENT_UTC: len('"-290308-12-21T19:59:05.224192+00:00"'),
}

_LAYOUTS = {
    Kind.INTEGER: pa.int64(),
    Kind.DATE: pa.int64(),
    Kind.JSON: pa.large_string(),
    Kind.NUMBER: pa.large_string(),
    Kind.TEXT: pa.large_string(),
    Kind.BINARY: pa.large_binary(),
}


@dataclass(frozen=True, slots=True)
class _Column:
    """name: the bytes of its JSON, with the comma before it and the colon behind it."""

    name: np.ndarray[Any, np.dtype[np.uint8]]
    kind: Kind


def _encoder(schema: pa.Schema, table: str) -> Encoder:
    columns = [_column(field, "," if number else "") for number, field in enumerate(schema)]
    return Encoder(lambda batch: _encode(batch, columns), Framed)


FORMATS = {"jsonl": Format("json", _encoder)}


def _column(field: pa.Field, comma: str) -> _Column:
    name = f"{comma}{json.dumps(field.name, ensure_ascii=False)}:".encode()
    return _Column(np.frombuffer(name, np.uint8), Kind.JSON if is_json(field) else _kind(field))


def _kind(field: pa.Field) -> Kind:
    stored = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    for is_such, kind in _KINDS:
        if is_such(stored):
            return kind
    raise TypeError(f"Column {field.name} is of type {stored}, which exports.sources.base does not name.")


def _laid_out(array: pa.Array, kind: Kind) -> pa.Array:
    """The array with 8 bytes a value, or a bit, or with offsets of 8 bytes, as exports.formats.cells reads it."""
    stored = array.storage if isinstance(array, pa.ExtensionArray) else array
    if kind is Kind.NUMBER:
        stored = float_texts(stored)
    if kind is Kind.DATE:
        stored = stored.view(pa.int32())
    layout = _LAYOUTS.get(kind)
    return pc.cast(stored, layout) if layout else stored


def _encode(batch: pa.RecordBatch, columns: list[_Column]) -> Iterator[Piece]:
    """Write all rows into one piece of memory, and cut that into pieces without copying them."""
    arrays = [_laid_out(array, column.kind) for array, column in zip(batch.columns, columns, strict=True)]
    table = np.zeros((len(columns), len(COLUMN)), np.int64)
    size = batch.num_rows * (len("{}\n") + sum(len(column.name) for column in columns))
    for row, column, array in zip(table, columns, arrays, strict=True):
        kind, longest = _measure(column.kind, array)
        size += longest
        row[:] = (kind, *_addresses(array), array.offset, column.name.ctypes.data, len(column.name))
    out, ends = np.empty(size, np.uint8), np.empty(batch.num_rows, np.int64)
    write_rows(table, out.ctypes.data, ends)
    return pieces_of(out.data, ends.data)


def _addresses(array: pa.Array) -> tuple[int, int, int]:
    """Of validity (0 if there is no null), of values or offsets, and of the bytes that offsets point into."""
    buffers = [buffer.address if buffer else 0 for buffer in array.buffers()]
    return (buffers[0] if array.null_count else 0), buffers[1], (buffers[2] if len(buffers) > 2 else 0)


def _measure(kind: Kind, array: pa.Array) -> tuple[Kind, int]:
    """The kind, more exactly if the text need not be escaped or must be, and how many bytes the cells take at most."""
    if kind in _LONGEST:
        return kind, len(array) * _LONGEST[kind]
    start, end = _span(array)
    quotes = len(array) * len("null")  # or two quotes, or `.0`
    if kind is Kind.BINARY:
        return kind, quotes + len(array) * 4 + (end - start) * 4 // 3
    specials = count_specials(start, end) if kind is Kind.TEXT else 0
    return (Kind.ESCAPED_TEXT if specials else kind), quotes + end - start + specials * len(r"u0000")


def _span(array: pa.Array) -> tuple[int, int]:
    """The addresses of the first byte of the cells and of the one behind the last."""
    _, offsets, data = array.buffers()
    if not len(array) or not data:
        return 0, 0
    ends = memoryview(offsets).cast("q")
    return data.address + ends[array.offset], data.address + ends[array.offset + len(array)]
