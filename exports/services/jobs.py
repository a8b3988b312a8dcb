"""Jobs: made, changed, suspended, resumed, cancelled, cloned, deleted. Each change takes its beat row and its audit entry along in one transaction.

Whoever acts is an Access, and a job that it does not see is NotFound. Call `exports.tasks.wake()` after what may have started a run: services know no broker.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Organization
from accounts.services.access import Access
from accounts.services.audit import values_of
from exports.models import Job, Run
from exports.services import certificates, visible
from exports.services.beat_rows import remove_beat, sync_beat
from exports.services.definitions import JobDefinition, definition_of, job_fields
from exports.services.errors import Conflict, Invalid, NotFound
from exports.services.runs import Status, current_runs, run_status, stop
from exports.services.schedule import due_slots, first_slot
from exports.services.starting import skipped_run, start
from exports.services.trail import JOB, changing, tell

SCHEDULE_TYPES = ("immediately", "once", "cron")


# --- Looking -------------------------------------------------------------------------------------------------------
def listing(
    access: Access,
    *,
    title: str = "",
    type: str = "",  # noqa: A002 the word of the documents
    source: str = "",
    schedule_type: str = "",
    suspended: bool | None = None,
) -> QuerySet[Job]:
    """The jobs. Texts filter by what contains them; `type` matches the job's type (UCS) and its data type."""
    chosen = Q(title__icontains=title) & Q(source__key__icontains=source) & (Q(kind__icontains=type) | Q(dataset__name__icontains=type))
    if suspended is not None:
        chosen &= Q(suspended=suspended)
    if schedule_type == "cron":
        chosen &= ~Q(cron="")
    elif schedule_type:
        chosen &= Q(cron="", start_date__isnull=schedule_type == "immediately")
    return visible.jobs(access).filter(chosen).select_related("source", "dataset")


def find(access: Access, job_id: int) -> Job:
    """Raises NotFound."""
    job = listing(access).filter(pk=job_id).first()
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job


def job_status(job: Job) -> Status:
    """Suspended, else the state of the run that goes on, else Scheduled, else how the last run ended."""
    return status_beside(job, current_runs([job]).get(job.pk))


def status_beside(job: Job, current: Run | None) -> Status:
    """The same of a job whose entry in `current_runs()` is known."""
    if job.suspended:
        return Status.SUSPENDED
    if current and current.is_active:
        return run_status(current)
    if job.next_slot:
        return Status.SCHEDULED
    if job.cancelled_at:
        return Status.CANCELLED
    return run_status(current) if current else Status.COMPLETED


# --- Making and changing -------------------------------------------------------------------------------------------
def create_job(access: Access, definition: JobDefinition) -> Job:
    """The job of `access.user`, its beat row, and its first run if it starts at once. Raises Invalid, Denied; nothing is made then."""
    now = timezone.now()
    return _create(access, job_fields(access, definition, now), now)


@transaction.atomic
def _create(access: Access, fields: Mapping[str, Any], now: datetime) -> Job:
    _need_certificate(access.organization, now)
    job = Job(organization=access.organization, owner=access.user, created_at=now, **fields)
    _begin(job, now)
    tell(access, "job.create", job, after=values_of(job, JOB))
    return job


def update_job(access: Access, job: Job, definition: JobDefinition) -> Job:
    """Replace the definition. Raises NotFound, Invalid, or Conflict if the job has ever started or is cancelled."""
    job, now = find(access, job.pk), timezone.now()
    return _update(access, job, job_fields(access, definition, now), now)


@transaction.atomic
def _update(access: Access, job: Job, fields: Mapping[str, Any], now: datetime) -> Job:
    job = _locked(access, job)
    job.runs.filter(status=Run.Status.PENDING, token=0).delete()
    if job.runs.exists() or job.cancelled_at:
        raise Conflict(
            f"Job {job.pk} has already started or was cancelled; only a job that has not started can be changed. Clone it instead."
        )
    with changing(access, "job.update", job):
        for name, value in fields.items():
            setattr(job, name, value)
        _begin(job, now)
    return job


def clone(access: Access, job: Job) -> Job:
    """A suspended copy that belongs to `access.user`. A start that has passed becomes a start on resuming."""
    job, now = find(access, job.pk), timezone.now()
    copy = replace(definition_of(job), title=f"{job.title[:190]} (copy)", suspended=True)
    if not copy.cron and copy.start_date and copy.start_date < now:
        copy = replace(copy, start_date=None, immediately=True, misfire=Job.Misfire.ONCE.value)
    fields = job_fields(access, copy, now)
    with transaction.atomic():
        job = _locked(access, job)
        made = _create(access, fields, now)
        tell(access, "job.clone", job, after={"copy": made.pk})
    return made


@transaction.atomic
def run_now(access: Access, job: Job) -> Run:
    """Start the job once more, whatever its schedule. Raises Conflict while one of its runs goes on, Invalid without certificate."""
    job, now = _locked(access, job), timezone.now()
    _need_certificate(job.organization, now)
    if job.cancelled_at:
        raise Conflict(f"Job {job.pk} is Cancelled: it does not run again. Clone it instead.")
    if active := job.runs.filter(status__in=Run.ACTIVE).first():
        raise Conflict(f"Job {job.pk} is {run_status(active)}; wait until run {active.pk} ends, or cancel it.")
    run = Run.objects.create(organization=job.organization, job=job, slot=now, created_at=now)
    tell(access, "job.run", job, after={"run": run.pk})
    return run


# --- Suspending, resuming, ending ----------------------------------------------------------------------------------
@transaction.atomic
def suspend_job(access: Access, job: Job) -> Job:
    """Start nothing more until resumed; a run that goes on is not touched. Raises Conflict if no start is ahead."""
    job = _locked(access, job)
    if job.suspended:
        raise Conflict(f"Job {job.pk} is already suspended.")
    if job.next_slot is None:
        raise Conflict(f"Job {job.pk} has no start ahead that could be suspended.")
    with changing(access, "job.suspend", job):
        job.suspended = True
        job.save(update_fields=["suspended"])
        sync_beat(job)
    return job


@transaction.atomic
def resume_job(access: Access, job: Job) -> Job:
    """Go on. Cron slots that passed meanwhile are recorded as one skipped run; a single start that passed happens now.

    Raises Conflict if the job is not suspended, Invalid without a usable certificate.
    """
    job, now = _locked(access, job), timezone.now()
    if not job.suspended:
        raise Conflict(f"Job {job.pk} is not suspended.")
    _need_certificate(job.organization, now)
    with changing(access, "job.resume", job):
        job.suspended, job.suspended_because, job.failures = False, "", 0
        if job.cron and job.next_slot and job.next_slot <= now:
            _record_skipped(job, now)
        job.save(update_fields=["suspended", "suspended_because", "failures", "next_slot"])
        sync_beat(job)
        if job.next_slot and job.next_slot <= now:
            start(job, now)
    return job


@transaction.atomic
def cancel_job(access: Access, job: Job) -> Job:
    """Cancel the job's runs that wait or go on; if there is none, what is ahead of it. Raises Conflict if there is neither."""
    job = _locked(access, job)
    active = list(job.runs.filter(status__in=Run.ACTIVE))
    if not active and job.next_slot is None:
        raise Conflict(f"Job {job.pk} is {job_status(job)}; there is nothing to cancel.")
    with changing(access, "job.cancel", job, runs=[run.pk for run in active]):
        for run in active:
            stop(run, f"Cancelled by {access.user.get_username()}.")
        if not active:
            _stop(job)
            job.cancelled_at = timezone.now()
            job.save(update_fields=["cancelled_at", *_STOPPED])
    return job


@transaction.atomic
def delete_job(access: Access, job: Job) -> None:
    """The job disappears, its history stays. What waits is cancelled; raises Conflict while a run is in progress."""
    job = _locked(access, job)
    for run in job.runs.filter(status=Run.Status.PENDING):
        stop(run, f"Its job was deleted by {access.user.get_username()}.")
    if job.runs.filter(status=Run.Status.IN_PROGRESS).exists():
        raise Conflict(f"Job {job.pk} is InProgress; cancel it before you delete it.")
    with changing(access, "job.delete", job):
        _stop(job)
        job.deleted_at = timezone.now()
        job.save(update_fields=["deleted_at", *_STOPPED])


@transaction.atomic
def delete_jobs(access: Access, job_ids: Iterable[int]) -> None:
    """Delete all of them, or none if one is unknown (NotFound) or in progress (Conflict)."""
    # All are locked first and in one order, so that two who delete or change the same jobs do not wait for each other.
    for job in [_locked(access, find(access, job_id)) for job_id in sorted(set(job_ids))]:
        delete_job(access, job)


def delete_each(access: Access, job_ids: Iterable[int]) -> list[int]:
    """Delete those that can be deleted. The ids of the others, which are in progress or unknown; raises NotFound if all are unknown."""
    wanted = sorted(set(job_ids))
    known = set(visible.jobs(access).filter(pk__in=wanted).values_list("pk", flat=True))
    if not known:
        raise NotFound(f"There is no job {wanted[0]}.")
    return [job_id for job_id in wanted if job_id not in known or not _deleted(access, job_id)]


def _deleted(access: Access, job_id: int) -> bool:
    try:
        delete_job(access, find(access, job_id))
    except (Conflict, NotFound):
        return False
    return True


# --- Steps ---------------------------------------------------------------------------------------------------------
def _locked(access: Access, job: Job) -> Job:
    """The job as it is now, held until the transaction ends (SQLite's transactions hold everything anyway). Raises NotFound."""
    held = visible.jobs(access).select_for_update(of=("self",)).select_related("organization", "source", "dataset")
    found = held.filter(pk=job.pk).first()
    if found is None:
        raise NotFound(f"There is no job {job.pk}.")
    return found


def _begin(job: Job, now: datetime) -> None:
    """Save a job that has not started, with its first slot; start it if that is now."""
    job.next_slot = first_slot(job, now)
    if job.next_slot is None:
        raise Invalid({"schedulerParam.cron": "schedulerParam.cron names no moment to come."})
    job.save()
    sync_beat(job)
    if job.next_slot <= now and not job.suspended:
        start(job, now)


_STOPPED = ("next_slot", "suspended", "suspended_because")


def _stop(job: Job) -> None:
    job.next_slot, job.suspended, job.suspended_because = None, False, ""
    remove_beat([job])


def _record_skipped(job: Job, now: datetime) -> None:
    missed, job.next_slot = due_slots(job, now)
    skipped_run(job, missed, "the job was suspended", now).save()


def _need_certificate(organization: Organization, now: datetime) -> None:
    if not certificates.usable(organization, now).exists():
        raise Invalid({"certificate": "There is no valid certificate to seal for, so nothing can be exported. Upload one first."})
