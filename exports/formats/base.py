"""What a file format is: it turns record batches (exports/sources/base.py) into pieces of a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

Buffer = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole rows of a file: never cut, so that a file may end after any piece."""

    data: Buffer
    rows: int


class Format(Protocol):
    """extension: of the file inside the zip, without a dot. encoder: made once a table, from its schema."""

    extension: str

    def encoder(self, schema: pa.Schema) -> "Callable[[pa.RecordBatch], Iterator[Piece]]": ...
