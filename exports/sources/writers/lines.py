"""Lines of JSON Lines cut into cells, and rows as such lines again: a cell keeps its text, which is what makes it exact."""

import json
import re
from collections.abc import Iterator

import pyarrow as pa

from exports.sources.base import SourceError

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACES = " \t\r\n"
_SPACE = re.compile(f"[{_SPACES}]*")


def cells_of(line: str | bytes) -> dict[str, str]:
    """The JSON text of each member of a line's object, as it stands. Raises SourceError if the line is no JSON object."""
    text = line.decode() if isinstance(line, bytes) else line
    try:
        return dict(_members(text))
    except (ValueError, IndexError, RecursionError):
        raise SourceError("A line of the file is no JSON object.") from None


def _members(text: str) -> Iterator[tuple[str, str]]:
    at = _expect(text, 0, "{")
    if text[at] == "}":
        return
    while True:
        if text[at] != '"':
            raise ValueError(text[at])
        name, end = _DECODER.raw_decode(text, at)
        start = _expect(text, _skip(text, end), ":")
        _, end = _DECODER.raw_decode(text, start)
        yield name, text[start:end]
        at = _skip(text, end)
        if text[at] == "}" and _skip(text, at + 1) == len(text):
            return
        at = _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None, "it matches nothing, too"
    return found.end()


def _expect(text: str, at: int, mark: str) -> int:
    """Behind the mark, and what space follows it."""
    if text[_skip(text, at)] != mark:
        raise ValueError(mark)
    return _skip(text, _skip(text, at) + 1)


def lines_of(batch: pa.RecordBatch) -> list[dict[str, str]]:
    """The cells of each row, as the format JSON Lines writes them."""
    names = batch.schema.names
    columns = [_cells_of_column(batch.select([place])) for place in range(len(names))]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _cells_of_column(column: pa.RecordBatch) -> list[str]:
    """Lines of one member each need no more than a cut."""
    from exports.formats.jsonl import FORMATS  # compiled code, which only a worker loads

    encoder = FORMATS["jsonl"].encoder(column.schema, "")
    data = b"".join(bytes(piece.data) for piece in encoder.pieces(column))
    start = len(f"{{{json.dumps(column.schema[0].name, ensure_ascii=False)}:")
    return [line[start:-1].strip(_SPACES) for line in data.decode().split("\n")[:-1]]
