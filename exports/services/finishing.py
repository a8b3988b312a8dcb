"""The end of a run: the manifest is written last, then its files are listed; or it failed and nothing of it stays."""

import hashlib
import json
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count, F, QuerySet, Sum
from django.utils import timezone

from exports.models import Captured, Delivered, File, Job, Part, Run
from exports.sealing.storage import StorageError, give_up_uploads, keys_below, read_hash, remove, write
from exports.services.claiming import LeaseLost, held_run
from exports.services.extracts import captured_by, is_extract
from exports.services.failures import count_failure, forget_failures, hold
from exports.services.notices import Event, announce
from exports.services.sync import settle


def folder_of(run: Run) -> str:
    return f"{run.organization_id}/{run.pk}"


def finish(run: Run) -> None:
    """Reconcile the counts, write and read back the manifest, complete the run, collect what stale attempts left."""
    _reconcile(run)
    text = json.dumps(manifest(run), indent=1, sort_keys=True).encode()
    key, sha256 = f"{folder_of(run)}/manifest-{run.token}.json", hashlib.sha256(text).hexdigest()
    write(default_storage, key, [text])
    if read_hash(default_storage, key) != (len(text), sha256):
        raise StorageError("What the storage gave back for the manifest is not what was written.")
    completed = {
        "status": Run.Status.COMPLETED,
        "manifest_key": key,
        "manifest_sha256": sha256,
        "finished_at": timezone.now(),
        "lease_until": None,
    }
    if not _complete(run, completed):
        remove(default_storage, key)
        raise LeaseLost
    run.refresh_from_db()
    collect(run)


@transaction.atomic
def _complete(run: Run, completed: dict[str, Any]) -> bool:
    """False if another worker has it, or it was cancelled."""
    job = hold(run.job_id)
    if not held_run(run).update(**completed):
        return False
    if is_extract(job):
        return True  # retention tells what became of it
    forget_failures(job)
    if run.job.kind == Job.Kind.DATA_SYNC:
        settle(run, job)
    sums = run.files.aggregate(files=Count("pk"), rows=Sum("rows"), bytes=Sum("size"))
    facts = {**job_facts(run), **{name: value or 0 for name, value in sums.items()}}
    announce(Event.RUN_COMPLETED, organization=run.organization, subject=run, facts=facts)
    return True


def job_facts(run: Run) -> dict[str, str | int | None]:
    """What every notice about a run tells of its job."""
    job = run.job
    return {"job": job.pk, "title": job.title, "source": job.source.key, "dataset": job.dataset.name, "slot": run.slot.isoformat()}


def _reconcile(run: Run) -> None:
    for part in run.parts.all():
        rows = captured_by(part) if run.job.keys_only else sum(file.rows for file in part.files.all())
        if part.status != Part.Status.DONE or rows != part.rows_done:
            raise AssertionError(f"part {part.pk} is {part.status} with {part.rows_done} rows, its files have {rows}")


def manifest(run: Run) -> dict[str, Any]:
    """What the run wrote. Sizes in bytes, hashes SHA-256 in hex, moments ISO 8601; key ranges are (after, upto], null = open."""
    job = run.job
    return {
        "run": run.pk,
        "job": job.pk,
        "organization": str(run.organization_id),
        "source": job.source.key,
        "dataset": job.dataset.name,
        "subTypes": job.media,
        "filters": job.filters,
        **_frame(run),
        "cutoff": run.cutoff.isoformat() if run.cutoff else None,
        "snapshot": run.snapshot,
        "rows": sum(file.rows for file in run.files.all()),
        "files": [_file_entry(file) for file in run.files.select_related("part__dataset").order_by("pk")],
    }


def _frame(run: Run) -> dict[str, Any]:
    """The time frame; of a DataSync when the rows changed, and how many were left out because they had been delivered."""
    job = run.job
    if job.kind != Job.Kind.DATA_SYNC:
        return {"from": job.date_from and job.date_from.isoformat(), "to": job.date_to and job.date_to.isoformat()}
    return {
        "from": run.since and run.since.isoformat(),
        "to": run.cutoff and run.cutoff.isoformat(),
        "previousWatermark": job.watermark and job.watermark.isoformat(),
        "suppressed": sum(part.suppressed for part in run.parts.all()),
    }


def _file_entry(file: File) -> dict[str, Any]:
    return {
        "name": file.name,
        "member": file.member,
        "dataset": file.part.dataset.name,
        "part": file.part.number,
        "keyAfter": file.part.key_after,
        "keyUpto": file.part.key_upto,
        "rows": file.rows,
        "size": file.size,
        "sha256": file.sha256,
        "plainSize": file.plain_size,
        "zipSha256": file.zip_sha256,
        "contentType": file.profile,
        "recipients": file.recipients,
    }


def fail(held: QuerySet[Run], message: str, *, traceback: str = "") -> None:
    """End the run (if it is still held): `failed` with a sentence, or `errored` if there is a traceback.

    Workers at its other parts stop at their next beat.
    """
    status = Run.Status.ERRORED if traceback else Run.Status.FAILED
    ended = {"status": status, "message": message, "traceback": traceback, "finished_at": timezone.now(), "lease_until": None}
    with transaction.atomic():
        run = held.select_related("organization", "job__owner", "job__source", "job__dataset").first()
        job = hold(run.job_id) if run else None
        if run and job and held.update(**ended) and not is_extract(job):
            facts = {**job_facts(run), "message": message}
            announce(Event.RUN_FAILED, organization=run.organization, subject=run, facts=facts)
            count_failure(job, {**facts, "run": run.pk})


def collect(run: Run) -> int:
    """Remove every object of an ended run that none of its files is. Gives how many. A run that did not complete keeps none.

    Raises StorageError: then it is still to be collected.
    """
    began = timezone.now()
    with transaction.atomic():
        if run.status != Run.Status.COMPLETED:
            run.files.all().delete()
            Captured.objects.filter(part__run=run).delete()
        Captured.objects.filter(part__run=run).exclude(token=F("part__token")).delete()
        Delivered.objects.filter(part__run=run).delete()
        kept = {*run.files.filter(deleted_at=None).values_list("storage_key", flat=True), run.manifest_key}
    leftovers = [key for key in keys_below(default_storage, folder_of(run)) if key not in kept]
    for key in leftovers:
        remove(default_storage, key)
    give_up_uploads(default_storage, folder_of(run))
    Run.objects.filter(pk=run.pk).update(collected_at=began)
    return len(leftovers)
