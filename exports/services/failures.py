"""Failures in a row: the last before a job's limit is warned of, and at the limit the job is suspended.

A run that failed or errored counts, one that was cancelled or skipped does not; one that completes, and resuming the job, start
anew. A job with no start ahead has nothing to suspend. The functions are called in the transaction that ends the run.
"""

from collections.abc import Mapping

from django.conf import settings

from accounts.services.audit import record, values_of
from exports.models import Job
from exports.services.beat_rows import sync_beat
from exports.services.notices import Event, Fact, announce
from exports.services.trail import JOB


def hold(job_id: int) -> Job:
    """The job, held until the transaction ends. Before its run: whoever changes jobs holds them in that order too."""
    return Job.objects.select_for_update(of=("self",)).select_related("organization", "owner").get(pk=job_id)


def count_failure(job: Job, facts: Mapping[str, Fact]) -> None:
    """One more run of the job, which is held, has failed. `facts`: what the notice of the run tells."""
    limit = settings.FAILURES_BEFORE_SUSPENSION
    job.failures += 1
    job.save(update_fields=["failures"])
    if not limit or job.suspended or job.next_slot is None:
        return
    told = {**facts, "failures": job.failures, "limit": limit}
    if job.failures >= limit:
        _suspend(job, told)
    elif job.failures == limit - 1:
        announce(Event.JOB_SUSPENSION_WARNING, organization=job.organization, subject=job, facts=told)


def forget_failures(job: Job) -> None:
    """A run of the job, which is held, has completed."""
    if job.failures:
        job.failures = 0
        job.save(update_fields=["failures"])


def _suspend(job: Job, facts: Mapping[str, Fact]) -> None:
    before = values_of(job, JOB)
    runs = "run" if job.failures == 1 else f"{job.failures} runs in a row"
    job.suspended, job.suspended_because = True, f"Suspended because its last {runs} failed. The last one: {facts['message']}"
    job.save(update_fields=["suspended", "suspended_because"])
    sync_beat(job)
    announce(Event.JOB_SUSPENDED, organization=job.organization, subject=job, facts=facts)
    record("job.suspend", job, organization=job.organization, user=None, before=before, after=values_of(job, JOB))
