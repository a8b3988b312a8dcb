"""CSV as RFC 4180 has it: UTF-8 without a mark, lines end with CR LF, the first line holds the names.

NULL is nothing between the commas, an empty text is `""`; every text is quoted, numbers, moments and booleans are not.

Spreadsheets take a cell for a formula by its first character, quoted or not. So `csv` puts an apostrophe before a text that
begins with one of = + - @ tab CR NUL, or with an apostrophe: whoever removes one leading apostrophe from each cell that has
one gets every text back as it was. `csv-exact` leaves them as they are.
"""

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from exports.formats.base import Encoder, Format, Framed
from exports.formats.text import joined, lines, pieces, plain_texts, replaced, text
from exports.sources.base import is_binary, is_json, is_number, is_text

_FORMULA = r"^['=+\-@\t\r\x00]"


def _encoder(schema: pa.Schema, table: str, *, safe: bool) -> Encoder:
    names = pa.array(schema.names, pa.large_string())
    header = ",".join(_quoted(_safe(names) if safe else names).to_pylist()) + "\r\n"

    def rows(batch: pa.RecordBatch) -> pa.LargeStringArray:
        cells = [_cells(array, field, safe=safe) for array, field in zip(batch.columns, schema, strict=True)]
        return lines(cells, ",", "", "\r\n")

    return Encoder(lambda batch, size: pieces(rows(batch), size), lambda: Framed(header.encode()))


def _cells(array: pa.Array, field: pa.Field, *, safe: bool) -> pa.LargeStringArray:
    cells = plain_texts(array, field)
    if is_text(field):
        return _quoted(_safe(cells) if safe else cells)
    return _quoted(cells) if is_binary(field) or (is_json(field) and not is_number(field)) else cells


def _safe(cells: pa.LargeStringArray) -> pa.LargeStringArray:
    risky = pc.match_substring_regex(cells, _FORMULA)
    if not pc.any(risky, min_count=0).as_py():
        return cells
    return pc.if_else(risky, joined(text("'"), cells), cells)


def _quoted(cells: pa.LargeStringArray) -> pa.LargeStringArray:
    return joined(text('"'), replaced(cells, ('"', '""')), text('"'))


FORMATS = {
    "csv": Format("csv", partial(_encoder, safe=True)),
    "csv-exact": Format("csv", partial(_encoder, safe=False)),
}
