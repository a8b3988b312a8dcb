"""DataSync: a run exports what changed since the last complete one, each version of a row once.

Invariants: the watermark moves only in the transaction that completes a run. A run reads the rows that changed in
[watermark - overlap, start - safety lag), and leaves out a row only if the version of it that was delivered last, by a complete
run, is the very same. So a row that is committed late, by less than lag and overlap together, is delivered; one that is
committed later than that is not, until it changes again or somebody sets the watermark back.

What was delivered is remembered for the overlap alone: hashes of 16 bytes, in Strongroom's own database.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from django.db.models import F

from exports.formats import format_named
from exports.models import Dataset, Delivered, Job, Part, Run

_SLACK = timedelta(seconds=1)
"""A SQLite column's texts of several lengths do not sort exactly within a second."""
_LOOKED_UP, _NOTED = 500, 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN = np.iinfo(np.int64).max


def why_not(dataset: Dataset) -> str:
    """What the dataset lacks for DataSync, as a sentence; empty if nothing."""
    needed = [*dataset.key_columns, dataset.modified_column]
    if not dataset.modified_column:
        return f"{dataset.name} has no column that says when a row changed: an administrator names it as the dataset's modified column."
    if not dataset.key_columns:
        return f"{dataset.name} has no key by which a row could be known again."
    if missing := [name for name in needed if dataset.columns and name not in dataset.columns]:
        return f"{dataset.name} does not export {', '.join(missing)}, by which its changes are known."
    return ""


def window(job: Job, now: datetime) -> tuple[datetime | None, datetime]:
    """[since, until) of the run that starts now; None is from the beginning."""
    until = now - timedelta(seconds=job.lag_seconds)
    if job.watermark is None:
        return job.sync_from, until
    overlapping = job.watermark - timedelta(seconds=job.overlap_seconds)
    return max(overlapping, job.sync_from) if job.sync_from else overlapping, until


def is_as_planned(job: Job) -> bool:
    """Whether nobody has moved the watermark since `job` was read; it stays until the transaction ends."""
    held = Job.objects.select_for_update().filter(pk=job.pk).values_list("watermark", "sync_from").first()
    return held == (job.watermark, job.sync_from)


def settle(run: Run, job: Job) -> None:
    """In the transaction that completes the run and holds its job: what it delivered counts, and the watermark moves to its cut-off."""
    assert run.cutoff is not None, "a run's cut-off is frozen when it is planned"
    noted = Delivered.objects.filter(part__run=run, token=F("part__token"))
    Delivered.objects.filter(pk__in=noted.values("pk")).update(part=None)
    job.watermark = max(job.watermark or run.cutoff, run.cutoff)
    job.save(update_fields=["watermark"])
    Delivered.objects.filter(job=job, part__isnull=False).delete()
    Delivered.objects.filter(job=job, moment__lt=job.watermark - timedelta(seconds=job.overlap_seconds) - _SLACK).delete()


class Sieve:
    """What one attempt at a part leaves out, and what it notes of the rest. It works in the thread that reads."""

    def __init__(self, part: Part) -> None:
        job, cutoff = part.run.job, part.run.cutoff
        assert cutoff is not None, "a run's cut-off is frozen when it is planned"
        self.suppressed = 0
        self._part, self._job, self._dataset, self._cutoff = part, job, part.dataset, cutoff
        self._known_before = _micros(job.watermark + _SLACK) if job.watermark else None
        self._noted_from = _micros(cutoff - timedelta(seconds=job.overlap_seconds) - _SLACK)
        self._notes: list[Delivered] = []

    def sift(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches without the rows that were delivered before; those that are empty then are left out, but for the first."""
        try:
            for number, batch in enumerate(batches):
                kept = self._fresh(batch)
                if kept.num_rows or not number:
                    yield kept
            self._write_notes()
        finally:
            if hasattr(batches, "close"):
                batches.close()
            connection.close()  # this thread's own

    def _fresh(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        moments = self._moments(batch)
        doubtful = moments == _UNKNOWN
        again = (moments < self._known_before) | doubtful if self._known_before is not None else np.zeros(len(moments), bool)
        noted = moments >= self._noted_from
        [places] = np.nonzero(again | noted)
        if not len(places):
            return batch
        few = batch.take(pa.array(places))
        rows, keys = self._digests(few), self._digests(few.select(self._dataset.key_columns))
        delivered = self._delivered([key for key, asked in zip(keys, again[places], strict=True) if asked])
        old = np.array([delivered.get(key) == row for key, row in zip(keys, rows, strict=True)], bool) & again[places]
        for place, key, row, is_old in zip(places, keys, rows, old, strict=True):
            if noted[place] and not is_old:
                self._note(key, row, int(moments[place]))
        self.suppressed += int(old.sum())
        keep = np.ones(len(moments), bool)
        keep[places[old]] = False
        return batch.filter(pa.array(keep)) if old.any() else batch

    def _moments(self, batch: pa.RecordBatch) -> Any:
        """When each row changed, in microseconds since 1970; a row that never did: when it was made. _UNKNOWN if no calendar says."""
        changed = _column_micros(batch, self._dataset.modified_column)
        made = _column_micros(batch, self._dataset.timestamp_column)
        return np.where(changed == _UNKNOWN, made, changed)

    def _digests(self, batch: pa.RecordBatch) -> list[bytes]:
        """Of each row as a line of JSON, which is the same however it was read."""
        encoder = format_named("jsonl").encoder(batch.schema, self._dataset.table)
        text = b"".join(bytes(piece.data) for piece in encoder.pieces(batch))
        salt = str(self._dataset.pk).encode()[-16:]
        return [blake2b(line, digest_size=16, salt=salt).digest() for line in text.split(b"\n")[:-1]]

    def _delivered(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """By key: the version that was delivered last."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), _LOOKED_UP):
            asked = keys[start : start + _LOOKED_UP]
            known = Delivered.objects.filter(job=self._job, part=None, key__in=asked).order_by("pk").values_list("key", "row")
            found |= {bytes(key): bytes(row) for key, row in known}
        return found

    def _note(self, key: bytes, row: bytes, micros: int) -> None:
        moment = self._cutoff if micros == _UNKNOWN else _EPOCH + timedelta(microseconds=micros)
        self._notes.append(Delivered(job=self._job, part=self._part, token=self._part.token, key=key, row=row, moment=moment))
        if len(self._notes) >= _NOTED:
            self._write_notes()

    def _write_notes(self) -> None:
        Delivered.objects.bulk_create(self._notes)
        self._notes = []


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _column_micros(batch: pa.RecordBatch, name: str) -> Any:
    """_UNKNOWN for NULL, and for a column that is not there."""
    if name not in batch.schema.names:
        return np.full(batch.num_rows, _UNKNOWN, np.int64)
    column = batch.column(name)
    if pa.types.is_timestamp(column.type):
        return pc.fill_null(column.view(pa.int64()), _UNKNOWN).to_numpy()
    return np.array([_text_micros(value) for value in column.to_pylist()], np.int64)


def _text_micros(value: Any) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return _UNKNOWN
    return _micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
