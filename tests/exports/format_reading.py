"""Files of every format, and readers of them that share nothing with what wrote them. Each gives rows as {column: value}."""

import base64
import io
import os
import re
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import duckdb
import numpy as np
import openpyxl
import psycopg
import pyarrow as pa
import pymysql
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader
from pymysql.cursors import DictCursor

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


# --- XML -------------------------------------------------------------------------------------------------------------
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def read_xml(data: bytes) -> Rows:
    """Texts; of bytes, and of texts that XML cannot hold, what their base64 says."""
    if not data:
        return []
    root = ET.fromstring(data)
    assert root.tag == "rows"
    return [{_unmapped(cell.tag): _content(cell) for cell in row} for row in root]


def _unmapped(tag: str) -> str:
    return re.sub("_x([0-9A-F]{4,6})_", lambda match: chr(int(match[1], 16)), tag)


def _content(cell: ET.Element) -> str | bytes | None:
    if cell.get(_NIL) == "true":
        return None
    return base64.b64decode(cell.text or "", validate=True) if cell.get("encoding") == "base64" else cell.text or ""


# --- XLSX ------------------------------------------------------------------------------------------------------------
def read_xlsx(data: bytes) -> Rows:
    """What openpyxl reads, with long texts put together and Office Open XML's escapes undone (which Excel does itself)."""
    if not data:
        return []
    with closing(openpyxl.load_workbook(io.BytesIO(data), read_only=True)) as book:
        names, *rows = ([_unescaped(cell) for cell in row] for row in book["rows"].iter_rows(values_only=True))
    return [_whole(names, row) for row in rows]


def _unescaped(cell: Any) -> Any:
    return re.sub("_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), cell) if isinstance(cell, str) else cell


def _whole(names: list[str], row: list[Any]) -> dict[str, Any]:
    found = dict(zip(names, row + [None] * (len(names) - len(row)), strict=False))
    behind = iter(row[len(names) :])
    while name := next(behind, None):
        for _ in range(next(behind)):
            found[name] += next(behind)
    return found


# --- SQL: what the databases themselves make of it, loaded by their own clients ---------------------------------------
def _run(command: list[str], data: bytes, **environment: str) -> None:
    done = subprocess.run(command, input=data, capture_output=True, check=False, env={**os.environ, **environment})
    if done.returncode:
        raise ValueError(done.stderr.decode())


def read_sql_in_postgresql(data: bytes) -> Rows:
    schema = f"strongroom_sql_{uuid.uuid4().hex[:12]}"
    with psycopg.connect("postgresql://postgres@127.0.0.1/test", autocommit=True, row_factory=dict_row) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            psql = ["psql", "-h", "127.0.0.1", "-U", "postgres", "-d", "test", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"]
            _run(psql, data, PGOPTIONS=f"-c search_path={schema}")
            connection.execute("SET TimeZone TO 'UTC'")
            connection.adapters.register_loader("json", TextLoader)
            return connection.execute(f"SELECT * FROM {schema}.t").fetchall()
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


def read_sql_in_mariadb(data: bytes) -> Rows:
    name = f"strongroom_sql_{uuid.uuid4().hex[:12]}"
    connection = pymysql.connect(host="127.0.0.1", user="root", charset="utf8mb4", autocommit=True, cursorclass=DictCursor)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            _run(["mariadb", "-h", "127.0.0.1", "-u", "root", name], data)
            cursor.execute(f"SHOW COLUMNS FROM {name}.t")
            quoted = {f"`{column['Field']}`": column["Type"] for column in cursor.fetchall()}
            columns = [f"CAST({column} AS DOUBLE) AS {column}" if kind == "float" else column for column, kind in quoted.items()]
            cursor.execute(f"SELECT {', '.join(columns).replace('%', '%%')} FROM {name}.t")
            return list(cursor.fetchall())
        finally:
            cursor.execute(f"DROP DATABASE {name}")


def read_sql_in_sqlite(data: bytes) -> Rows:
    with tempfile.NamedTemporaryFile() as file:
        _run(["sqlite3", "-bail", file.name], data)
        with closing(sqlite3.connect(file.name)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM t")]


READERS: dict[str, tuple[str, Callable[[bytes], Rows]]] = {
    "csv-exact": ("csv-exact", read_csv),
    "parquet": ("parquet", read_parquet),
    "xlsx": ("xlsx", read_xlsx),
    "xml": ("xml", read_xml),
    "sql-postgresql": ("sql", read_sql_in_postgresql),
    "sql-mariadb": ("sql", read_sql_in_mariadb),
    "sql-sqlite": ("sql", read_sql_in_sqlite),
}
"""By the name of the case: the format, and who reads it."""


def there_and_back(case: str, batches: Iterable[pa.RecordBatch]) -> Rows:
    name, read = READERS[case]
    return read(written(name, batches))


# --- A value as Python has it, however a format spells it ------------------------------------------------------------
def _moment(got: Any) -> datetime:
    return got if isinstance(got, datetime) else datetime.fromisoformat(got)


BACK: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "boolean": lambda got: got if isinstance(got, bool) else {"true": True, "1": True, "false": False, "0": False}[str(got)],
    "float": lambda got: float(str(got).replace("Infinity", "inf")),
    "real": lambda got: np.float32(str(got).replace("Infinity", "inf")).item(),
    "text": lambda got: got.decode() if isinstance(got, bytes) else got,
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
