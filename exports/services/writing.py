"""One part: read, encoded, zipped, sealed, stored, read back and compared, and only then recorded.

Invariant: a File row exists only for an object that was read back from the storage and whose SHA-256 is that of the
bytes that were sealed; and the rows of a part's files are exactly the rows that the reader gave, but for those that a
DataSync has delivered before (exports/services/sync.py).
"""

from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pyarrow as pa
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from exports.formats import DEFAULT, format_named
from exports.formats.base import Encoder, Piece, Writer
from exports.models import File, Job, Part
from exports.sealing.cms import Recipient, content_type
from exports.sealing.package import Contents, Package, Pieces, piece_bytes
from exports.sealing.storage import StorageError, remove, write
from exports.services.claiming import Heartbeat, LeaseLost, held_part
from exports.services.extracts import Capture, captured_by, is_extract
from exports.services.pipeline import ahead
from exports.services.planning import recipients_of, selection_of
from exports.services.reading_back import is_as_written
from exports.services.schemas import EXTENSION, schema_file
from exports.services.sync import Sieve
from exports.sources import open_reader
from exports.sources.base import Reader, Selection
from exports.sources.keys import load_key

format_named(DEFAULT)  # loads its compiled loop when a worker starts, and not in its first run


class _Count:
    """Of an attempt: rows that were read; of a DataSync, what leaves out some of them; of a retention job, what notes their keys."""

    def __init__(self, part: Part) -> None:
        self.rows = 0
        self.sieve = Sieve(part) if part.run.job.kind == Job.Kind.DATA_SYNC else None
        self.capture = Capture(part) if is_extract(part.run.job) else None

    @property
    def suppressed(self) -> int:
        return self.sieve.suppressed if self.sieve else 0

    def through(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches as they are written."""
        if self.sieve:
            return self.sieve.sift(batches)
        return self.capture.take(batches) if self.capture else batches


def write_part(part: Part) -> None:
    """Do all of it. Raises LeaseLost, SourceError, StorageError; whatever was stored by then is removed."""
    files: list[File] = []
    read = _Count(part)
    with Heartbeat(lambda: held_part(part), lambda: {"rows_done": read.rows}) as heartbeat:
        try:
            with open_reader(part.run.job.source.url) as reader:
                heartbeat.on_lost(reader.cancel)
                if part.run.snapshot:
                    reader.use_snapshot(part.run.snapshot)
                _write_files(part, reader, heartbeat, read, files)
            heartbeat.check()
            _record(part, read, files)
        except BaseException:
            for file in files:
                with suppress(StorageError, OSError):  # what stays behind is collected when the run ends
                    remove(default_storage, file.storage_key)
            raise


def _write_files(part: Part, reader: Reader, heartbeat: Heartbeat, read: _Count, files: list[File]) -> None:
    recipients = recipients_of(part.run)
    chosen = selection_of(part.run, part.dataset).between(load_key(part.key_after), load_key(part.key_upto))
    versioned = replace(chosen, version=read.capture is not None)
    batches = ahead(read.through(_counted(reader.batches(versioned, exact=part.exact), read)), heartbeat.check)
    if part.run.job.keys_only:
        _read_only(batches)
        return
    beside = _beside(part, reader, chosen)
    encoding = _Encoding(part, batches)
    with closing(batches), closing(ahead(encoding.pieces(), heartbeat.check)) as encoded:
        try:
            pieces = Pieces(chain.from_iterable(encoded), encoding.writer)
            while pieces.next is not None:
                files.append(_seal_file(part, len(files) + 1, pieces, recipients, beside))
                _verify(files[-1], heartbeat)
                beside = ()
        except BaseException:
            reader.cancel()  # the reading thread may be waiting for the source, and is waited for
            raise


def _read_only(batches: Generator[pa.RecordBatch, None, None]) -> None:
    """To the end, for what is noted on the way."""
    with closing(batches):
        for _ in batches:
            continue


def _beside(part: Part, reader: Reader, chosen: Selection) -> tuple[tuple[str, bytes], ...]:
    """What lies behind the rows in the zip of the part's first file: the dataset's JSON Schema.

    The dataset's first part has it; of a DataSync each, because all rows of the first may have been delivered before.
    """
    has_schema = part.number == 1 or part.run.job.kind == Job.Kind.DATA_SYNC
    return ((f"{_stem(part, 1)}.{EXTENSION}", schema_file(reader, part.dataset, chosen)),) if has_schema else ()


def _counted(batches: Iterator[pa.RecordBatch], read: _Count) -> Iterator[pa.RecordBatch]:
    try:
        for batch in batches:
            read.rows += batch.num_rows
            yield batch
    finally:
        if hasattr(batches, "close"):
            batches.close()


class _Encoding:
    """A part's rows in its job's format; the first batch says which columns there are."""

    def __init__(self, part: Part, batches: Iterator[pa.RecordBatch]) -> None:
        self._part, self._batches = part, batches
        self._encoder: Encoder | None = None

    def pieces(self) -> Iterator[list[Piece]]:
        """A batch's pieces together: handing each over to the next thread by itself would cost more than the encoding."""
        for batch in self._batches:
            if self._encoder is None:
                self._encoder = format_named(self._part.run.job.format).encoder(batch.schema, self._part.dataset.table)
            yield list(self._encoder.pieces(batch, piece_bytes(self._part.run.job.split_bytes)))

    def writer(self) -> Writer:
        assert self._encoder is not None, "a file is begun when there is a piece"
        return self._encoder.writer()


def _seal_file(part: Part, number: int, pieces: Pieces, recipients: list[Recipient], beside: tuple[tuple[str, bytes], ...]) -> File:
    run, stem = part.run, _stem(part, number)
    name = f"{stem}.zip.p7m"
    file_format = format_named(run.job.format)
    member = f"{stem}.{file_format.extension}"
    key = f"{run.organization_id}/{run.pk}/{part.pk}/{part.token}/{name}"
    contents = Contents(member, run.started_at or run.created_at, packed=file_format.packed, beside=beside)
    package = Package(pieces, contents, recipients, run.job.split_bytes)
    write(default_storage, key, package)
    return File(
        organization=run.organization,
        run=run,
        part=part,
        name=name,
        member=member,
        storage_key=key,
        rows=package.rows,
        size=package.size,
        sha256=package.sha256,
        plain_size=package.plain_size,
        zip_sha256=package.zip_sha256,
        recipients=[recipient.fingerprint for recipient in recipients],
        profile=content_type(recipients),
        expires_at=timezone.now() + timedelta(days=settings.FILE_RETENTION_DAYS),
    )


def _stem(part: Part, number: int) -> str:
    """`<EntityType>-<run>`, as the UDM names it; `<EntityType>-Attachment-<run>`; later parts have a number behind."""
    dataset = part.dataset
    kind = f"{dataset.parent.name}-{dataset.name}" if dataset.is_attachment and dataset.parent else dataset.name
    suffix = f"-{part.number}" if part.number > 1 or number > 1 else ""
    return f"{kind}-{part.run_id}{suffix}{f'.{number}' if number > 1 else ''}"


def _verify(file: File, heartbeat: Heartbeat) -> None:
    if not is_as_written(file, heartbeat.check):
        raise StorageError(f"What the storage gave back for {file.name} is not what was written.")


def _record(part: Part, read: _Count, files: list[File]) -> None:
    """The part is done and its files exist: one transaction, fenced by the token."""
    written = read.rows if part.run.job.keys_only else sum(file.rows for file in files)
    if read.capture and captured_by(part) != read.rows:
        raise AssertionError(f"part {part.pk}: {read.rows} rows read, {captured_by(part)} captured")
    if read.rows - read.suppressed != written:
        raise AssertionError(f"part {part.pk}: {read.rows} rows read, {read.suppressed} left out, {written} written")
    with transaction.atomic():
        done = {"status": Part.Status.DONE, "rows_done": written, "suppressed": read.suppressed, "lease_until": None}
        done |= {"binary": read.capture.binary} if read.capture else {}
        if not held_part(part).update(**done):
            raise LeaseLost
        File.objects.bulk_create(files)
