"""Excel's XLSX: one sheet, written as a stream. xlsxwriter makes all but the rows, which it could only give out at the end.

A spreadsheet's numbers have 15 digits, its texts 32 767 characters, its moments begin in 1900 and have milliseconds. What is
beyond that is written as text, or goes on in cells behind the last column; docs/formats.md says how. A file ends at 1 048 576 rows.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

from exports.formats.base import Buffer, Encoder, Format, FormatError, Piece
from exports.formats.text import joined, lines, pieces, plain_texts, replaced, text, wide
from exports.sealing.zipping import Zip
from exports.sources.base import is_binary, is_number, is_text

ROWS, COLUMNS, CHARACTERS = 1_048_576, 16_384, 32_767
"""The most that a sheet has, a row has, and a cell has (in UTF-16 units)."""

_MADE = datetime(1980, 1, 1, tzinfo=UTC)
_SHEET = "xl/worksheets/sheet1.xml"
_HELD_BACK = 160 * 1024  # what deflate may have taken in and not given out yet
_FLOATS = 2.2250738585072014e-308, 9.99999999999999e307
_EPOCH_DAYS, _FIRST_DAY = 25_569, -25_508
"""1970-01-01 as Excel counts days, and 1900-03-01 as Arrow does: Excel takes 1900 for a leap year."""
_DAY = 86_400_000
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ODD_RE2 = r"[\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]|_x[0-9A-Fa-f]{4}_"


def _encoder(schema: pa.Schema, table: str) -> Encoder:
    if len(schema) > COLUMNS:
        raise FormatError(f"{table} has {len(schema)} columns; a sheet has {COLUMNS} at most. Choose another format, or fewer columns.")
    names = _texts(pa.array(schema.names, pa.large_string())).to_pylist()
    header = f"<row>{''.join(names)}</row>".encode()

    def rows(batch: pa.RecordBatch) -> pa.LargeStringArray:
        beyond: dict[int, list[str]] = {}
        cells = [_cells(array, field, beyond) for array, field in zip(batch.columns, schema, strict=True)]
        if beyond:
            cells.append(_behind(beyond, batch.num_rows, len(schema)))
        return lines(cells, "", "<row>", "</row>", "<c/>")

    return Encoder(lambda batch, size: pieces(rows(batch), size), lambda: _Book(header))


# --- Cells -----------------------------------------------------------------------------------------------------------
def _cells(array: pa.Array, field: pa.Field, beyond: dict[int, list[str]]) -> pa.LargeStringArray:
    """Each value as a cell; nulls stay. `beyond`: by the number of a row, the cells that it gets behind the last column."""
    kind = field.type
    plain = plain_texts(array, field)
    if pa.types.is_boolean(kind):
        return joined(text('<c t="b"><v>'), pc.if_else(array, text("1"), text("0")), text("</v></c>"))
    if pa.types.is_date32(kind):
        days = array.view(pa.int32())
        return pc.if_else(pc.greater_equal(days, _FIRST_DAY), _numbers(wide(pc.add(days, _EPOCH_DAYS)), 1), _texts(plain))
    if pa.types.is_timestamp(kind):
        return _moments(array.view(pa.int64()), plain)
    if is_text(field) or is_binary(field) or (numeric := _numeric(array, field, plain)) is None:
        return _texts(_first_of(plain, field.name, beyond))
    return pc.if_else(numeric, _numbers(plain), _texts(plain))


def _numeric(array: pa.Array, field: pa.Field, plain: pa.LargeStringArray) -> pa.BooleanArray | None:
    """Which values a spreadsheet holds as numbers exactly; None if the column has no numbers."""
    if pa.types.is_integer(field.type):
        return pc.less_equal(pc.utf8_length(pc.utf8_ltrim(plain, "-")), 15)
    if pa.types.is_floating(field.type):
        size = pc.abs(array)
        usual = pc.and_(pc.greater_equal(size, _FLOATS[0]), pc.less_equal(size, _FLOATS[1]))
        return pc.or_(usual, pc.and_(pc.equal(array, 0), pc.invert(pc.starts_with(plain, "-"))))
    if is_number(field):
        digits = pc.replace_substring_regex(plain, r"^-?[0.]*|\.", "")
        return pc.match_substring_regex(digits, "^[0-9]{0,15}$")
    return None


def _moments(microseconds: pa.Int64Array, plain: pa.LargeStringArray) -> pa.LargeStringArray:
    """As a date of the spreadsheet where that is exact: whole milliseconds, from March 1900 on."""
    milliseconds = pc.divide(microseconds, 1000)
    exact = pc.and_(pc.equal(pc.multiply(milliseconds, 1000), microseconds), pc.greater_equal(milliseconds, _FIRST_DAY * _DAY))
    serial = pc.divide(pc.cast(pc.add(milliseconds, _EPOCH_DAYS * _DAY), pa.float64()), float(_DAY))
    return pc.if_else(exact, _numbers(wide(pc.cast(serial, pa.string())), 2), _texts(plain))


def _numbers(values: pa.LargeStringArray, style: int = 0) -> pa.LargeStringArray:
    return joined(text(f'<c s="{style}"><v>' if style else "<c><v>"), values, text("</v></c>"))


def _texts(values: pa.LargeStringArray) -> pa.LargeStringArray:
    """As text, never a formula. What XML has no character for is `_xHHHH_`, as Office Open XML has it (ST_Xstring)."""
    odd = pc.fill_null(pc.match_substring_regex(values, _ODD_RE2), False)
    if odd.true_count:
        escaped = [_ODD.sub(lambda match: f"_x{ord(match[0]):04X}_", value) for value in values.filter(odd).to_pylist()]
        values = pc.replace_with_mask(values, odd, pa.array(escaped, pa.large_string()))
    safe = replaced(values, ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
    return joined(text('<c t="inlineStr"><is><t xml:space="preserve">'), safe, text("</t></is></c>"))


# --- Texts that are too long -----------------------------------------------------------------------------------------
def _first_of(values: pa.LargeStringArray, name: str, beyond: dict[int, list[str]]) -> pa.LargeStringArray:
    """The texts, or as much of them as a cell holds; the rest goes into `beyond`."""
    if (pc.max(pc.binary_length(values)).as_py() or 0) <= CHARACTERS:
        return values
    firsts = values.to_pylist()
    for row, value in enumerate(firsts):
        parts = _parts(value) if value and len(value.encode()) > CHARACTERS else []
        if len(parts) > 1:
            firsts[row] = parts[0]
            more = _texts(pa.array([name, *parts[1:]], pa.large_string())).to_pylist()
            beyond.setdefault(row, []).extend([more[0], f"<c><v>{len(parts) - 1}</v></c>", *more[1:]])
    return pa.array(firsts, pa.large_string())


def _parts(value: str) -> list[str]:
    """Of at most CHARACTERS units of UTF-16 each, between characters."""
    units, parts, start = value.encode("utf-16-le"), list[str](), 0
    while start < len(units):
        end = start + 2 * CHARACTERS
        if end < len(units) and 0xDC <= units[end + 1] <= 0xDF:  # the second half of a character
            end -= 2
        parts.append(units[start:end].decode("utf-16-le"))
        start = end
    return parts


def _behind(beyond: dict[int, list[str]], rows: int, columns: int) -> pa.LargeStringArray:
    widest = max(len(cells) for cells in beyond.values())
    if widest + columns > COLUMNS:
        raise FormatError(f"A text is too long for a row of a sheet, which has {COLUMNS} cells. Choose another format.")
    return pa.array(["".join(beyond.get(row, ())) for row in range(rows)], pa.large_string())


# --- The file --------------------------------------------------------------------------------------------------------
def _template() -> tuple[list[tuple[str, bytes]], bytes, bytes]:
    """All members but the sheet, and what the sheet has before its rows and behind them."""
    made = BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        book.set_properties({"created": _MADE.replace(tzinfo=None)})
        sheet = book.add_worksheet("rows")
        sheet.freeze_panes(1, 0)
        for column, shown in enumerate(("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000")):  # styles 1 and 2
            sheet.write_number(0, column, 1, book.add_format({"num_format": shown}))
    with ZipFile(made) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist() if name != _SHEET]
        before, _, behind = re.sub(rb"<dimension[^>]*/>", b"", archive.read(_SHEET)).partition(b"<sheetData>")
    return members, before + b"<sheetData>", b"</sheetData>" + behind.partition(b"</sheetData>")[2]


class _Book:
    """Its members are deflated here: only so is it known when the file has its size."""

    def __init__(self, header: bytes) -> None:
        self._members, before, self._end = _template()
        self._start = before + header
        self._zip = Zip(_MADE)
        self._rows = 1

    def write(self, piece: Piece) -> Iterator[Buffer]:
        yield from self._begin()
        self._rows += piece.rows
        yield self._zip.add(piece.data)

    def flush(self) -> Iterator[Buffer]:
        return iter(())

    def end(self) -> Iterator[Buffer]:
        yield from self._begin()
        yield self._zip.add(self._end) + self._zip.finish() + self._zip.end()

    def most(self, piece: Piece) -> float:
        if self._rows + piece.rows > ROWS:
            return float("inf")
        before = sum(len(data) + 512 for _, data in self._members) + len(self._start)
        return before + len(piece.data) + len(self._end) + _HELD_BACK

    def _begin(self) -> Iterator[Buffer]:
        if self._start:
            for name, data in self._members:
                yield self._zip.begin(name) + self._zip.add(data) + self._zip.finish()
            yield self._zip.begin(_SHEET) + self._zip.add(self._start)
            self._start = b""


FORMATS = {"xlsx": Format("xlsx", _encoder, packed=True)}
