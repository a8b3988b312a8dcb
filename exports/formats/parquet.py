"""Parquet, compressed with zstd, every column of the exact type.

| column | Parquet |
|---|---|
| decimals with up to 38 digits by the catalogue | DECIMAL (decimal128) |
| other decimals; dates and timestamps that no calendar has | the text that JSON Lines has |
| JSON documents, SQLite's columns of several types | the JSON text, annotated as JSON |
| timestamps | microseconds, adjusted to UTC if the column has a time zone |

Decimals of more than 38 digits are text because readers take Parquet's for floats (DuckDB) or refuse them (Spark).
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exports.formats.base import Buffer, Encoder, Format, Piece
from exports.sources.base import MixedColumn, digits_of, is_json, is_number

ROW_GROUP_BYTES = 8_000_000
"""How much a row group has at most, as Arrow holds it; a larger row has one of its own."""

_DIGITS = 38


def _encoder(schema: pa.Schema, table: str) -> Encoder:
    target = pa.schema([pa.field(field.name, _type(field)) for field in schema])
    columns = list(zip(schema, target, strict=True))

    def pieces(batch: pa.RecordBatch, size: int) -> Iterator[Piece]:
        arrays = [_column(array, *fields) for array, fields in zip(batch.columns, columns, strict=True)]
        return _cut(pa.RecordBatch.from_arrays(arrays, schema=target), size)

    return Encoder(pieces, lambda: _File(target))


def _type(field: pa.Field) -> pa.DataType:
    if is_number(field):
        digits = digits_of(field)
        return pa.decimal128(*digits) if digits and digits[0] <= _DIGITS else pa.string()
    if is_json(field):
        return pa.json_(pa.string())
    return field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type


def _column(array: pa.Array, source: pa.Field, target: pa.Field) -> pa.Array:
    """Raises MixedColumn where a decimal is NaN, or not as the catalogue says: then its part is read with decimals as text."""
    stored = array.storage if isinstance(array, pa.ExtensionArray) else array
    if pa.types.is_decimal(target.type):
        try:
            return pc.cast(stored, target.type)
        except pa.ArrowInvalid:
            raise MixedColumn(f"Column {source.name} holds a number that is no {target.type}.") from None
    if is_number(source):
        return pc.utf8_trim(stored, '"')
    return pa.ExtensionArray.from_storage(target.type, stored) if is_json(source) else stored


def _cut(batch: pa.RecordBatch, size: int) -> Iterator[Piece]:
    """Halves of halves, until each has about `size` bytes or one row."""
    if batch.nbytes <= size or batch.num_rows == 1:
        if batch.num_rows:
            yield Piece(batch, batch.num_rows)
        return
    half = batch.num_rows // 2
    yield from _cut(batch.slice(0, half), size)
    yield from _cut(batch.slice(half), size)


class _Sink:
    """Where Parquet's writer writes: the bytes are taken from here."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> list[bytes]:
        taken, self._chunks = self._chunks, []
        return taken

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open here."""


class _File:
    """Gathers pieces into row groups. The footer with the places of all row groups comes last."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema, self._sink = schema, _Sink()
        self._file = pa.PythonFile(self._sink, "w")
        # Without texts, whose extremes may be long: what the file still needs at its end stays known.
        known = [field.name for field in schema if not _is_long(field.type)]
        self._writer = pq.ParquetWriter(self._file, schema, compression="zstd", write_statistics=known, store_schema=False)
        self._waiting: list[pa.RecordBatch] = []
        self._size = self._groups = 0
        self._group = sum(_CHUNK_BYTES + len(_path(field)) for field in schema)
        self._footer = _FOOTER_BYTES + sum(_FIELD_BYTES + len(_path(field)) for field in schema)

    def write(self, piece: Piece) -> Iterator[Buffer]:
        if self._waiting and self._size + piece.data.nbytes > ROW_GROUP_BYTES:
            yield from self.flush()
        self._waiting.append(piece.data)
        self._size += piece.data.nbytes

    def flush(self) -> Iterator[Buffer]:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting, self._schema).combine_chunks()
            self._writer.write_table(table, row_group_size=len(table))
            self._waiting, self._size, self._groups = [], 0, self._groups + 1
        yield from self._sink.take()

    def end(self) -> Iterator[Buffer]:
        yield from self.flush()
        self._writer.close()
        self._file.close()
        yield from self._sink.take()

    def most(self, piece: Piece) -> float:
        rows = sum(len(batch) for batch in self._waiting) + piece.rows
        return _most(self._size + piece.data.nbytes, rows, len(self._schema)) + self._footer + (self._groups + 2) * self._group


_FOOTER_BYTES, _FIELD_BYTES, _CHUNK_BYTES = 1024, 128, 320


def _is_long(kind: pa.DataType) -> bool:
    stored = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return any(is_such(stored) for is_such in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary))


def _path(field: pa.Field) -> bytes:
    encoded: bytes = field.name.encode()
    return encoded


def _most(size: int, rows: int, columns: int) -> int:
    """Of a row group of so many bytes as Arrow: its values, an index into a dictionary each, pages that do not shrink."""
    return size + size // 50 + rows * columns * 4 + columns * 1024


FORMATS = {"parquet": Format("parquet", _encoder, packed=True)}
