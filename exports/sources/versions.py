"""What changes whenever a row does: how a row that was read is told from what has become of it.

PostgreSQL numbers the transactions that write a row (xmin), and that number is the version: int64. An update to the same values is
a change too. Every other database's version is a digest of the whole row, binary(16): of all columns of the table, also of those
that a selection leaves out, in the catalogue's order. Reader and writer fetch a row with the same expressions, so that the driver
gives both the same objects; an object's type counts, so 1, 1.0, '1', b'1' and NULL all differ.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

import pyarrow as pa

from exports.sources.base import VERSION, SourceError

BYTES = 16
DIGEST = pa.field(VERSION, pa.binary(BYTES), nullable=False)
NUMBER = pa.field(VERSION, pa.int64(), nullable=False)

_SPELLED = {type(None), bool, int, float, str, bytes, Decimal, date, datetime, time, timedelta, UUID}
"""Types whose values differ where their repr does, and only there."""


def digest(row: Sequence[Any]) -> bytes:
    """The version of a row of driver values, 16 bytes. Raises SourceError for a value that says nothing reliable of itself."""
    if not _SPELLED.issuperset(map(type, row)):
        strange = next(type(value).__name__ for value in row if type(value) not in _SPELLED)
        raise SourceError(f"A column holds values of type {strange}, of which it cannot be said whether they have changed.")
    return blake2b(repr(tuple(row)).encode(), digest_size=BYTES).digest()


def versioned(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """From a whole row to its columns at `places`, and the version behind them."""
    return lambda row: (*[row[place] for place in places], digest(row))
