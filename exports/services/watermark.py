"""The watermark of a DataSync job, moved by hand: back to deliver again, forward to leave out."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.services.access import Access
from exports.models import Delivered, Job, Run
from exports.services import visible
from exports.services.errors import Conflict, Invalid, NotFound
from exports.services.trail import changing


def check_sync(job: Job) -> Job:
    """Raises Conflict if the job has no watermark."""
    if job.kind != Job.Kind.DATA_SYNC:
        raise Conflict(f"Job {job.pk} exports a time frame; only a job of the type DataSync has a watermark.")
    return job


@transaction.atomic
def set_watermark(access: Access, job: Job, moment: datetime | None) -> Job:
    """The next run reads what changed from `moment` on, whether it was delivered or not; None: everything.

    Raises Conflict if the job is no DataSync or one of its runs is in progress, Invalid for a moment to come, NotFound.
    """
    found = (
        visible.jobs(access).select_for_update(of=("self",)).select_related("organization", "source", "dataset").filter(pk=job.pk).first()
    )
    if found is None:
        raise NotFound(f"There is no job {job.pk}.")
    check_sync(found)
    if moment and moment > timezone.now():
        raise Invalid(
            {"watermark": "watermark is in the future: what changes until then would be left out. Name a moment that has passed."}
        )
    if found.runs.filter(status=Run.Status.IN_PROGRESS).exists():
        raise Conflict(f"Job {found.pk} is InProgress; wait until its run ends, or cancel it, before you move the watermark.")
    with changing(access, "job.watermark", found):
        found.watermark = found.sync_from = moment
        found.save(update_fields=["watermark", "sync_from"])
        Delivered.objects.filter(job=found).delete()
    return found
