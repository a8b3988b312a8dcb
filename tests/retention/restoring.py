"""Restores in tests: what somebody uploads, and what must hold when one has ended."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from exports.models import Dataset, Extract, Job, Part, Run
from retention.models import Batch, Disposition, Purge, Restore, RetentionJob
from retention.services import dispositions, restores, steps, work
from tests.exports.world import World
from tests.retention.purge_world import Death, PurgeWorld


def parts(world: World, purge: Purge, dataset: str = "") -> list[SimpleUploadedFile]:
    """The decrypted files of the extract, of one dataset or of all."""
    assert purge.run is not None
    files = purge.run.files.filter(part__dataset__name=dataset) if dataset else purge.run.files.all()
    return [upload(file.name, world.decrypted(file)) for file in files.order_by("pk")]


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name.removesuffix(".p7m"), data, "application/zip")


def ask(world: World, purge: Purge, uploads: Sequence[Any] = ()) -> Restore:
    assert purge.status == Purge.Status.COMPLETED, (purge.status, purge.message, purge.traceback)
    return restores.request_restore(world.access, Disposition.objects.get(purge=purge), uploads)


def restored(world: PurgeWorld, purge: Purge, uploads: Sequence[Any] | None = None) -> Restore:
    """Ended, whatever its end."""
    restore = ask(world, purge, parts(world, purge) if uploads is None else uploads)
    world.work()
    restore.refresh_from_db()
    return restore


def completed(world: PurgeWorld, purge: Purge, uploads: Sequence[Any] | None = None) -> Restore:
    restore = restored(world, purge, uploads)
    assert restore.status == Restore.Status.COMPLETED, (restore.message, restore.traceback)
    assert_nothing_left(world, purge)
    return restore


def assert_nothing_left(world: PurgeWorld, purge: Purge) -> None:
    """I8: nothing that was uploaded is stored any more, and what purges had stored is."""
    assert purge.run is not None
    world.assert_whole(*Run.objects.filter(purge__isnull=False))


def restored_counts(purge: Purge) -> dict[str, int]:
    """What a whole restore brings back, by the purge's own ledger."""
    batches = list(Batch.objects.filter(purge=purge))
    attachments_gone = sum(rows for batch in batches for rows in batch.children.values())
    return {"Interaction": sum(batch.deleted for batch in batches), "Attachment": attachments_gone}


def keep_key(world: PurgeWorld, key: bytes | None = None) -> None:
    world.settings.restore_key = (key or world.key).decode()
    world.settings.save()


def die_at(step: str, count: int = 1) -> None:
    """Work as a worker does that dies at that step of a restore. Its lease is over then."""
    left = [count]

    def observe(reached: str) -> None:
        left[0] -= reached == step
        if not left[0]:
            raise Death

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "observer", observe)
        with pytest.raises(Death):
            work.run_until_idle()
    for claimed in (Purge, Run, Part, Restore):
        claimed.objects.update(lease_until=None)


def furnished_disposition(run: Run, dataset: Dataset) -> Disposition:
    """Rows alone: that a purge of the dataset has ended whose extract the run was. (Nothing of it was deleted.)"""
    organization, owner, now = run.organization, run.job.owner, timezone.now()
    Job.objects.filter(pk=run.job_id).update(kind=Job.Kind.RETENTION)
    Extract.objects.get_or_create(job=run.job, dataset=dataset)
    job = RetentionJob.objects.create(organization=organization, kind=RetentionJob.Kind.EXTRACT_PURGE, owner=owner, status="Completed")
    ended = {"status": "completed", "selected": 0, "key_set_sha256": "a" * 64, "started_at": now, "finished_at": now}
    purge = Purge.objects.create(organization=organization, job=job, dataset=dataset, slot=now, terms={"and": []}, run=run, **ended)
    return dispositions.write(purge)
