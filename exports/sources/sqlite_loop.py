"""A running SQLite statement's rows into buffers of columns: one compiled loop over SQLite's own functions, cell by cell.

Each cell's storage class is looked at before it is read, so no value is ever converted by SQLite without being asked to.
"""

from typing import Any

import llvmlite.binding
from numba import njit, types

from exports.sources.sqlite_library import NO_MEMORY, ROW, address

UNFIT, WHOLE, REAL, TEXT, BLOB, NULL = range(6)
"""How a cell is read. From 1 on they are SQLite's own numbers of the storage classes that are read so."""

LIMIT, ROOM = -1, -2
"""Why a row waits: it would exceed the limit of all columns' bytes, or the room of one."""

_ANY = 2**31  # more than a cell can have: a row that exceeds the limit is a batch by itself
_Address = types.intp


def _function(name: str, result: Any, *arguments: Any) -> Any:
    """SQLite's function for compiled code, which the cache on disk knows by its name: addresses differ with every process."""
    llvmlite.binding.add_symbol(f"sqlite3_{name}", address(name))
    return types.ExternalFunction(f"sqlite3_{name}", result(*arguments))


_step = _function("step", types.int32, _Address)
# A connection without a mutex has no protected values: these need one call less a cell than the functions of columns.
_cell = _function("column_value", _Address, _Address, types.int32)
_class = _function("value_type", types.int32, _Address)
_int64 = _function("value_int64", types.int64, _Address)
_double = _function("value_double", types.float64, _Address)
_text = _function("value_text", _Address, _Address)
_blob = _function("value_blob", _Address, _Address)
_size = _function("value_bytes", types.int32, _Address)
_FILL = "(int64, boolean, uint8[:, ::1], uint8[:, ::1], int64[:, ::1], float64[:, ::1], int64[:], int64[:], int64)"
_copy = types.ExternalFunction("memcpy", _Address(_Address, _Address, types.uintp))


@njit(nogil=True, cache=True)
def _take(cell: Any, kind: Any, place: Any, room: Any, left: Any) -> Any:
    """Copy a cell's bytes to the address `place`: none if it is NULL. Gives (outcome, size)."""
    if kind in (NULL, UNFIT):
        return (ROW if kind == NULL else UNFIT), 0
    found = _text(cell) if kind == TEXT else _blob(cell)
    size = _size(cell)  # after the text: a conversion to UTF-8 may change it
    if not found and (size or kind == TEXT):
        return NO_MEMORY, 0
    if size > left or size > room:
        return (LIMIT if size > left else ROOM), size
    _copy(place, found, size)
    return ROW, size


@njit(_FILL, nogil=True, cache=True)
def fill(  # noqa: PLR0917 compiled code is given arrays
    statement: Any, waiting: Any, reads: Any, kinds: Any, cells: Any, reals: Any, data: Any, room: Any, limit: Any
) -> Any:
    """Read rows until as many are read as `kinds` holds, the rows end, or one does not fit.

    waiting: whether the row under the cursor has not been read yet. reads[column, storage class]: how such a cell is read, or UNFIT.
    Written: kinds[column, row], how the cell was read; cells[column, row + 1], its integer, its float (`reals` is the same memory) or
    where its bytes end in the column's buffer, which lies at data[column] and has room[column] bytes. limit: bytes of all columns.

    Returns (rows read, outcome, column, size of the cell): outcome is ROW, LIMIT, ROOM, UNFIT or the result code of SQLite.
    """
    row = held = 0
    while row < kinds.shape[1]:
        outcome = ROW if waiting else _step(statement)
        if outcome != ROW:
            return row, outcome, -1, 0
        waiting = False
        for column in range(kinds.shape[0]):
            cell = _cell(statement, column)
            kind = kinds[column, row] = reads[column, _class(cell)]
            start, size = cells[column, row], 0
            if kind == WHOLE:
                cells[column, row + 1] = _int64(cell)
            elif kind == REAL:
                reals[column, row + 1] = _double(cell)
            else:
                left = limit - held if row else _ANY
                outcome, size = _take(cell, kind, data[column] + start, room[column] - start, left)
                if outcome != ROW:
                    return row, outcome, column, size
                cells[column, row + 1] = start + size
            held += size
        row += 1
    return row, ROW, -1, 0
