"""The extracts of retention jobs: whole rows of a dataset and of what goes along with it; and the keys that are captured meanwhile.

Invariant: of a part that is done, what was captured by the attempt that did it are the keys and versions of exactly the rows
that its reader gave, and so of exactly those in its files.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from django.db.models import F, QuerySet

from exports.models import Captured, Dataset, Extract, Job, Part, Run
from exports.sources.base import VERSION, Selection, is_binary, is_json, is_number
from exports.sources.predicates import load_predicate

_CHUNK_ROWS = 50_000
_JSON_SPACE = " \t\r\n"
JSON_NULLS = "strongroom.json-nulls"
"""A column of what is captured: the names, as a JSON list, of the row's columns that hold JSON's null, which a line of the file spells like no value."""


def is_extract(job: Job) -> bool:
    return job.kind == Job.Kind.RETENTION


def extract_selections(job: Job) -> list[tuple[Dataset, Selection]]:
    """The dataset that the job is for, then those below it."""
    rows = list(job.extracts.select_related("dataset", "above").order_by("pk"))
    return [(row.dataset, _selection(row, {each.pk: each for each in rows})) for row in rows]


def extract_selection(job: Job, dataset: Dataset) -> Selection:
    return dict(extract_selections(job))[dataset]


def whole_rows(dataset: Dataset) -> Selection:
    """Every row of a dataset with all of its columns: what is purged is kept whole."""
    return Selection(table=dataset.table, schema=dataset.schema, key=tuple(dataset.key_columns))


def _selection(row: Extract, known: dict[int, Extract]) -> Selection:
    chosen = replace(whole_rows(row.dataset), where=load_predicate(row.where) if row.where else None)
    if row.above_id is None:
        return chosen
    return replace(chosen, parent=_selection(known[row.above_id], known), parent_columns=tuple(row.columns))


class Capture:
    """Notes the keys of what one attempt at a part reads. It works in the thread that reads."""

    def __init__(self, part: Part) -> None:
        self._part = part
        extract = part.run.job.extracts.get(dataset=part.dataset)
        self._columns = [*dict.fromkeys([*part.dataset.key_columns, *extract.columns]), VERSION]
        self._stream: Packing | None = None
        self.binary: list[str] = []
        """The columns whose cells are bytes: a restore cannot tell them from texts."""

    def take(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches without their versions."""
        try:
            for batch in batches:
                self._hold(batch)
                yield batch.drop_columns([VERSION])
            self._write()
        finally:
            if hasattr(batches, "close"):
                batches.close()
            connection.close()  # this thread's own

    def _hold(self, batch: pa.RecordBatch) -> None:
        """Written at once: a column that is kept keeps its whole batch in memory."""
        self.binary = [field.name for field in batch.schema if is_binary(field)]
        noted = batch.select(self._columns).append_column(JSON_NULLS, _json_nulls(batch))
        if self._stream is None:
            self._stream = Packing(noted.schema)
        self._stream.write(noted)
        if self._stream.rows >= _CHUNK_ROWS:
            self._write()

    def _write(self) -> None:
        if self._stream and self._stream.rows:
            Captured.objects.create(part=self._part, token=self._part.token, rows=self._stream.rows, data=self._stream.end())
        self._stream = None


def _json_nulls(batch: pa.RecordBatch) -> pa.Array:
    """Of most rows null."""
    found: dict[int, list[str]] = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if is_json(field) and not is_number(field):
            for place in pc.indices_nonzero(pc.equal(pc.utf8_trim(column, _JSON_SPACE), "null")).to_pylist():
                found.setdefault(place, []).append(field.name)
    if not found:
        return pa.nulls(batch.num_rows, pa.string())
    return pa.array([json.dumps(found[place]) if place in found else None for place in range(batch.num_rows)], pa.string())


class Packing:
    """An Arrow IPC stream in the making, lz4."""

    def __init__(self, schema: pa.Schema) -> None:
        self._sink = pa.BufferOutputStream()
        self._writer = pa.ipc.new_stream(self._sink, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
        self.rows = 0

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        self._writer.write(rows)
        self.rows += rows.num_rows

    def end(self) -> bytes:
        self._writer.close()
        return bytes(self._sink.getvalue())


def pack(table: pa.Table) -> bytes:
    packing = Packing(table.schema)
    packing.write(table.combine_chunks())
    return packing.end()


def unpack(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def captured_by(part: Part) -> int:
    """How many rows the attempt that holds the part has noted."""
    return sum(Captured.objects.filter(part=part, token=part.token).values_list("rows", flat=True))


def captured(run: Run, dataset: Dataset) -> Iterator[pa.Table]:
    """Of a completed run: keys, links and versions of the dataset's rows, in pieces."""
    for row in counted(run).filter(part__dataset=dataset).order_by("part__number", "pk").iterator(chunk_size=1):
        yield unpack(bytes(row.data))


def counted(run: Run) -> QuerySet[Captured]:
    """What counts: noted by the attempts that did their parts."""
    return Captured.objects.filter(part__run=run, part__status=Part.Status.DONE, token=F("part__token"))
