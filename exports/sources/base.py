"""How rows are read: one protocol that every reader keeps, whatever the database.

A batch's columns are of these Arrow types, and of no other:

    bool · (u)int8…64 · float32/64 · string/large_string · binary/large_binary · date32 · timestamp[us], with time zone UTC or none
    string with the field metadata JSON_TEXT: each value is the text of one JSON value on a single line, to be written as it stands

JSON_TEXT carries what Arrow has no exact column type for: decimals (as a JSON number with all its digits), documents,
arrays, and SQLite's columns of mixed types. Binary values inside such text are `{"$base64": "…"}`. Where all values are
numbers (or "NaN", "Infinity", "-Infinity"), the field also has NUMBER: `precision,scale` if the catalogue gives them, or nothing.

The column VERSION is no column of the table, and no format writes it: it is int64 or binary(16), as exports.sources.versions says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import pyarrow as pa

from exports.sources.conditions import Condition, Kind

if TYPE_CHECKING:  # it knows keys, and they know this module
    from exports.sources.predicates import Predicate

JSON_TEXT = {b"strongroom": b"json"}
NUMBER = b"strongroom.number"
VERSION = "strongroom.version"
"""The name of the column that `Selection.version` adds."""

Key = tuple[Any, ...]
"""The values of a row's key columns, in order: int, str, UUID, datetime, date, Decimal or bytes."""

Place = tuple[str, str]
"""Schema ("" for the default one) and name of a table or view."""


class SourceError(Exception):
    """Something about the source that its owner can mend. The text is one sentence without anything secret in it."""


class ConnectionLost(SourceError):
    """The source could not be reached, or went away: worth another try."""


class MixedColumn(SourceError):
    """The fast reader met a value that does not fit its column's type. Read the same selection again with exact=True."""


def is_json(field: pa.Field) -> bool:
    return bool(field.metadata) and JSON_TEXT.items() <= field.metadata.items()


def is_number(field: pa.Field) -> bool:
    """JSON text that is numbers only."""
    return is_json(field) and NUMBER in field.metadata


def is_text(field: pa.Field) -> bool:
    """Whether the column holds words of people, and neither numbers, moments, bytes nor documents."""
    return not is_json(field) and any(is_such(field.type) for is_such in (pa.types.is_string, pa.types.is_large_string))


def is_binary(field: pa.Field) -> bool:
    return any(is_such(field.type) for is_such in (pa.types.is_binary, pa.types.is_large_binary))


def digits_of(field: pa.Field) -> tuple[int, int] | None:
    """(precision, scale) of a column of numbers, if the catalogue gives them."""
    said = field.metadata[NUMBER] if is_number(field) else b""
    return (int(said.split(b",")[0]), int(said.split(b",")[1])) if said else None


def number_text(digits: tuple[int, int] | None) -> dict[bytes, bytes]:
    """The metadata of a field of numbers."""
    return {**JSON_TEXT, NUMBER: b"%d,%d" % digits if digits else b""}


@dataclass(frozen=True)
class Selection:
    """Which rows and columns of one table.

    date_from/date_to: the half-open interval [from, to) on the timestamp column; where that is NULL, on `else_timestamp`. subtypes: empty means all.
    conditions: what else must be true of a row, all of them. where: what must be true besides.
    parent: only rows whose `parent_columns` refer to a row of that selection (by its key).
    after/upto: only keys in (after, upto]; None is open.
    version: the batches have one more column, the last, that is named VERSION and changes whenever the row does.
    """

    table: str
    schema: str = ""
    columns: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    timestamp: str = ""
    else_timestamp: str = ""
    date_from: datetime | None = None
    date_to: datetime | None = None
    subtype: str = ""
    subtypes: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    where: "Predicate | None" = None
    parent: "Selection | None" = None
    parent_columns: tuple[str, ...] = ()
    after: Key | None = None
    upto: Key | None = None
    version: bool = False

    def between(self, after: Key | None, upto: Key | None) -> Self:
        return replace(self, after=after, upto=upto)


@dataclass(frozen=True)
class Extent:
    """rows: how many. oldest, newest: of the selection's timestamp column, ISO 8601; None without rows or without such a column."""

    rows: int
    oldest: str | None
    newest: str | None


@dataclass(frozen=True)
class Head:
    """The first rows, to be looked at: each value as text, shortened; bytes only by their number."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Link:
    """A foreign key: the `columns` of the table at `place` hold the `referred` of the one at `above`."""

    place: Place
    columns: tuple[str, ...]
    above: Place
    referred: tuple[str, ...]


class Reader(Protocol):
    """An open connection to a source. Use it as a context manager; one thread reads, any thread may cancel.

    `loose`: a column may hold values of other types than its own, and then comes as JSON text.
    """

    loose: bool

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def check(self, selection: Selection) -> None:
        """Raise SourceError, naming the column, if table or columns do not exist or hold a type that cannot be written exactly."""

    def kinds(self, selection: Selection) -> dict[str, Kind]:
        """The kind of each of its columns, in order: what the column can be compared with. Raises SourceError."""

    def count(self, selection: Selection) -> int:
        """How many rows."""

    def estimate(self, selection: Selection) -> int | None:
        """About how many rows, as the database's planner expects; None if it cannot say. No row is read."""

    def extent(self, selection: Selection) -> Extent:
        """How many rows, and the least and the greatest value of the selection's timestamp column."""

    def head(self, selection: Selection, rows: int) -> Head:
        """The first `rows` in no promised order."""

    def row_bytes(self, selection: Selection, rows: int) -> float | None:
        """The mean size of the first `rows` in no promised order; None without rows, or if the database cannot say."""

    def boundaries(self, selection: Selection, rows: int) -> list[Key]:
        """The key of each `rows`-th row in key order, without the last row's: they cut the selection into ranges."""

    def schema(self, selection: Selection, *, exact: bool = False) -> pa.Schema:
        """Of what `batches` gives."""

    def links(self) -> list[Link]:
        """Every foreign key of the database, in the order of the tables that have them."""

    def batches(self, selection: Selection, *, exact: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the rows, in bounded memory (batches of a few MB), in no promised order.

        `exact` reads value by value, for what the fast path cannot represent. Raises MixedColumn, ConnectionLost, SourceError.
        """

    def export_snapshot(self) -> str:
        """A name under which other readers see exactly what this one sees, as long as this one is open; "" if the database has none."""

    def use_snapshot(self, name: str) -> bool:
        """Read in that snapshot from now on. False if it is gone."""

    def cancel(self) -> None:
        """Make the other thread's read stop soon with SourceError, even while the server has not answered yet."""
