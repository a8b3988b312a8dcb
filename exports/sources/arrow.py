"""What becomes of the Arrow batches that drivers give: the types of exports.sources.base, or a refusal. Nothing silent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from exports.sources.base import JSON_TEXT, MixedColumn, number_text

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 a difference of naive moments
_DAYS = ((datetime(1, 1, 1) - _EPOCH).days, (datetime(9999, 12, 31) - _EPOCH).days)  # noqa: DTZ001 wall-clock time
_MICROSECONDS = (_DAYS[0] * 86_400_000_000, (_DAYS[1] + 1) * 86_400_000_000 - 1)
_QUOTED = {"NaN": '"NaN"', "Infinity": '"Infinity"', "-Infinity": '"-Infinity"', "nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


_SPECIAL = pa.array(list(_QUOTED))


class Form(Enum):
    """How a column's values come from the driver."""

    PLAIN = "as they are"
    NUMBER = "the text of a number, which becomes JSON text"
    JSON = "JSON text"


@dataclass(frozen=True)
class Plan:
    """How one column is read: its expression in SQL, the form it comes in, and the Arrow type it gets. digits: (precision, scale) of numbers."""

    name: str
    type: pa.DataType
    form: Form
    project: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]
    digits: tuple[int, int] | None = None


def schema_of(plans: Sequence[Plan]) -> pa.Schema:
    return pa.schema([pa.field(p.name, p.type, metadata=_metadata(p)) for p in plans])


def _metadata(plan: Plan) -> dict[bytes, bytes] | None:
    if plan.form is Form.NUMBER:
        return number_text(plan.digits)
    return JSON_TEXT if plan.form is Form.JSON else None


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """A batch without rows, so that a file of no rows still has its columns."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def finish(batch: pa.RecordBatch, plans: Sequence[Plan], schema: pa.Schema) -> pa.RecordBatch:
    """The driver's batch as the schema has it. Raises MixedColumn where a value does not fit."""
    return pa.RecordBatch.from_arrays([_column(array, p) for array, p in zip(batch.columns, plans, strict=True)], schema=schema)


def _column(array: pa.Array, plan: Plan) -> pa.Array:
    if plan.form is Form.NUMBER:
        return quote_specials(array)
    if pa.types.is_timestamp(plan.type):
        in_calendar(array.view(pa.int64()), _MICROSECONDS, plan.name)
    elif pa.types.is_date32(plan.type):
        in_calendar(array.view(pa.int32()), _DAYS, plan.name)
    return array


def in_calendar(array: pa.Array, bounds: tuple[int, int], name: str) -> None:
    """Years 1 to 9999. PostgreSQL's infinity overflows in Arrow and lands far outside, so it is found here too."""
    found = pc.min_max(array)
    low, high = found["min"].as_py(), found["max"].as_py()
    if low is not None and (low < bounds[0] or high > bounds[1]):
        raise MixedColumn(f"Column {name} holds a moment outside the years 1 to 9999.")


def quote_specials(array: pa.Array) -> pa.Array:
    """NaN and the infinities as JSON strings: JSON has no such numbers."""
    if not _has_letters(array) or not pc.is_in(array, value_set=_SPECIAL).true_count:
        return array
    return pa.array([_QUOTED.get(text, text) for text in array.to_pylist()], pa.string())


def _has_letters(array: pa.Array) -> bool:
    """Whether what the texts lie in holds any byte above the digits: most columns of numbers have none, and need no further look."""
    data = array.buffers()[2]
    return data is not None and data.size > 0 and bool(np.frombuffer(data, np.uint8).max() > ord("9"))
