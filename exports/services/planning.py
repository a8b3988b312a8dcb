"""Before the first byte: who asks, for whom it is sealed, what can be written exactly, and into which parts it is cut."""

from collections.abc import Generator, Iterator

import pyarrow as pa
from cryptography import x509
from django.db import transaction
from django.utils import timezone
from isal import isal_zlib

from accounts.roles import ADMINISTER_RULES
from accounts.services.access import Denied, access_to
from exports.formats import format_named
from exports.formats.base import Buffer
from exports.models import Certificate, Dataset, Job, Part, Run
from exports.sealing.cms import Recipient, content_type
from exports.sealing.package import room
from exports.services import sync
from exports.services.catalogue import changes, selection
from exports.services.claiming import LeaseLost, held_run
from exports.services.extracts import extract_selection, extract_selections, is_extract
from exports.services.filters import check_exported, conditions_of
from exports.services.visible import check_export
from exports.sources import open_reader
from exports.sources.base import Key, MixedColumn, Reader, Selection
from exports.sources.keys import dump_key

_FILL = 0.9
"""How much of the split size a part is planned for: what is estimated from a sample may be larger."""


class ExportFailed(Exception):
    """The run cannot go on, for a reason that its owner can mend. The text is the sentence for the owner."""


def recipients_of(run: Run) -> list[Recipient]:
    """The certificates that were frozen when the run was planned."""
    rows = Certificate.objects.filter(pk__in=run.recipients).order_by("pk")
    return [Recipient(x509.load_pem_x509_certificate(row.pem.encode()), row.profile) for row in rows]


def selections(run: Run) -> list[tuple[Dataset, Selection]]:
    """What the run reads: its dataset, and that dataset's attachments if the job asks for them; of a retention job, what it takes out."""
    job = run.job
    if is_extract(job):
        return extract_selections(job)
    datasets = [job.dataset]
    if job.export_attachments:
        datasets += job.dataset.children.filter(is_attachment=True).order_by("name")
    return [(dataset, selection_of(run, dataset)) for dataset in datasets]


def selection_of(run: Run, dataset: Dataset) -> Selection:
    """The rows of `dataset` for this run. A time frame that is open at its end is closed by the frozen cut-off."""
    job = run.job
    assert run.cutoff is not None, "a run's cut-off is frozen when it is planned"
    if is_extract(job):
        return extract_selection(job, dataset)
    if job.kind == Job.Kind.DATA_SYNC:
        return changes(dataset, run.since, run.cutoff, subtypes=tuple(job.media), conditions=conditions_of(job))
    until = None if job.all_time else min(job.date_to or run.cutoff, run.cutoff)
    return selection(dataset, date_from=job.date_from, date_to=until, subtypes=tuple(job.media), conditions=conditions_of(job))


def plan(run: Run) -> Reader:
    """Freeze the run's terms and create its parts. Gives the reader whose snapshot the parts read in: keep it open meanwhile."""
    check_owner(run.job)
    if not run.job.keys_only:
        run.recipients = [certificate.pk for certificate in _usable_certificates(run)]
        content_type(recipients_of(run))
    _freeze_window(run)
    check_exported(run.job.dataset, conditions_of(run.job))
    reader = open_reader(run.job.source.url)
    reader.__enter__()
    try:
        run.snapshot = reader.export_snapshot()
        planned = [(dataset, *_ranges(reader, run, dataset, chosen)) for dataset, chosen in selections(run)]
        _save(run, planned)
    except BaseException:
        reader.__exit__(None, None, None)
        raise
    return reader


def _freeze_window(run: Run) -> None:
    """Raises ExportFailed if a dataset has lost what DataSync needs."""
    if run.job.kind != Job.Kind.DATA_SYNC:
        run.cutoff = run.cutoff or timezone.now()
        return
    run.since, run.cutoff = sync.window(run.job, timezone.now())
    if wrong := next((why for dataset, _ in selections(run) if (why := sync.why_not(dataset))), ""):
        raise ExportFailed(wrong)


def check_owner(job: Job) -> None:
    """A job runs with what its owner may do at that moment (semantics; security: role revoked mid-run). Raises ExportFailed."""
    access = access_to(job.owner, job.organization)
    if access is None:
        wrong = f"no longer belongs to {job.organization}" if job.owner.is_active else "is no longer active"
        raise ExportFailed(f"The job's owner {job.owner} {wrong}. Clone the job: the copy runs as yours.")
    try:
        access.need(ADMINISTER_RULES) if is_extract(job) else check_export(access, job.source)
    except Denied as denied:
        raise ExportFailed(f"The job runs with its owner's permissions. {denied}") from None


def _usable_certificates(run: Run) -> list[Certificate]:
    active = list(Certificate.objects.filter(organization=run.organization, is_active=True))
    if not active:
        raise ExportFailed("There is no certificate to seal for. Upload one, then run the job again.")
    expired = [certificate.name for certificate in active if certificate.not_after <= timezone.now()]
    if expired:
        raise ExportFailed(f"The certificate {expired[0]} has expired. Upload a new one, or make it inactive, then run the job again.")
    return active


def _ranges(reader: Reader, run: Run, dataset: Dataset, chosen: Selection) -> tuple[int, list[Key]]:
    """(rows, the keys at which to cut). Without a key, or if all fits into one file, there is nothing to cut."""
    reader.check(chosen)
    if run.job.keys_only:
        return reader.count(chosen), []
    format_named(run.job.format).encoder(reader.schema(chosen), dataset.table)  # raises FormatError before anything is written
    rows = reader.count(chosen)
    if not rows or not chosen.key:
        return rows, []
    usable = max(room(run.job.split_bytes, len(run.recipients)), run.job.split_bytes // 2)
    per_part = int(usable * _FILL / _sealed_bytes_a_row(reader, run, dataset, chosen))
    return rows, [] if per_part >= rows else reader.boundaries(chosen, max(per_part, 1))


def _sealed_bytes_a_row(reader: Reader, run: Run, dataset: Dataset, chosen: Selection) -> float:
    """Estimated from the first batch."""
    try:
        return _measured(run, dataset, _first(reader.batches(chosen)))
    except MixedColumn:  # of the reader, or of the format: then the part that holds it will be read value by value too
        return _measured(run, dataset, _first(reader.batches(chosen, exact=True)))


def _measured(run: Run, dataset: Dataset, batch: pa.RecordBatch) -> float:
    deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    size = sum(len(deflate.compress(data)) for data in _file_of(run, dataset, batch)) + len(deflate.flush())
    return size / max(int(batch.num_rows), 1)


def _file_of(run: Run, dataset: Dataset, batch: pa.RecordBatch) -> Iterator[Buffer]:
    encoder = format_named(run.job.format).encoder(batch.schema, dataset.table)
    writer = encoder.writer()
    for piece in encoder.pieces(batch):
        yield from writer.write(piece)
    yield from writer.end()


def _first(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch:
    try:
        return next(batches)
    finally:
        if isinstance(batches, Generator):
            batches.close()


def _save(run: Run, planned: list[tuple[Dataset, int, list[Key]]]) -> None:
    parts = [
        Part(run=run, dataset=dataset, number=number, key_after=dump_key(after), key_upto=dump_key(upto))
        for dataset, rows, cuts in planned
        if rows
        for number, (after, upto) in enumerate(zip([None, *cuts], [*cuts, None], strict=True), start=1)
    ]
    with transaction.atomic():
        terms = {
            "since": run.since,
            "cutoff": run.cutoff,
            "snapshot": run.snapshot,
            "recipients": run.recipients,
            "rows_total": sum(rows for _, rows, _ in planned),
            "planned_at": timezone.now(),
            "lease_until": None,
        }
        moved = run.job.kind == Job.Kind.DATA_SYNC and not sync.is_as_planned(run.job)
        if moved or not held_run(run).update(**terms):
            raise LeaseLost
        Part.objects.bulk_create(parts)
