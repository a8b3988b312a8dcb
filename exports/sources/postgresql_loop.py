"""The rows of a binary COPY into Arrow's buffers: compiled loops over libpq's own functions, row by row and cell by cell.

libpq gives each row as a piece of memory: a count of fields, then of each its size (-1: NULL) and its bytes, numbers with the
most significant byte first (PostgreSQL's documentation, "COPY", Binary Format).
"""

import ctypes
import sys
from typing import Any

import llvmlite.binding
import numpy as np
from numba import types
from psycopg import pq

from exports.compiled import copy, entry, kernel, load, store

BITS, INT16, INT32, INT64, BYTES, JSONB = range(6)
"""How a column's values come, and the buffer they get: a bit, a number of that size, or bytes behind offsets (of jsonb without its version)."""

END, FAILED, UNFIT = -1, -2, -3
"""Why no more rows are gathered. The first two are libpq's own numbers; UNFIT: a row is not as its columns are."""

_WIDTHS = np.array([1, 2, 4, 8], np.int64)
_HEADER = 11 + 4 + 4  # signature, flags, size of an extension that no version has
_PAUSE, _LONGEST_PAUSE = 300, 600  # microseconds
_WAITS_NOT = 1
_Address = types.intp


def _function(name: str, result: Any, *arguments: Any) -> Any:
    """libpq's function for compiled code, which the cache on disk knows by its name: addresses differ with every process."""
    module = sys.modules[pq.PGconn.__module__].__file__  # the dynamic linker looks in what the module is linked with, too
    found = ctypes.cast(ctypes.CDLL(module)[name], ctypes.c_void_p).value
    llvmlite.binding.add_symbol(name, found)
    return types.ExternalFunction(name, result(*arguments))


_row = _function("PQgetCopyData", types.int32, _Address, _Address, types.int32)
_consume = _function("PQconsumeInput", types.int32, _Address)
_sleep: Any = types.ExternalFunction("usleep", types.int32(types.uint32))
_free = _function("PQfreemem", types.void, _Address)


_int16, _int32, _int64 = (load(kind, swapped=True) for kind in (types.int16, types.int32, types.int64))
_byte, _offset = load(types.uint8), load(types.int32)
_put8, _put16, _put32, _put64 = (store(kind) for kind in (types.uint8, types.int16, types.int32, types.int64))


@kernel
def _set_bit(address: Any, index: Any) -> None:
    at = address + (index >> 3)
    _put8(at, np.uint8(_byte(at) | (1 << (index & 7))))


@kernel
def _measured(at: Any, end: Any, sizes: Any, nulls: Any) -> Any:
    """Count in the fields of a row; whether there are as many as columns and they fill it exactly."""
    if at + 2 > end or _int16(at) != len(sizes):
        return False
    at += 2
    for column in range(len(sizes)):
        if at + 4 > end:
            return False
        size: Any = np.int64(_int32(at))
        if size < 0:
            nulls[column] += 1
            size = 0
        sizes[column] += size
        at += 4 + size
    return at == end


@kernel
def _next(connection: Any, place: Any) -> Any:
    """The size of the next row, whose address is written to `place`; END or FAILED.

    It waits a moment for more to come, not for the next byte: being woken for every 8 kB that the server sends costs both sides more.
    """
    pause = _PAUSE
    size = _row(connection, place, _WAITS_NOT)
    while size == 0:
        if not _consume(connection):
            return FAILED
        size = _row(connection, place, _WAITS_NOT)
        if size == 0:
            _sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    return size


@entry("(int64, boolean, int64, int64[:], int64[:], int64[:], int64[:])")
def gather(connection: Any, first: Any, limit: Any, rows: Any, fields: Any, sizes: Any, nulls: Any) -> Any:  # noqa: PLR0917 compiled code is given arrays
    """Take rows until they have `limit` bytes, `rows` is full, or there are no more. Free them (fill does) before the next call.

    connection: the PGconn. first: whether the stream's header stands before the first row. Written: rows, the address of each, and
    fields, that of its first field; sizes[column], the bytes of its values; nulls[column], how many of them are NULL.

    Returns (rows, outcome): 0, END, FAILED, or UNFIT for a row that has not as many fields as there are columns.
    """
    held = np.empty(1, np.int64)
    count = total = 0
    while count < len(rows) and total < limit:
        size = _next(connection, held.ctypes.data)
        if size < 0:
            return count, size
        rows[count], end = held[0], held[0] + size
        at = held[0] + (_HEADER if first else 0)
        first = False
        if size == at - held[0] + 2 and _int16(at) == -1:  # what stands behind the last row
            _free(held[0])
            continue
        fields[count] = at + 2
        count += 1
        total += size
        if not _measured(at, end, sizes, nulls):
            return count, UNFIT
    return count, 0


@kernel
def _put_bytes(offset: Any, data: Any, source: Any, size: Any) -> None:
    """Behind the bytes that end where `offset` says; size: none if negative."""
    start = np.int64(_offset(offset))
    if size > 0:
        copy(data + start, source, size)
        start += size
    _put32(offset + 4, np.int32(start))


@kernel
def _put_number(kind: Any, values: Any, row: Any, source: Any, added: Any) -> None:
    if kind == INT64:
        _put64(values + 8 * row, _int64(source) + added)
    elif kind == INT32:
        _put32(values + 4 * row, np.int32(_int32(source) + added))
    elif kind == INT16:
        _put16(values + 2 * row, _int16(source))
    elif _byte(source):
        _set_bit(values, row)


@entry("(int64[:], int64[:], int64, int64[:, ::1])")
def fill(rows: Any, fields: Any, count: Any, table: Any) -> Any:
    """Write the first `count` rows that were gathered into the columns' buffers, and free them.

    table: a column's kind; the addresses of its values or offsets, of its bytes, and of its validity (0: nothing is NULL), which
    are zeros; what is added to each value. Returns the column that holds a value of another size than its kind has, or -1.
    """
    unfit = -1
    for row in range(count):
        at = fields[row]
        for column in range(len(table)):
            size: Any = np.int64(_int32(at))
            at += 4
            kind, values, data, validity, added = table[column]
            if validity and size >= 0:
                _set_bit(validity, row)
            if kind >= BYTES:
                _put_bytes(values + 4 * row, data, at + (kind == JSONB), size - (kind == JSONB))
            elif size == _WIDTHS[kind]:
                _put_number(kind, values, row, at, added)
            elif size >= 0:
                unfit = column
            at += max(0, size)
        _free(rows[row])
    return unfit


@entry("(int64[:], int64)")
def free(rows: Any, count: Any) -> None:
    """Give back rows that are not to be filled in."""
    for row in range(count):
        _free(rows[row])
