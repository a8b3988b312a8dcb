"""XML 1.0: `<rows>` with a `<row>` for each row, with an element for each column, named as SQL/XML maps names (ISO 9075-14).

NULL is `xsi:nil="true"`, an empty text is an empty element. What XML has no character for (most control characters, U+FFFE,
U+FFFF) makes its text be written as the base64 of its UTF-8, marked `encoding="base64"`, as binary values are.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

from exports.formats.base import Encoder, Format, Framed
from exports.formats.text import base64_texts, joined, lines, pieces, plain_texts, replaced, text
from exports.sources.base import is_binary

_START = '<?xml version="1.0" encoding="UTF-8"?>\n<rows xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
_END = "</rows>\n"
_NONE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
_LETTERS = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u03a3-\u03ce\u040e-\u044f\u3041-\u3094\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3"
"""Those that every edition of XML allows in names: many parsers, expat among them, know the fourth."""
_NAME = re.compile(rf"_(?=x)|[^-._0-9{_LETTERS}]")
_NO_START = re.compile(r"[-.0-9]|[Xx](?=[Mm][Ll])")


def _encoder(schema: pa.Schema, table: str) -> Encoder:
    names = [element_name(field.name) for field in schema]

    def rows(batch: pa.RecordBatch) -> pa.LargeStringArray:
        cells = [_elements(array, field, name) for array, field, name in zip(batch.columns, schema, names, strict=True)]
        return lines(cells, "", "<row>", "</row>\n")

    return Encoder(lambda batch, size: pieces(rows(batch), size), lambda: Framed(_START.encode(), _END.encode()))


def element_name(column: str) -> str:
    """The column's name; a character that no XML name may have there as `_xHHHH_`, its code in hexadecimal."""

    def escaped(match: re.Match[str]) -> str:
        return f"_x{ord(match[0]):04X}_"

    name = _NAME.sub(escaped, column)
    return _NO_START.sub(escaped, name, count=1) if _NO_START.match(name) else name


def _elements(array: pa.Array, field: pa.Field, name: str) -> pa.LargeStringArray:
    """Each value as an element, a null too."""
    plain = plain_texts(array, field)
    coded = text(f'<{name} encoding="base64">')
    end = text(f"</{name}>")
    if is_binary(field):
        cells = joined(coded, plain, end)
    else:
        cells = joined(text(f"<{name}>"), replaced(plain, ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")), end)
        odd = pc.match_substring_regex(plain, _NONE)
        if pc.any(odd, min_count=0).as_py():
            cells = pc.if_else(odd, joined(coded, base64_texts(pc.cast(plain, pa.large_binary())), end), cells)
    return pc.fill_null(cells, f'<{name} xsi:nil="true"/>')


FORMATS = {"xml": Format("xml", _encoder)}
