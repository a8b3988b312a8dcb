"""What users do with runs: look at them, cancel, delete. How runs are executed is claiming, planning, writing and finishing."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Now

from accounts.services.access import Access
from exports.models import File, Job, Part, Run
from exports.sealing.storage import StorageError, keys_below, remove
from exports.services import files, visible
from exports.services.errors import Conflict, NotFound
from exports.services.figures import removed
from exports.services.finishing import folder_of
from exports.services.trail import tell

logger = logging.getLogger(__name__)


class Status(StrEnum):
    """What users see as the state of a job or of a run."""

    SCHEDULED = "Scheduled"
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


_STATUS_OF = {
    Run.Status.PENDING: Status.PENDING,
    Run.Status.IN_PROGRESS: Status.IN_PROGRESS,
    Run.Status.COMPLETED: Status.COMPLETED,
    Run.Status.FAILED: Status.FAILED,
    Run.Status.ERRORED: Status.FAILED,
    Run.Status.CANCELLED: Status.CANCELLED,
    Run.Status.SKIPPED: Status.CANCELLED,
}


@dataclass(frozen=True)
class Outcome:
    """What a run has brought so far: per cent, its listed files (names, and sealed bytes of all together), and those that are gone."""

    progress: int = 0
    file_names: tuple[str, ...] = ()
    file_size: int = 0
    removed: Mapping[str, int] = field(default_factory=dict)
    """How many of its files are gone, by File.Removal."""


def run_status(run: Run) -> Status:
    return _STATUS_OF[Run.Status(run.status)]


def history(
    access: Access,
    *,
    title: str = "",
    type: str = "",  # noqa: A002 the word of the documents
    source: str = "",
    status: Status | None = None,
    job_id: int | None = None,
    file_name: str = "",
) -> QuerySet[Run]:
    """The organization's runs. Texts filter by what contains them; `type` matches the job's type (UCS) and its data type."""
    chosen: Q = Q(job__title__icontains=title) & Q(job__source__key__icontains=source)
    chosen &= Q(job__kind__icontains=type) | Q(job__dataset__name__icontains=type)
    if status:
        chosen &= Q(status__in=[of_run for of_run, seen in _STATUS_OF.items() if seen == status])
    if job_id is not None:
        chosen &= Q(job_id=job_id)
    found = visible.runs(access).filter(chosen)
    if file_name:
        found = found.filter(Exists(File.objects.filter(run=OuterRef("pk"), name__icontains=file_name)))
    return found.select_related("job__source", "job__dataset")


def find(access: Access, run_id: int) -> Run:
    """Raises NotFound."""
    run = history(access).filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"There is no history record {run_id}.")
    return run


def outcomes(runs: Iterable[Run]) -> dict[int, Outcome]:
    """The outcome of each run, by its id."""
    found = {run.pk: run for run in runs}
    done = dict(Part.objects.filter(run__in=found).values_list("run").annotate(Sum("rows_done")))
    listed: dict[int, list[File]] = {}
    gone = removed(list(found.values()))
    for file in File.objects.listed().filter(run__in=found).order_by("part_id", "pk"):
        listed.setdefault(file.run_id, []).append(file)
    return {pk: _outcome(run.progress_at(done.get(pk, 0)), listed.get(pk, []), gone.get(pk, {})) for pk, run in found.items()}


def _outcome(progress: int, listed: Sequence[File], gone: Mapping[str, int]) -> Outcome:
    return Outcome(progress, tuple(file.name for file in listed), sum(file.size for file in listed), gone)


def current_runs(jobs: Sequence[Job]) -> dict[int, Run]:
    """By job id: the run that is in progress, else the oldest that waits, else the latest one. Jobs without runs are absent."""
    latest = Run.objects.filter(job=OuterRef("job")).order_by("-pk").values("pk")[:1]
    chosen = Run.objects.filter(job__in=jobs).filter(Q(status__in=Run.ACTIVE) | Q(pk=latest))
    urgency = (Run.Status.IN_PROGRESS, Run.Status.PENDING)
    ordered = sorted(
        chosen, key=lambda run: (urgency.index(Run.Status(run.status)) if run.is_active else len(urgency), run.pk), reverse=True
    )
    return {run.job_id: run for run in ordered}


# --- The end -------------------------------------------------------------------------------------------------------
@transaction.atomic
def cancel_run(access: Access, run: Run) -> None:
    """Stop it, now: whoever works on it loses its lease with the next heartbeat. Raises Conflict if it has ended, and NotFound."""
    before = find(access, run.pk).status
    stop(run, f"Cancelled by {access.user.get_username()}.")
    tell(access, "run.cancel", run, before={"status": before}, after={"status": run.status})


def stop(run: Run, message: str) -> None:
    """Raises Conflict if it has ended."""
    active = Run.objects.filter(pk=run.pk, status__in=Run.ACTIVE)
    terms = {"status": Run.Status.CANCELLED, "token": F("token") + 1, "lease_until": None, "finished_at": Now(), "message": message}
    if not active.update(**terms):
        run.refresh_from_db()
        raise Conflict(f"Run {run.pk} is {run_status(run)}; only one that is pending or in progress can be cancelled.")
    run.refresh_from_db()


def delete_run(access: Access, run_id: int) -> None:
    """Delete the record, its files and their stored objects. Raises NotFound, or Conflict while it is pending or in progress."""
    delete_runs(access, [run_id])


def _delete(access: Access, run: Run) -> None:
    """What is destroyed first is recorded first: its files are no more for anybody once that is committed, whatever comes then."""
    with transaction.atomic():
        listed = list(File.objects.listed().filter(run=run).values_list("name", flat=True))
        files.unlist(run.files.all())
        tell(access, "run.delete", run, before={"job": run.job, "slot": run.slot, "status": run.status, "files": listed})
    for file in run.files.filter(deleted_at=None):
        files.end(file)
    for key in keys_below(default_storage, folder_of(run)):
        remove(default_storage, key)
    with transaction.atomic():
        if run.status != Run.Status.SKIPPED:
            # A deleted record must not let the job run once more.
            Job.objects.filter(pk=run.job_id, runs_limit__gt=0).update(runs_limit=F("runs_limit") - 1)
        run.files.all().delete()
        run.delete()


def delete_runs(access: Access, run_ids: Iterable[int]) -> None:
    """Delete all of them, or none if one is unknown (NotFound) or goes on (Conflict)."""
    runs = [find(access, run_id) for run_id in dict.fromkeys(run_ids)]
    _refuse_active(runs)
    for run in runs:
        _delete(access, run)


def delete_each(access: Access, run_ids: Iterable[int]) -> list[int]:
    """Delete those that can be deleted. The ids of the others: they go on, are unknown, or the storage did not remove their bytes.

    Raises NotFound if all are unknown.
    """
    wanted = list(dict.fromkeys(run_ids))
    known = set(visible.runs(access).filter(pk__in=wanted).values_list("pk", flat=True))
    if not known:
        raise NotFound(f"There is no history record {wanted[0]}.")
    return [run_id for run_id in wanted if run_id not in known or not _deleted(access, run_id)]


def _deleted(access: Access, run_id: int) -> bool:
    try:
        delete_run(access, run_id)
    except (Conflict, NotFound):
        return False
    except StorageError as error:
        logger.warning("%s", error)
        return False
    return True


def _refuse_active(runs: Iterable[Run]) -> None:
    for run in runs:
        if run.is_active:
            raise Conflict(f"Run {run.pk} is {run_status(run)}; cancel it before you delete it.")
        if run.parts.filter(status=Part.Status.RUNNING, lease_until__gte=Now()).exists():
            raise Conflict(f"Run {run.pk} is being stopped. Try again in a few seconds.")
