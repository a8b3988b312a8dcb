"""Failures in a row: a warning before the limit, suspension at it, and a fresh start on resuming."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.models import AuditEntry
from accounts.services.access import Access
from exports.models import Job, Notice, Run
from exports.services import jobs
from exports.services.beat_rows import sync_beat
from exports.services.finishing import fail, finish
from exports.services.runs import cancel_run
from tests.exports.world import World

Fail = Callable[..., None]


@pytest.fixture
def nightly(make_job: Callable[..., Job], settings: LazySettings) -> Job:
    settings.FAILURES_BEFORE_SUSPENSION = 3
    job = make_job(cron="0 3 * * *", immediately=False, next_slot=timezone.now() + timedelta(hours=5))
    sync_beat(job)
    return job


@pytest.fixture
def runs_fail(nightly: Job, make_run: Callable[..., Run]) -> Fail:
    """Let so many runs of the job fail, one after another."""

    def runs_fail(count: int, *, traceback: str = "") -> None:
        for _ in range(count):
            run = make_run(Run.Status.IN_PROGRESS, nightly)
            fail(Run.objects.filter(pk=run.pk, status=Run.Status.IN_PROGRESS), "The password is refused.", traceback=traceback)
        nightly.refresh_from_db()

    return runs_fail


def told(job: Job) -> list[str]:
    return [notice.event for notice in Notice.objects.filter(subject_kind="job", subject_id=job.pk).order_by("pk")]


def test_one_failure_before_the_limit_warns(nightly: Job, runs_fail: Fail) -> None:
    runs_fail(1)
    assert told(nightly) == []
    runs_fail(1)
    assert (told(nightly), nightly.suspended) == (["job.suspension-warning"], False)
    facts = Notice.objects.get(event="job.suspension-warning").facts
    assert (facts["failures"], facts["limit"], facts["message"]) == (2, 3, "The password is refused.")


def test_at_the_limit_the_job_is_suspended_with_a_sentence_and_its_beat_row(nightly: Job, runs_fail: Fail) -> None:
    runs_fail(3)
    assert (nightly.suspended, jobs.job_status(nightly), told(nightly)[-1]) == (True, "Suspended", "job.suspended")
    assert nightly.suspended_because == "Suspended because its last 3 runs in a row failed. The last one: The password is refused."
    assert not PeriodicTask.objects.get(name=f"job-{nightly.pk}").enabled


def test_the_suspension_is_audited_as_the_systems(nightly: Job, runs_fail: Fail) -> None:
    runs_fail(3)
    entry = AuditEntry.objects.get(action="job.suspend")
    assert (entry.actor_id, entry.actor, entry.target_id) == (None, "", str(nightly.pk))
    assert entry.after is not None
    assert entry.after["suspended"] is True


def test_errored_runs_count_as_failures(nightly: Job, runs_fail: Fail) -> None:
    runs_fail(3, traceback="work.py:1 in step")
    assert nightly.suspended


def test_a_cancelled_run_neither_counts_nor_starts_anew(
    access: Access, nightly: Job, runs_fail: Fail, make_run: Callable[..., Run]
) -> None:
    runs_fail(2)
    cancel_run(access, make_run(Run.Status.PENDING, nightly))
    nightly.refresh_from_db()
    assert nightly.failures == 2


def test_a_completed_run_starts_the_count_anew(world: World) -> None:
    job = world.job(cron="0 3 * * *", failures=4)
    run = world.run(job)
    Run.objects.update(status=Run.Status.IN_PROGRESS)
    finish(run)
    job.refresh_from_db()
    assert job.failures == 0


def test_resuming_starts_the_count_anew(access: Access, nightly: Job, runs_fail: Fail) -> None:
    runs_fail(3)
    jobs.resume_job(access, nightly)
    nightly.refresh_from_db()
    assert (nightly.failures, nightly.suspended_because) == (0, "")
    runs_fail(2)
    assert (nightly.suspended, told(nightly).count("job.suspension-warning")) == (False, 2)


def test_a_run_that_lost_its_lease_counts_nothing(nightly: Job, make_run: Callable[..., Run]) -> None:
    run = make_run(Run.Status.IN_PROGRESS, nightly, token=2)
    fail(Run.objects.filter(pk=run.pk, token=1), "too late")
    nightly.refresh_from_db()
    assert nightly.failures == 0


def test_a_job_with_no_start_ahead_is_not_suspended(nightly: Job, runs_fail: Fail) -> None:
    Job.objects.update(next_slot=None)
    runs_fail(4)
    assert (nightly.suspended, nightly.failures, told(nightly)) == (False, 4, [])


def test_a_job_that_was_suspended_by_hand_is_not_suspended_again(access: Access, nightly: Job, runs_fail: Fail) -> None:
    jobs.suspend_job(access, nightly)
    runs_fail(4)
    assert (told(nightly), nightly.suspended_because) == ([], "")


def test_a_limit_of_zero_never_suspends(nightly: Job, runs_fail: Fail, settings: LazySettings) -> None:
    settings.FAILURES_BEFORE_SUSPENSION = 0
    runs_fail(6)
    assert (nightly.suspended, told(nightly)) == (False, [])
