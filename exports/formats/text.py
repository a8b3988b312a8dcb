"""Cells and rows as text, by Arrow's compiled functions: what the formats of text share (but JSON Lines, which has its own loop).

The plain text of a value is what JSON Lines writes, without JSON's quotes and escapes: see docs/formats.md.
"""

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from exports.formats.base import Piece, pieces_of
from exports.formats.floats import float_texts
from exports.sources.base import is_binary, is_json, is_number, is_text

_KNOWN = (pa.types.is_boolean, pa.types.is_integer)


def plain_texts(array: pa.Array, field: pa.Field) -> pa.LargeStringArray:
    """Each value as text; nulls stay. Raises TypeError for a type that exports.sources.base does not name."""
    kind = field.type
    if is_number(field):
        return wide(pc.utf8_trim(array, '"'))
    if is_json(field) or is_text(field):
        return wide(array)
    if is_binary(field):
        return base64_texts(array)
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return wide(pc.utf8_trim(float_texts(array), '"'))
    if kind in {pa.timestamp("us"), pa.timestamp("us", "UTC")}:
        return wide(pc.utf8_replace_slice(pc.cast(array, pa.string()), 10, 11, "T"))
    if pa.types.is_date32(kind) or any(known(kind) for known in _KNOWN):
        return pc.cast(array, pa.large_string())
    raise TypeError(f"Column {field.name} is of type {kind}, which exports.sources.base does not name.")


def wide(array: pa.Array) -> pa.LargeStringArray:
    """With offsets of 8 bytes: a batch of large cells may become longer than 2 GB as text."""
    return pc.cast(array, pa.large_string())


def base64_texts(array: pa.Array) -> pa.LargeStringArray:
    return _from_polars(_binary(array).bin.encode("base64"))


def base16_texts(array: pa.Array) -> pa.LargeStringArray:
    return _from_polars(_binary(array).bin.encode("hex"))


def _binary(array: pa.Array) -> pl.Series:
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series


def _from_polars(series: pl.Series) -> pa.LargeStringArray:
    return wide(series.to_arrow())


def text(constant: str) -> pa.LargeStringScalar:
    return pa.scalar(constant, pa.large_string())


def joined(*parts: pa.LargeStringArray | pa.LargeStringScalar, null: str | None = None) -> pa.LargeStringArray:
    """The parts of each row one behind another. A null makes the whole a null, unless `null` says what stands for it."""
    if null is None:
        return pc.binary_join_element_wise(*parts, text(""))
    return pc.binary_join_element_wise(*parts, text(""), null_handling="replace", null_replacement=null)


def replaced(array: pa.LargeStringArray, *pairs: tuple[str, str]) -> pa.LargeStringArray:
    """Every occurrence of the first of each pair by the second, one pair after another."""
    for old, new in pairs:
        if pc.any(pc.match_substring(array, old), min_count=0).as_py():
            array = pc.replace_substring(array, old, new)
    return array


def lines(cells: Sequence[pa.LargeStringArray], between: str, start: str, end: str, null: str = "") -> pa.LargeStringArray:
    """Each row's cells as one text: `start`, cells with `between` between them, `end`."""
    rows = pc.binary_join_element_wise(*cells, text(between), null_handling="replace", null_replacement=null)
    return joined(text(start), rows, text(end))


def pieces(rows: pa.LargeStringArray, size: int) -> Iterator[Piece]:
    """The rows' bytes as they lie in memory, cut into pieces of about `size` bytes."""
    _, offsets, data = rows.buffers()
    if not len(rows):
        return iter(())
    ends = memoryview(offsets).cast("q")[rows.offset : rows.offset + len(rows) + 1]
    return pieces_of(memoryview(data)[ends[0] :], _from_zero(ends), size)


def _from_zero(ends: memoryview) -> memoryview:
    assert ends[0] == 0, "what compute functions give begins at 0"
    return ends[1:]
