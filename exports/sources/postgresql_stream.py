"""A connection that gives the rows of a query as Arrow batches: a binary COPY, read by compiled loops."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import pq

from exports.sources.base import MixedColumn
from exports.sources.postgresql_loop import BITS, BYTES, FAILED, INT16, INT32, INT64, JSONB, UNFIT, fill, free, gather

BATCH_BYTES = 3_000_000
BATCH_ROWS = 32_768
_ALIGNED = 64
"""Where buffers begin, as Arrow wants it."""

_EPOCH_DAYS = 10_957
"""From 1970-01-01 to 2000-01-01, from which PostgreSQL counts days and microseconds."""


_DATE, _MOMENT = (INT32, _EPOCH_DAYS), (INT64, _EPOCH_DAYS * 86_400_000_000)
_BY_OID = {
    16: (pa.bool_(), (BITS, 0)),
    21: (pa.int16(), (INT16, 0)),
    23: (pa.int32(), (INT32, 0)),
    20: (pa.int64(), (INT64, 0)),
    700: (pa.float32(), (INT32, 0)),
    701: (pa.float64(), (INT64, 0)),
    **dict.fromkeys((25, 1042, 1043), (pa.string(), (BYTES, 0))),  # text, bpchar, varchar
    3802: (pa.string(), (JSONB, 0)),
    17: (pa.binary(), (BYTES, 0)),
    1082: (pa.date32(), _DATE),
    1114: (pa.timestamp("us"), _MOMENT),
    1184: (pa.timestamp("us", tz="UTC"), _MOMENT),
}
"""By the number that every PostgreSQL has for a built-in type (pg_type.dat): Arrow's type; the loop's kind, and what it adds to a value."""

_WIDTHS = np.array([0, 2, 4, 8, 4, 4], np.int64)
"""By kind, the bytes of a value, or of where one ends."""

_Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Stream:
    """One query at a time. Any thread may cancel it. Raises psycopg.Error; a COPY that was not read to its end cannot be gone on with."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def query(self, statement: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows as batches of `schema`. Raises MixedColumn if the query gives other types than those."""
        forms = self._forms(statement, schema)
        self._begin(f"COPY ({statement}) TO STDOUT (FORMAT BINARY)")
        return self._batches(schema, forms)

    @property
    def _address(self) -> int:
        """Of libpq's connection, for compiled code."""
        connection: Any = self._connection.pgconn  # psycopg's protocol of it leaves this out
        return int(connection.pgconn_ptr)

    def cancel(self) -> None:
        self._connection.cancel_safe(timeout=1)

    def close(self) -> None:
        self._connection.close()

    def _forms(self, statement: str, schema: pa.Schema) -> _Numbers:
        """What the server says of the query's types; from here on its transaction lets nobody change them."""
        connection = self._connection.pgconn
        self._done(connection.prepare(b"", statement.encode()))
        said = self._done(connection.describe_prepared(b""))
        found = [_BY_OID.get(said.ftype(place), (None, None)) for place in range(said.nfields)]
        for field, (kind, _) in zip(schema, found, strict=True):
            if kind != field.type:
                raise MixedColumn(f"Column {field.name} came as {kind or 'another type'} instead of {field.type}.")
        return np.array([form for _, form in found], np.int64).reshape(-1, 2)

    def _begin(self, statement: str) -> None:
        self._done(self._connection.pgconn.exec_(statement.encode()))

    def _done(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
        return result

    def _batches(self, schema: pa.Schema, forms: _Numbers) -> Iterator[pa.RecordBatch]:
        rows, fields = np.empty((2, BATCH_ROWS), np.int64)
        first, outcome = True, 0
        while outcome == 0:
            sizes, nulls = np.zeros((2, len(forms)), np.int64)
            count, outcome = gather(self._address, first, BATCH_BYTES, rows, fields, sizes, nulls)
            first = False
            if outcome in {FAILED, UNFIT}:
                free(rows, count)
                raise self._failure(outcome)
            if count:
                yield _batch(schema, forms, (rows, fields, count), sizes, nulls)
        self._end()

    def _failure(self, outcome: int) -> Exception:
        if outcome == UNFIT:
            return MixedColumn("A row came with other columns than the query has.")
        return psycopg.OperationalError(self._connection.pgconn.get_error_message())

    def _end(self) -> None:
        """What the server says behind the last row: that it is done, or why it broke off."""
        while (result := self._connection.pgconn.get_result()) is not None:
            self._done(result)


def _batch(
    schema: pa.Schema, forms: _Numbers, gathered: tuple[_Numbers, _Numbers, int], sizes: _Numbers, nulls: _Numbers
) -> pa.RecordBatch:
    """All buffers of the batch lie in one piece of memory: of every column the values or offsets, then the bytes, then the validity."""
    rows, fields, count = gathered
    kinds, bits = forms[:, 0], -(-count // 8)
    values = np.where(kinds == BITS, bits, _WIDTHS[kinds] * (count + (kinds >= BYTES)))
    parts = np.stack([values, sizes * (kinds >= BYTES), bits * (nulls > 0)])
    room = (parts + _ALIGNED - 1) // _ALIGNED * _ALIGNED
    starts = (np.cumsum(room) - room.ravel()).reshape(room.shape)
    try:
        block = np.zeros(room.sum(), np.uint8)
    except MemoryError:
        free(rows, count)
        raise
    addresses = np.where(parts, starts + block.ctypes.data, 0)
    unfit = fill(rows, fields, count, np.stack([kinds, *addresses, forms[:, 1]], axis=1))
    if unfit >= 0:
        raise MixedColumn(f"Column {schema[unfit].name} came with a value of another size than its type has.")
    memory = pa.py_buffer(block)
    cut = [[memory.slice(*place) for place in zip(*each, strict=True)] for each in zip(starts.T.tolist(), parts.T.tolist(), strict=True)]
    arrays = [
        pa.Array.from_buffers(field.type, count, [validity if null else None, values, data][: 3 if kind >= BYTES else 2], null)
        for field, kind, null, (values, data, validity) in zip(schema, kinds.tolist(), nulls.tolist(), cut, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
