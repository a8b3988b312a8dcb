"""What a file format is: it turns record batches (exports/sources/base.py) into pieces, and pieces into files.

Pieces are made by one thread, ahead of the thread that zips and seals; that one writes them into a file until the split
size would be exceeded, and goes on with the next file. So pieces hold whole rows, and a file may end after any piece.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

Buffer = bytes | memoryview

PIECE_BYTES = 512 * 1024
"""About how many bytes a piece has at most: each costs a call of every stage. A file ends between pieces, so small files want smaller ones."""


class FormatError(Exception):
    """The format cannot hold what the dataset has. The text is one sentence for the job's owner."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole rows: their bytes, or a record batch for a format whose writer encodes it."""

    data: Any
    rows: int


class Writer(Protocol):
    """One file in the making: each call gives the bytes that are ready to go into it."""

    def write(self, piece: Piece) -> Iterator[Buffer]: ...

    def flush(self) -> Iterator[Buffer]:
        """What waits for more rows, so that `most` can tell more exactly."""

    def end(self) -> Iterator[Buffer]:
        """What is left. No call follows."""

    def most(self, piece: Piece) -> float:
        """How many bytes there are at most still to come, from now on, if this is the last piece; infinite if the file cannot hold it."""


@dataclass(frozen=True)
class Encoder:
    """A table's rows as pieces, and what writes them: `cut` gives those of a batch, of about so many bytes each; `writer` begins a file."""

    cut: Callable[[pa.RecordBatch, int], Iterator[Piece]]
    writer: Callable[[], Writer]

    def pieces(self, batch: pa.RecordBatch, size: int = PIECE_BYTES) -> Iterator[Piece]:
        return self.cut(batch, size)


@dataclass(frozen=True)
class Format:
    """extension: of the file inside the zip, without a dot. packed: its bytes are compressed already.

    encoder: made once a part, from the schema of its batches and the name of their table. Raises FormatError.
    """

    extension: str
    encoder: Callable[[pa.Schema, str], Encoder]
    packed: bool = False


class Framed:
    """A file of text: what stands before the rows, the rows, what stands behind them."""

    def __init__(self, start: bytes = b"", end: bytes = b"") -> None:
        self._start, self._end = start, end

    def write(self, piece: Piece) -> Iterator[Buffer]:
        if self._start:
            yield self._start
            self._start = b""
        yield piece.data

    def flush(self) -> Iterator[Buffer]:
        return iter(())

    def end(self) -> Iterator[Buffer]:
        if self._start or self._end:
            yield self._start + self._end

    def most(self, piece: Piece) -> float:
        return len(self._start) + len(piece.data) + len(self._end)


def pieces_of(data: memoryview, ends: memoryview, size: int) -> Iterator[Piece]:
    """Rows that lie one after another, as pieces of about `size` bytes. `ends`: where each row ends."""
    row = start = 0
    while row < len(ends):
        upto = max(row + 1, bisect_right(ends, start + size))
        yield Piece(data[start : ends[upto - 1]], upto - row)
        row, start = upto, ends[upto - 1]
