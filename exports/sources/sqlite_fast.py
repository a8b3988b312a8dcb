"""SQLite's rows as Arrow's columns, by the compiled loop. A column has one type, and what does not fit it is a MixedColumn."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.sources.arrow import empty_batch, quote_specials
from exports.sources.base import MixedColumn, SourceError
from exports.sources.json_check import are_json
from exports.sources.sqlite_library import DONE, ROW, Statement
from exports.sources.sqlite_loop import BLOB, LIMIT, NULL, REAL, ROOM, TEXT, UNFIT, WHOLE, fill
from exports.sources.sqlite_types import ARROW, Stored, field_of

BATCH_BYTES = 4_000_000
BATCH_ROWS = 4_096
_NEWLINE, _RETURN, _SPACE = b"\n\r "
_CELL_BYTES = 9  # of the two buffers that every cell has a place in

# How the cells of a column are read, by SQLite's storage class. A class that is not named does not fit.
_READS = {
    Stored.INTEGER: {WHOLE: WHOLE},
    Stored.REAL: {REAL: REAL},
    Stored.TEXT: {TEXT: TEXT},
    Stored.BLOB: {BLOB: BLOB},
    Stored.NUMBER: {WHOLE: WHOLE, REAL: REAL},
    Stored.JSON: {WHOLE: TEXT, TEXT: TEXT},
    Stored.MIXED: {},
}


class Rows:
    """What the loop fills, again and again: see sqlite_loop.fill. What becomes of it in Arrow is a copy."""

    def __init__(self, columns: int) -> None:
        rows = max(1, min(BATCH_ROWS, BATCH_BYTES // (_CELL_BYTES * columns)))
        self.count = 0
        self.kinds = np.empty((columns, rows), np.uint8)
        self.cells = np.zeros((columns, rows + 1), np.int64)
        self.usual = 2 * BATCH_BYTES // columns
        self.bytes = [np.empty(self.usual, np.uint8) for _ in range(columns)]

    def fill(self, statement: Statement, waiting: bool, reads: Any) -> tuple[int, int, int]:
        """(outcome, column, size of the cell), as sqlite_loop.fill says."""
        data, room = np.array([(buffer.ctypes.data, len(buffer)) for buffer in self.bytes], np.int64).T
        reals = self.cells.view(np.float64)
        self.count, *end = fill(statement.address, waiting, reads, self.kinds, self.cells, reals, data, room, BATCH_BYTES)
        return tuple(end)

    def grow(self, column: int, size: int) -> None:
        """Make room for more in the column, at least for a cell of that size."""
        self.bytes[column] = np.empty(max(size, min(2 * len(self.bytes[column]), BATCH_BYTES)), np.uint8)

    def shrink(self) -> None:
        """Give back what a long value has taken, and everything if many columns have grown one after the other."""
        most = BATCH_BYTES if sum(map(len, self.bytes)) <= 8 * BATCH_BYTES else self.usual
        self.bytes = [buffer if len(buffer) <= most else np.empty(self.usual, np.uint8) for buffer in self.bytes]

    def column(self, place: int, name: str, store: Stored) -> pa.Array:
        """Raises SourceError for text that is not UTF-8, MixedColumn for a document that may be no JSON."""
        kinds, values = self.kinds[place, : self.count], self.cells[place, 1 : self.count + 1]
        if store is Stored.NUMBER:
            return _number(values, kinds)
        if store in {Stored.INTEGER, Stored.REAL}:
            return pa.Array.from_buffers(ARROW[store], self.count, [_validity(kinds), pa.py_buffer(values.copy())])
        ends = self.cells[place, : self.count + 1].astype(np.int32)
        data = self.bytes[place][: ends[-1]].copy()
        if store is not Stored.BLOB and not _is_utf8(data, ends):
            raise SourceError(f"Column {name} holds text that is not valid UTF-8.")
        if store is Stored.JSON:
            if not are_json(data, ends, kinds != NULL):
                raise MixedColumn(f"Column {name} is declared JSON but holds text that is not JSON.")
            data[(data == _RETURN) | (data == _NEWLINE)] = _SPACE  # they can only stand between tokens
        return pa.Array.from_buffers(ARROW.get(store, pa.string()), self.count, [_validity(kinds), pa.py_buffer(ends), pa.py_buffer(data)])


def batches(statement: Statement, fields: Sequence[tuple[str, Stored]]) -> Iterator[pa.RecordBatch]:
    """The statement's rows in batches of about BATCH_BYTES; at least one batch.

    Raises MixedColumn, SourceError, and sqlite3.OperationalError with what SQLite says.
    """
    schema = pa.schema([field_of(name, store) for name, store in fields])
    sent = False
    for rows in _pieces(statement, fields):
        sent = True
        yield pa.RecordBatch.from_arrays([rows.column(place, *field) for place, field in enumerate(fields)], schema=schema)
    if not sent:
        yield empty_batch(schema)


def _pieces(statement: Statement, fields: Sequence[tuple[str, Stored]]) -> Iterator[Rows]:
    """A row that is longer than BATCH_BYTES is a piece by itself."""
    reads, rows = _table([store for _, store in fields]), Rows(len(fields))
    outcome, column, size = ROW, 0, 0
    while outcome != DONE:
        if outcome == ROOM:
            rows.grow(column, size)
        outcome, column, size = rows.fill(statement, outcome in {LIMIT, ROOM}, reads)
        if outcome == UNFIT:
            raise MixedColumn(f"Column {fields[column][0]} holds values of different types.")
        if outcome not in {ROW, DONE, LIMIT, ROOM}:
            raise statement.failure()
        if rows.count:  # until then the row needs all the room that it was given
            yield rows
            rows.shrink()


def _table(stores: Sequence[Stored]) -> Any:
    """[column, storage class]: how the loop reads such a cell."""
    rows = [[{NULL: NULL, **_READS[store]}.get(kind, UNFIT) for kind in range(NULL + 1)] for store in stores]
    return np.array(rows, np.uint8)


def _is_utf8(data: Any, ends: Any) -> bool:
    """All texts at once: together they are UTF-8, and none begins in the middle of a character."""
    if not len(data) or data.max() < 0x80:  # ASCII, as most columns are
        return True
    together = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(ends[[0, -1]]), pa.py_buffer(data)])
    try:
        together.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return not (data[ends[:-1][ends[:-1] < len(data)]] & 0xC0 == 0x80).any()


def _validity(kinds: Any) -> pa.Buffer | None:
    valid = kinds != NULL
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _number(values: Any, kinds: Any) -> pa.Array:
    """Integers and floats as the text of JSON numbers; a float's is the shortest that gives the same float back."""
    whole = pa.array(values, mask=kinds != WHOLE)
    real = pa.array(values.view(np.float64), mask=kinds != REAL)
    return pc.coalesce(pc.cast(whole, pa.string()), quote_specials(pc.cast(real, pa.string())))
