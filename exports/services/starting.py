"""Starting what is due: each slot becomes one run row, or is recorded as one that did not run, with the reason.

The database decides. A run row is UNIQUE(job, slot), and its job is held while it is inserted and `Job.next_slot` moves on;
two schedulers, a late tick or a doubled message therefore change nothing. What was missed is the job's misfire policy's:

    none   does not run
    once   runs once, for the latest slot: the others do not run
    all    runs, slot by slot; at most MOST_CAUGHT_UP of the latest
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from exports.models import Job, Run
from exports.services.beat_rows import remove_beat
from exports.services.schedule import due_slots, runs_left_of

MOST_CAUGHT_UP = 1000
"""So many missed slots of a job run with the policy `all`."""
_BATCH = 100


@dataclass(frozen=True)
class Due:
    """Of a job's slots up to now: those that start, those that do not and why; and the slot that comes next."""

    starting: Sequence[datetime]
    skipped: Sequence[datetime]
    reason: str
    following: datetime | None


def start_due(now: datetime) -> list[Run]:
    """Start what is due, once: a bounded number of queries for each hundred jobs. Gives the runs."""
    started: list[Run] = []
    due = list(_due(now).order_by("next_slot", "pk"))
    for first in range(0, len(due), _BATCH):
        found = {
            job.pk: (job.next_slot, _by_policy(job, now)) for job in due[first : first + _BATCH]
        }  # before anything is held: cron takes its time
        started += _start_batch(found, now)
    return started


def _due(now: datetime) -> QuerySet[Job]:
    return Job.objects.filter(next_slot__lte=now, suspended=False, cancelled_at=None, deleted_at=None)


@transaction.atomic
def _start_batch(found: dict[int, tuple[datetime | None, Due]], now: datetime) -> list[Run]:
    """Start those of the jobs that are still as they were found. Whoever holds one starts it or changes it: then it is left."""
    held = _due(now).filter(pk__in=found).select_for_update(skip_locked=True).order_by("pk")
    jobs = [job for job in held if job.next_slot == found[job.pk][0]]
    return _start(jobs, {job.pk: found[job.pk][1] for job in jobs}, now)


def start(job: Job, now: datetime) -> list[Run]:
    """Start a job that is held and whose `next_slot` has come, whatever its misfire policy."""
    due, following = due_slots(job, now)
    return _start([job], {job.pk: Due(due, [], "", following)}, now)


# --- What starts ---------------------------------------------------------------------------------------------------
def _by_policy(job: Job, now: datetime) -> Due:
    due, following = due_slots(job, now)
    late = sum(now - slot > timedelta(seconds=settings.MISFIRE_SECONDS) for slot in due)
    starting, reason = 0, ""
    if job.misfire == Job.Misfire.ALL:
        starting, reason = max(0, len(due) - MOST_CAUGHT_UP), f"more than {MOST_CAUGHT_UP} were missed, of which the latest run"
    elif job.misfire == Job.Misfire.NONE:
        starting, reason = late, f"nobody started it within {settings.MISFIRE_SECONDS} seconds, and missed slots do not run"
    elif late:
        starting, reason = len(due) - 1, "nobody started it in time, and then only the latest slot runs"
    return Due(due[starting:], due[:starting], reason, following)


def _start(jobs: Sequence[Job], due: dict[int, Due], now: datetime) -> list[Run]:
    """Insert the runs and move each job's `next_slot` on. The jobs are held."""
    left = runs_left_of(jobs)
    runs: list[Run] = []
    for job in jobs:
        found, may = due[job.pk], left.get(job.pk)
        starting = found.starting if may is None else found.starting[:may]
        job.next_slot = found.following if may is None or may > len(starting) else None
        if found.skipped and may != 0:
            runs.append(skipped_run(job, found.skipped, found.reason, now))
        runs += [Run(job=job, organization_id=job.organization_id, slot=slot, created_at=now) for slot in starting]
    made = _insert(runs)
    Job.objects.bulk_update(jobs, ["next_slot"])
    remove_beat([job for job in jobs if job.next_slot is None])
    return [run for run in made if run.is_active]


def _insert(runs: list[Run]) -> list[Run]:
    """Those of the runs whose slots have none yet."""
    if not runs:
        return []
    jobs, first = {run.job_id for run in runs}, min(run.slot for run in runs)
    known = set(Run.objects.filter(job__in=jobs, slot__gte=first).values_list("job", "slot"))
    return Run.objects.bulk_create([run for run in runs if (run.job_id, run.slot) not in known])


# --- What does not -------------------------------------------------------------------------------------------------
def skipped_run(job: Job, skipped: Sequence[datetime], reason: str, now: datetime) -> Run:
    """One record, not saved, for all these slots that do not run: the first, the last and their number say which they are."""
    return Run(
        job=job,
        organization_id=job.organization_id,
        slot=skipped[-1],
        first_slot=skipped[0],
        slot_count=len(skipped),
        status=Run.Status.SKIPPED,
        message=_not_run(skipped, reason),
        created_at=now,
        finished_at=now,
    )


def _not_run(skipped: Sequence[datetime], reason: str) -> str:
    """One sentence for the owner."""
    if len(skipped) == 1:
        return f"The slot of {skipped[0]:%Y-%m-%d %H:%M} UTC did not run: {reason}."
    return f"{len(skipped):,} slots from {skipped[0]:%Y-%m-%d %H:%M} to {skipped[-1]:%Y-%m-%d %H:%M} UTC did not run: {reason}."
