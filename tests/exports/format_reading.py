"""Files of every format, and readers of them that share nothing with what wrote them. Each gives rows as {column: value}."""

import base64
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from exports.formats import format_named

Rows = list[dict[str, Any]]


def written(name: str, batches: Iterable[pa.RecordBatch], table: str = "t") -> bytes:
    """All rows as one file of the format."""
    batches = list(batches)
    encoder = format_named(name).encoder(batches[0].schema, table)
    writer, out = encoder.writer(), bytearray()
    for batch in batches:
        for piece in encoder.pieces(batch):
            out += b"".join(map(bytes, writer.write(piece)))
    return bytes(out + b"".join(map(bytes, writer.end())))


def read_csv(data: bytes) -> Rows:
    options = "all_varchar=true, header=true, delim=',', quote='\"', escape='\"', new_line='\\r\\n', allow_quoted_nulls=false, max_line_size=20000000"
    return _duckdb(data, f"SELECT * FROM read_csv($path, {options})")


def read_parquet(data: bytes) -> Rows:
    return _duckdb(data, "SELECT * FROM read_parquet($path)")


def _duckdb(data: bytes, query: str) -> Rows:
    if not data:
        return []
    with tempfile.NamedTemporaryFile() as file, duckdb.connect(config={"threads": 1}) as connection:
        file.write(data)
        file.flush()
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(query, {"path": file.name})
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


READERS: dict[str, Callable[[bytes], Rows]] = {"csv-exact": read_csv, "parquet": read_parquet}


# --- A value as Python has it, however a format spells it ------------------------------------------------------------
def _moment(got: Any) -> datetime:
    return got if isinstance(got, datetime) else datetime.fromisoformat(got)


BACK: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "boolean": lambda got: got if isinstance(got, bool) else {"true": True, "false": False}[str(got)],
    "float": lambda got: float(str(got).replace("Infinity", "inf")),
    "real": lambda got: np.float32(str(got).replace("Infinity", "inf")).item(),
    "text": lambda got: got,
    "bytes": lambda got: got if isinstance(got, bytes) else base64.b64decode(got, validate=True),
    "moment": lambda got: _moment(got).replace(tzinfo=None),
    "moment-utc": lambda got: _moment(got).astimezone(UTC) if _moment(got).tzinfo else _moment(got).replace(tzinfo=UTC),
    "decimal": lambda got: got if isinstance(got, Decimal) else Decimal(str(got)),
    "date": lambda got: got.date() if isinstance(got, datetime) else got if isinstance(got, date) else date.fromisoformat(got),
}


def back(kind: str, got: Any) -> Any:
    return None if got is None else BACK[kind](got)


def same(got: Any, wanted: Any) -> bool:
    """Floats by their bits, NaN too."""
    return repr(got) == repr(wanted) if isinstance(wanted, float) else bool(got == wanted)
