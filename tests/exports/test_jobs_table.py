"""Every action in every state of a job: tests/exports/jobs_table.py, cell by cell."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.services.access import Access
from exports.models import Job, Run
from exports.services import jobs
from exports.services.beat_rows import sync_beat
from exports.services.definitions import JobDefinition
from exports.services.errors import Conflict, NotFound
from exports.services.runs import run_status
from tests.exports.jobs_table import ACTIONS, TABLE, markdown

SOON = timedelta(hours=3)
AHEAD, ALONE = {"cron": "0 3 * * *", "immediately": False}, {"cron": "", "immediately": True}
# By state: the job's fields, whether a start is ahead, and the state of its run.
STATES: dict[str, tuple[dict[str, object], bool, str]] = {
    "Scheduled": (AHEAD, True, ""),
    "Pending, slots ahead": (AHEAD, True, "pending"),
    "InProgress, slots ahead": (AHEAD, True, "in_progress"),
    "Suspended": ({**AHEAD, "suspended": True}, True, ""),
    "Suspended before its only start": ({**ALONE, "suspended": True}, True, ""),
    "Suspended, a run waits": ({**AHEAD, "suspended": True}, True, "pending"),
    "Suspended, a run goes on": ({**AHEAD, "suspended": True}, True, "in_progress"),
    "Suspended, its last run failed": ({**AHEAD, "suspended": True}, True, "failed"),
    "Scheduled, its last run completed": (AHEAD, True, "completed"),
    "Pending, nothing ahead": (ALONE, False, "pending"),
    "InProgress, nothing ahead": (ALONE, False, "in_progress"),
    "Completed": (ALONE, False, "completed"),
    "Failed": (ALONE, False, "failed"),
    "Cancelled, the schedule": ({**AHEAD, "cancelled_at": timezone.now()}, False, ""),
    "Cancelled, the only run": (ALONE, False, "cancelled"),
    "deleted": ({**AHEAD, "deleted_at": timezone.now()}, False, ""),
}


@pytest.fixture
def job_that_is(make_job: Callable[..., Job], make_run: Callable[..., Run]) -> Callable[[str], Job]:
    def job_that_is(state: str) -> Job:
        fields, ahead, run = STATES[state]
        start = timezone.now() + (SOON if fields["cron"] else timedelta(0))
        job = make_job(**fields, all_time=True, next_slot=start if ahead else None)
        sync_beat(job)
        if run:
            make_run(run, job, token=int(run != "pending"))
        return job

    return job_that_is


def seen(job: Job) -> str:
    """As the table writes it: the job's status, and its latest run's."""
    job.refresh_from_db()
    run = job.runs.order_by("pk").last()
    status = "gone" if job.deleted_at else str(jobs.job_status(job))
    return f"{status}, run {run_status(run)}" if run else status


def act(access: Access, job: Job, action: str, definition: JobDefinition) -> str:
    """What comes of it, as the table writes it."""
    tomorrow = replace(definition, immediately=False, cron="0 3 * * *")
    if action == "clone":
        return f"copy {jobs.job_status(jobs.clone(access, job))}"
    if action == "put":
        jobs.update_job(access, job, tomorrow)
    else:
        services = {"suspend": jobs.suspend_job, "resume": jobs.resume_job, "cancel": jobs.cancel_job, "delete": jobs.delete_job}
        {**services, "run now": jobs.run_now}[action](access, job)
    return seen(job)


@pytest.mark.parametrize(("state", "action"), list(product(TABLE, ACTIONS)))
def test_action_in_state(job_that_is: Callable[[str], Job], access: Access, definition: JobDefinition, state: str, action: str) -> None:
    job = job_that_is(state)
    before = seen(job)
    try:
        result = act(access, job, action, definition)
    except (Conflict, NotFound) as refused:
        result = "refused" if isinstance(refused, Conflict) else "unknown"
        assert seen(job) == before
    assert result == TABLE[state][ACTIONS.index(action)]
    job.refresh_from_db()
    starts_by_beat = job.next_slot is not None and not job.suspended and not job.immediately
    assert PeriodicTask.objects.filter(name=f"job-{job.pk}", enabled=True).exists() == starts_by_beat


def test_each_state_is_what_the_table_calls_it(job_that_is: Callable[[str], Job]) -> None:
    for state in TABLE:
        assert jobs.job_status(job_that_is(state)) == state.split()[0].strip(",") or state == "deleted"


def test_the_documents_table_is_the_one_that_is_tested() -> None:
    assert markdown() in Path("docs/udm.md").read_text()
