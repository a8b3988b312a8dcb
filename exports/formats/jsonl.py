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

_WIDTHS = (
    (pa.int16(), 2),
    (pa.int32(), 4),
    (pa.date32(), 4),
    (pa.string(), 4),
    (pa.binary(), 4),
)
"""How many bytes a value or an offset takes, where that is not 8."""


@dataclass(frozen=True, slots=True)
class _Column:
    """name: the bytes of its JSON, with the comma before it and the colon behind it. narrow: what is widened to int64 before.

    width: the bytes that a value or an offset takes.
    """

    name: np.ndarray[Any, np.dtype[np.uint8]]
    kind: Kind
    width: int
    narrow: bool


def _encoder(schema: pa.Schema, table: str) -> Encoder:
    columns = [_column(field, "," if number else "") for number, field in enumerate(schema)]
    return Encoder(lambda batch, size: _encode(batch, columns, size), Framed)


FORMATS = {"jsonl": Format("json", _encoder)}


def _column(field: pa.Field, comma: str) -> _Column:
    name = np.frombuffer(f"{comma}{json.dumps(field.name, ensure_ascii=False)}:".encode(), np.uint8)
    stored = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    kind = Kind.JSON if is_json(field) else _kind(field.name, stored)
    width = next((size for type_, size in _WIDTHS if type_ == stored), 4 if kind is Kind.NUMBER else 8)
    return _Column(name, kind, width, kind is Kind.INTEGER and width == 8 and stored != pa.int64())


def _kind(name: str, stored: pa.DataType) -> Kind:
    for is_such, kind in _KINDS:
        if is_such(stored):
            return kind
    raise TypeError(f"Column {name} is of type {stored}, which exports.sources.base does not name.")


def _encode(batch: pa.RecordBatch, columns: list[_Column], piece_bytes: int) -> Iterator[Piece]:
    """Write all rows into one block of memory, and cut that into pieces without copying them."""
    arrays = [_laid_out(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    table, size = [], batch.num_rows * len("{}\n")
    for array, column in zip(arrays, columns, strict=True):
        row, longest = _described(array, column)
        size += longest + batch.num_rows * len(column.name)
        table.append(row)
    out, ends = np.empty(size, np.uint8), np.empty(batch.num_rows, np.int64)
    write_rows(np.array(table, np.int64).reshape(-1, len(COLUMN)), out.ctypes.data, ends)
    return pieces_of(out.data, ends.data, piece_bytes)


def _laid_out(array: pa.Array, column: _Column) -> pa.Array:
    """The array as exports.formats.cells reads it: values as wide as the column says, floats as texts."""
    stored = array.storage if isinstance(array, pa.ExtensionArray) else array
    if column.kind is Kind.NUMBER:
        return float_texts(stored)
    return pc.cast(stored, pa.int64()) if column.narrow else stored


def _described(array: pa.Array, column: _Column) -> tuple[tuple[int, ...], int]:
    """The column's row of the table (see COLUMN), and how many bytes its cells take at most."""
    validity, values, *rest = array.buffers()
    data = rest[0].address if rest and rest[0] else 0
    kind, longest = column.kind, _LONGEST.get(column.kind)
    if longest is None:
        start, end = _span(array, column.width, values, data)
        kind, most = _measured(kind, data + start, data + end, len(array))
    else:
        most = len(array) * longest
    addresses = (validity.address if validity and array.null_count else 0, values.address if values else 0, data)
    return (kind, *addresses, array.offset, column.name.ctypes.data, len(column.name), column.width), most


def _span(array: pa.Array, width: int, offsets: pa.Buffer | None, data: int) -> tuple[int, int]:
    """Where the first byte of the cells is, and the one behind the last."""
    if not len(array) or not data or not offsets:
        return 0, 0
    ends = memoryview(offsets).cast("q" if width == 8 else "i")
    return ends[array.offset], ends[array.offset + len(array)]


def _measured(kind: Kind, start: int, end: int, cells: int) -> tuple[Kind, int]:
    """The kind, more exactly if the text must be escaped, and how many bytes the cells that lie there take at most."""
    quotes = cells * len("null")  # or two quotes, or `.0`
    if kind is Kind.BINARY:
        return kind, quotes + cells * 4 + (end - start) * 4 // 3
    specials = count_specials(start, end) if kind is Kind.TEXT else 0
    return (Kind.ESCAPED_TEXT if specials else kind), quotes + end - start + specials * len(r"u0000")
