"""SQL: one file that PostgreSQL, MariaDB (or MySQL) and SQLite load as it is: the table, unless there is one, and INSERTs.

What the three spell differently stands in comments that not all of them see:

    /*!50000 … */           MariaDB runs it, for the others it is a comment
    /* /* */ … -- */ …      PostgreSQL's comments nest, so it sees what stands behind `-- */` only; the others, what stands before

So bytes are X'00ff' for those and '\\x00ff' for this. SQLite's columns get no type, which means that it converts nothing.
A statement has about as many rows as fit into a piece, so that no server's limit for statements is near.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from exports.formats.base import Encoder, Format, Framed, Piece
from exports.formats.text import base16_texts, joined, lines, pieces, plain_texts, replaced, text
from exports.sources.base import digits_of, is_binary, is_json, is_number, is_text

_START = """\
-- For PostgreSQL (psql), MariaDB (mariadb) and SQLite (sqlite3).
/*!50000 SET NAMES utf8mb4 */;
/*!50000 SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES' */;
/*!50000 SET SESSION time_zone = '+00:00' */;
/* /* */ -- */ SET client_encoding TO 'UTF8'; SET standard_conforming_strings TO on; SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO, YMD';
BEGIN;
"""
_END = "COMMIT;\n"
_TYPES: tuple[tuple[Callable[[pa.DataType], bool], str, str], ...] = (
    (pa.types.is_boolean, "boolean", "boolean"),
    (pa.types.is_uint64, "bigint unsigned", "numeric(20)"),
    (pa.types.is_integer, "bigint", "bigint"),
    (pa.types.is_float32, "float", "real"),
    (pa.types.is_float64, "double", "double precision"),
    (pa.types.is_date32, "date", "date"),
    (pa.timestamp("us").equals, "datetime(6)", "timestamp"),
    (pa.timestamp("us", "UTC").equals, "datetime(6)", "timestamp with time zone"),
    (pa.types.is_binary, "longblob", "bytea"),
    (pa.types.is_large_binary, "longblob", "bytea"),
)
"""Arrow's types, MariaDB's and PostgreSQL's."""
_MARIADB_DIGITS = 65, 30


_STATEMENT_BYTES = 128 * 1024
"""About how long an INSERT is at most."""


def _encoder(schema: pa.Schema, table: str) -> Encoder:
    names = ", ".join(_name(field.name) for field in schema)
    insert = f"INSERT INTO {_name(table)} ({names}) VALUES\n".encode()
    columns = "".join(f"{',' if number else ' '} {_name(field.name)} {_type(field)}" for number, field in enumerate(schema))
    start = f"{_START}CREATE TABLE IF NOT EXISTS {_name(table)} (\n{columns}) /*!50000 CHARACTER SET utf8mb4 */;\n"

    def encode(batch: pa.RecordBatch, size: int) -> Iterator[Piece]:
        cells = [_literals(array, field) for array, field in zip(batch.columns, schema, strict=True)]
        for piece in pieces(lines(cells, ", ", "(", "),\n", "NULL"), min(size, _STATEMENT_BYTES)):
            yield replace(piece, data=b"".join((insert, piece.data[:-2], b";\n")))

    return Encoder(encode, lambda: Framed(start.encode(), _END.encode()))


def _name(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _type(field: pa.Field) -> str:
    texts = "longtext", "json" if is_json(field) else "text"
    known = next((names for is_such, *names in _TYPES if is_such(field.type)), texts)
    mariadb, postgresql = _decimal(digits_of(field)) if is_number(field) else known
    return _either(f"/*!50000 {mariadb} */", postgresql)


def _decimal(digits: tuple[int, int] | None) -> tuple[str, str]:
    if digits is None:
        return "longtext", "numeric"
    exact = f"({digits[0]},{digits[1]})"
    fits = all(digit <= most for digit, most in zip(digits, _MARIADB_DIGITS, strict=True))
    return f"decimal{exact}" if fits else "longtext", f"numeric{exact}"


def _either(others: str, postgresql: str) -> str:
    return f"/* /* */ {others} -- */ {postgresql}\n"


def _literals(array: pa.Array, field: pa.Field) -> pa.LargeStringArray:
    """Each value as a literal; nulls stay."""
    kind = field.type
    if is_binary(field):
        digits = base16_texts(array)
        return joined(text("/* /* */ X'"), digits, text(r"' -- */ '\x"), digits, text("'\n"))
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return pa.array([None if value is None else _float(value) for value in array.to_pylist()], pa.large_string())
    if is_text(field) or (is_json(field) and not is_number(field)):
        return _texts(plain_texts(array, field))
    plain = plain_texts(array, field)
    if pa.types.is_uint64(kind):
        return pc.if_else(pc.greater(array, pa.scalar(2**63 - 1, pa.uint64())), _quoted(plain), plain)
    if pa.types.is_timestamp(kind):
        return _quoted(replaced(plain, ("T", " "), ("Z", "")))
    return plain if pa.types.is_boolean(kind) or pa.types.is_integer(kind) else _quoted(plain)


def _float(value: float) -> str:
    """Seventeen digits: SQLite takes the shortest text of some floats for their neighbours. A zero's sign needs quotes to be kept."""
    literal = f"{value:.17g}"
    words = {"nan": "'NaN'", "inf": "'Infinity'", "-inf": "'-Infinity'", "-0": "'-0'"}
    return words.get(literal, literal)


def _quoted(array: pa.LargeStringArray) -> pa.LargeStringArray:
    return joined(text("'"), replaced(array, ("'", "''")), text("'"))


def _texts(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """In quotes; but a text with a carriage return or a NUL, which clients change or stop at, by its bytes."""
    odd = pc.match_substring_regex(array, r"[\r\x00]")
    if not pc.any(odd, min_count=0).as_py():
        return _quoted(array)
    digits = base16_texts(pc.cast(array, pa.large_binary()))
    escaped = replaced(array, ("\\", r"\\"), ("'", r"\'"), ("\r", r"\r"), ("\n", r"\n"), ("\0", r"\000"))
    spelled = joined(text("/* /* */ CAST(X'"), digits, text("' AS CHAR) -- */ E'"), escaped, text("'\n"))
    return pc.if_else(odd, spelled, _quoted(array))


FORMATS = {"sql": Format("sql", _encoder)}
