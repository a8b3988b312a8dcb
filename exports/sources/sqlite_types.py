"""SQLite's storage classes: which one a column should hold, and how ADBC is kept from converting the others."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from exports.sources.arrow import one_line, quote_specials
from exports.sources.base import JSON_TEXT, MixedColumn
from exports.sources.selecting import quoted

Element = sa.ColumnElement[Any]
OVERFLOW = "integer overflow"
"""What SQLite says when a guard is met: the one error that an expression can raise in a query."""


_ARGUMENTS = 50  # a SQLite function takes up to 100


class Stored(Enum):
    INTEGER = "integer"
    REAL = "real"
    TEXT = "text"
    BLOB = "blob"
    NUMBER = "integer or real"
    JSON = "text that is JSON"
    MIXED = "several"


class Declared(sa.types.UserDefinedType[Any]):
    """The type as the table declares it, in capitals."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name.upper()

    def get_col_spec(self, **_: object) -> str:
        return self.name or "BLOB"


ARROW = {Stored.INTEGER: pa.int64(), Stored.REAL: pa.float64(), Stored.TEXT: pa.string(), Stored.BLOB: pa.binary()}


def column_from(row: tuple[str, str, int, int]) -> sa.Column[Any]:
    """A row of pragma_table_xinfo as a column. A key column may hold NULL: SQLite allows it unless it is the rowid."""
    name, declared, not_null, _ = row
    return sa.Column(quoted(name), Declared(declared), nullable=not not_null)


def store_of(column: sa.Column[Any], seen: set[str]) -> Stored:
    """What the column should hold: by its declared type (https://sqlite.org/datatype3.html, 3.1), or by what its first rows hold."""
    declared = column.type.name if isinstance(column.type, Declared) else ""
    expected = _declared(declared)
    if expected in {Stored.JSON, Stored.NUMBER} or expected.value in seen or (not seen and expected is not Stored.MIXED):
        return expected
    if len(seen) == 1:
        return Stored(next(iter(seen)))
    if seen == {"integer", "real"}:
        return Stored.NUMBER
    return Stored.MIXED if seen else Stored.TEXT


def _declared(declared: str) -> Stored:  # noqa: PLR0911 SQLite's own rules, in their order
    if declared.startswith("JSON"):
        return Stored.JSON
    if "INT" in declared:
        return Stored.INTEGER
    if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
        return Stored.TEXT
    if "BLOB" in declared:
        return Stored.BLOB
    if any(word in declared for word in ("REAL", "FLOA", "DOUB")):
        return Stored.REAL
    if declared.startswith(("NUM", "DEC")):
        return Stored.NUMBER
    return Stored.INTEGER if declared.startswith("BOOL") else Stored.TEXT if declared.startswith(("DATE", "TIME")) else Stored.MIXED


def parts(here: Element, store: Stored) -> list[Element]:
    """The expressions that read one column: two for a number, whose values may be of either class."""
    if store is Stored.NUMBER:
        kind = sa.func.typeof(here)
        return [sa.case((kind == _literal("'integer'"), here)), sa.case((kind == _literal("'real'"), here))]
    return [here]


def sentinel(store: Stored) -> list[Element]:
    """The first row's values: they fix the Arrow types, so that leading NULLs do not."""
    written = {Stored.INTEGER: "0", Stored.REAL: "0.5", Stored.BLOB: "x''"}
    both = [Stored.INTEGER, Stored.REAL] if store is Stored.NUMBER else [store]
    return [_literal(written.get(one, "''")) for one in both]


def guard(columns: Sequence[Element], stores: Sequence[Stored]) -> Element:
    """True for a row that ADBC gives as it is; for any other the query fails with OVERFLOW.

    Numbers < text < blobs, whatever the values. So one max() and one min() over all text columns cost less than a typeof() each.
    """
    text = [sa.func.coalesce(here, _literal("''")) for here, store in zip(columns, stores, strict=True) if store is Stored.TEXT]
    unfit = [condition for here, store in zip(columns, stores, strict=True) for condition in _unfit(here, store)]
    for start in range(0, len(text), _ARGUMENTS):
        some = [_literal("''"), *text[start : start + _ARGUMENTS]]
        unfit += [sa.func.max(*some) >= _literal("x''"), sa.func.min(*some) < _literal("''")]
    if not unfit:
        return sa.true()
    return sa.case((sa.or_(*unfit), _literal("abs(-9223372036854775807 - 1)")), else_=_literal("1")) == _literal("1")


def _literal(text: str) -> sa.ColumnClause[Any]:
    return sa.literal_column(text)


def _unfit(here: Element, store: Stored) -> list[Element]:
    kind = sa.func.typeof(here)
    match store:
        case Stored.REAL:
            return [kind == _literal("'integer'")]
        case Stored.BLOB:
            return [here.collate("BINARY") < _literal("x''")]
        case Stored.NUMBER:
            return [here.collate("BINARY") >= _literal("''")]
        case Stored.JSON:
            return [kind.in_([_literal("'real'"), _literal("'blob'")]), sa.func.json_valid(here) == _literal("0")]
        case Stored.MIXED:
            return [here.is_not(None)]
    return []


def fast_schema(columns: Sequence[sa.Column[Any]], stores: Sequence[Stored]) -> pa.Schema:
    fields = [
        pa.field(c.name, ARROW[store]) if store in ARROW else pa.field(c.name, pa.string(), metadata=JSON_TEXT)
        for c, store in zip(columns, stores, strict=True)
    ]
    return pa.schema(fields)


def join(batch: pa.RecordBatch, columns: Sequence[sa.Column[Any]], stores: Sequence[Stored], schema: pa.Schema) -> pa.RecordBatch:
    """ADBC's batch with the parts of each column put together. Raises MixedColumn if ADBC widened a type among its first rows."""
    given = iter(batch.columns)
    arrays = []
    for column, store in zip(columns, stores, strict=True):
        if store is Stored.NUMBER:
            arrays.append(_number(column.name, next(given), next(given)))
            continue
        array = next(given)
        if array.type != ARROW.get(store, pa.string()):
            raise MixedColumn(f"Column {column.name} holds values of different types.")
        arrays.append(one_line(array) if store is Stored.JSON else array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _number(name: str, whole: pa.Array, real: pa.Array) -> pa.Array:
    if whole.type != pa.int64() or real.type != pa.float64():
        raise MixedColumn(f"Column {name} holds values that are no numbers.")
    return pc.coalesce(pc.cast(whole, pa.string()), quote_specials(pc.cast(real, pa.string())))
