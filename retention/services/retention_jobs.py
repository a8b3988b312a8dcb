"""Retention jobs: made, looked at, cancelled; begun when their organization's window opens, ended when their purges have.

A job is Pending until a worker finds the window open, InProgress while one of its purges is active, and then what these have become.
Each change of status is a conditional UPDATE, so that whoever else decides at the same time changes nothing, and the end is announced once.
Call `exports.tasks.wake()` after what may have something begin: services know no broker.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from accounts.roles import ADMINISTER_RULES, EXPORT_ALL, READ_RULES
from accounts.services.access import Access, access_to
from exports.models import Dataset, File
from exports.services import certificates, visible
from exports.services.errors import Conflict, Invalid, NotFound, ServiceError
from exports.services.nearest import shown
from exports.services.notices import Event, announce
from exports.services.trail import tell
from exports.sources.predicates import load_predicate
from retention.models import Purge, RetentionJob
from retention.services import purges, windows
from retention.services.job_criteria import read_criteria
from retention.services.job_figures import job_files, outcomes

Status = RetentionJob.Status
ACTIVE = (Status.PENDING, Status.IN_PROGRESS)


# --- Looking ---------------------------------------------------------------------------------------------------------
def listing(access: Access) -> QuerySet[RetentionJob]:
    """The newest first. Raises Denied."""
    access.need(READ_RULES)
    return RetentionJob.objects.filter(organization=access.organization).order_by("-created_at", "-pk")


def find(access: Access, job_id: str) -> RetentionJob:
    """Raises NotFound, Denied."""
    found, pk = listing(access).select_related("organization", "owner"), _uuid(job_id)
    job = found.filter(pk=pk).first() if pk else None
    if job is None:
        raise NotFound("There is no such retention job.")
    return job


def _uuid(text: str) -> UUID | None:
    """Only as it is written here: Python reads braces and `urn:` too."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def files(access: Access, job: RetentionJob) -> QuerySet[File]:
    """The files that may be downloaded. Raises Denied."""
    access.need(ADMINISTER_RULES, EXPORT_ALL)
    seen = visible.extract_files(access) if access.may(ADMINISTER_RULES) else visible.files(access)
    return seen.filter(pk__in=job_files(job)).select_related("part__dataset", "run__job").order_by("pk")


def file(access: Access, job: RetentionJob, name: str) -> File:
    """Raises NotFound, Denied."""
    found = files(access, job).filter(name=name).first() if "\0" not in name else None
    if found is None:
        raise NotFound("This job has no file of that name. It may have expired.")
    return found


# --- Making and cancelling -------------------------------------------------------------------------------------------
def create(access: Access, kind: str, criteria: Mapping[str, str | None]) -> RetentionJob:
    """A job of `access.user` that waits for the window. Raises Invalid naming each wrong field, Conflict if a source cannot be read, and Denied."""
    access.need(ADMINISTER_RULES)
    resources = read_criteria(access, criteria)
    _check_kind(kind, [(resource.name, resource.dataset) for resource in resources])
    if not certificates.usable(access.organization, timezone.now()).exists():
        raise Invalid({"certificate": "There is no valid certificate to seal the extract for. Upload one first."})
    job = RetentionJob(
        organization=access.organization,
        owner=access.user,
        kind=kind,
        criteria={resource.name: criteria[resource.name] for resource in resources},
        resources=[resource.stored() for resource in resources],
    )
    with transaction.atomic():
        job.save(force_insert=True)
        tell(access, "retention-job.create", job, after={"kind": job.kind, "criteria": job.criteria})
    return job


def _check_kind(kind: str, named: Iterable[tuple[str, Dataset]]) -> None:
    if kind not in RetentionJob.Kind.values:
        raise Invalid({"jobType": f'jobType "{shown(kind)}" is unknown. There are: {", ".join(RetentionJob.Kind.values)}.'})
    if kind == RetentionJob.Kind.EXTRACT_PURGE:
        keyless = {f"criteria.{name}": dataset for name, dataset in named if not dataset.key_columns}
        if keyless:
            why = "has no key columns, and rows are purged by their keys. It can be extracted only."
            raise Invalid({field: f"{field}: {dataset.name} {why}" for field, dataset in keyless.items()})


@transaction.atomic
def cancel(access: Access, job: RetentionJob) -> RetentionJob:
    """Its purges are cancelled, and it ends with them: at once, or after the batch that is at work. Rows that are gone stay gone.

    Raises Conflict if it has ended, NotFound, Denied.
    """
    access.need(ADMINISTER_RULES)
    job, message = find(access, str(job.pk)), f"Cancelled by {access.user.get_username()}."
    before = {"status": job.status}
    for purge in job.purges.filter(status__in=Purge.ACTIVE).order_by("pk"):
        purges.cancel(access, purge)
    if job.purges.filter(status__in=Purge.ACTIVE).exists():
        RetentionJob.objects.filter(pk=job.pk).update(message=f"{message} The batch that is at work ends first.")
    elif not _end(job, ACTIVE, Status.CANCELLED, message, timezone.now()):
        job.refresh_from_db()
        raise Conflict(f"The job is {job.status}: there is nothing to cancel.")
    job.refresh_from_db()
    tell(access, "retention-job.cancel", job, before=before, after={"status": job.status, "message": job.message})
    return job


def begins_at(job: RetentionJob, now: datetime) -> datetime | None:
    """When a job that is pending begins: as soon as its organization's window is open."""
    pending = job.status == Status.PENDING
    return windows.next_open(windows.settings_of(job.organization), now) if pending else None


# --- Begin and end ---------------------------------------------------------------------------------------------------
def start_due_jobs(now: datetime) -> int:
    """Begin the jobs that wait, the oldest first, wherever the organization's window is open at `now`. How many began."""
    pending = RetentionJob.objects.filter(status=Status.PENDING)
    waiting = Organization.objects.filter(pk__in=pending.values("organization"))
    opened = [organization for organization in waiting if windows.is_open(windows.settings_of(organization), now)]
    due = pending.filter(organization__in=opened).select_related("organization", "owner").order_by("created_at", "pk")
    return sum(_start(job, now) for job in due)


def settle_jobs(now: datetime) -> int:
    """End the jobs of which no purge is active any more. How many ended."""
    busy = Purge.objects.filter(status__in=Purge.ACTIVE, job__isnull=False).values("job")
    over = RetentionJob.objects.filter(status=Status.IN_PROGRESS).exclude(pk__in=busy)
    return sum(settle(job, now) for job in over.select_related("organization", "owner"))


def settle(job: RetentionJob, now: datetime) -> bool:
    """End the job as its purges have ended; False while one is active, or if somebody else has ended it."""
    found = list(job.purges.select_related("dataset").order_by("pk"))
    if any(purge.is_active for purge in found):
        return False
    return _end(job, (Status.IN_PROGRESS,), *_end_of(found), now)


def _end_of(found: Iterable[Purge]) -> tuple[str, str]:
    """(status, message): failed if one purge has, else cancelled if one was, else completed."""
    ends = {Purge.Status.FAILED: Status.FAILED, Purge.Status.CANCELLED: Status.CANCELLED}
    worst = {end: [purge for purge in found if purge.status == status] for status, end in ends.items()}
    for end, of_it in worst.items():
        if of_it:
            return end, " ".join(f"{purge.dataset.name}: {purge.message or end}" for purge in of_it)
    return Status.COMPLETED, ""


def _start(job: RetentionJob, now: datetime) -> bool:
    try:
        return _begin(job, now)
    except ServiceError as error:
        _end(job, (Status.PENDING,), Status.FAILED, str(error), now)
        return False


@transaction.atomic
def _begin(job: RetentionJob, now: datetime) -> bool:
    """One purge for each resource. False if it is not pending any more."""
    if not RetentionJob.objects.filter(pk=job.pk, status=Status.PENDING).update(status=Status.IN_PROGRESS, started_at=now):
        return False
    _check_owner(job)
    there = Dataset.objects.filter(source__organization=job.organization).in_bulk([resource["dataset"] for resource in job.resources])
    for resource in job.resources:
        dataset = there.get(resource["dataset"])
        if dataset is None:
            raise NotFound(f"{resource['name']} is no dataset any more.")
        purges.request_purge(
            dataset=dataset,
            terms=load_predicate(resource["where"]),
            slot=now,
            job=job,
            extract_only=job.kind == RetentionJob.Kind.EXTRACT,
        )
    return True


def _check_owner(job: RetentionJob) -> None:
    """Raises Conflict."""
    access = access_to(job.owner, job.organization)
    if access is None or not access.may(ADMINISTER_RULES):
        raise Conflict(f"{job.owner} may no longer administer retention rules here, and the job acts with their permissions.")


@transaction.atomic
def _end(job: RetentionJob, since: tuple[str, ...], status: str, message: str, now: datetime) -> bool:
    """False, and nothing is changed or announced, unless the job is in one of the statuses `since`."""
    ended = {"status": status, "message": message, "finished_at": now}
    if not RetentionJob.objects.filter(pk=job.pk, status__in=since).update(**ended):
        return False
    job.refresh_from_db(fields=["status", "message", "started_at", "finished_at"])
    announce(Event.RETENTION_JOB_COMPLETED, organization=job.organization, subject=job, facts=_facts(job))
    return True


def _facts(job: RetentionJob) -> dict[str, Any]:
    total = outcomes([job])[job.pk].total
    return {
        "job": str(job.pk),
        "type": job.kind,
        "status": job.status,
        "rows_extracted": total.rows_extracted,
        "rows_purged": total.rows_purged,
        "rows_kept": total.rows_kept,
        "files": job_files(job).count(),
        "message": job.message,
    }
