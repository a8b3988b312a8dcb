"""Jobs from their definition to their end, each change with its beat row."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.models import Organization, User
from accounts.roles import DATA_EXPORTER
from accounts.services.access import Access
from accounts.services.people import join
from exports.models import Certificate, Job, Run
from exports.services import jobs
from exports.services.definitions import JobDefinition, definition_of
from exports.services.errors import Conflict, Invalid, NotFound
from tests.conftest import access_in

NOW = datetime.fromisoformat("2026-05-04T12:00:00+00:00")


@pytest.fixture
def clock(certificate: Certificate) -> Iterator[time_machine.Traveller]:
    Certificate.objects.update(not_before=NOW - timedelta(days=1), not_after=NOW + timedelta(days=900))
    with time_machine.travel(NOW, tick=False) as coordinates:
        yield coordinates


@pytest.fixture
def create(access: Access, definition: JobDefinition) -> Callable[..., Job]:
    return lambda **fields: jobs.create_job(access, replace(definition, **fields))


@pytest.fixture
def nightly(create: Callable[..., Job], clock: time_machine.Traveller) -> Job:
    return create(immediately=False, cron="0 3 * * *")


def test_an_immediate_job_starts_in_its_own_transaction(create: Callable[..., Job]) -> None:
    job = create()
    assert (job.next_slot, job.runs.get().status, jobs.job_status(job)) == (None, "pending", "Pending")
    assert not PeriodicTask.objects.filter(name=f"job-{job.pk}").exists()


def test_a_suspended_immediate_job_starts_on_resuming(access: Access, create: Callable[..., Job]) -> None:
    job = create(suspended=True)
    assert (job.runs.count(), jobs.job_status(job)) == (0, "Suspended")
    job = jobs.resume_job(access, job)
    assert (job.runs.count(), jobs.job_status(job)) == (1, "Pending")


def test_a_definition_survives_its_job(create: Callable[..., Job], definition: JobDefinition) -> None:
    wanted = replace(definition, immediately=False, cron="0 3 * * 1", timezone="Europe/Berlin", runs=4, media=("chat",), suspended=True)
    fields = {name: getattr(wanted, name) for name in ("immediately", "cron", "timezone", "runs", "media", "suspended")}
    assert definition_of(create(**fields)) == wanted


def test_slots_that_passed_while_suspended_are_recorded_as_skipped(access: Access, nightly: Job, clock: time_machine.Traveller) -> None:
    jobs.suspend_job(access, nightly)
    clock.shift(timedelta(days=3))
    job = jobs.resume_job(access, nightly)
    assert job.runs.get().status == Run.Status.SKIPPED
    assert job.runs.get().message == "3 slots from 2026-05-05 03:00 to 2026-05-07 03:00 UTC did not run: the job was suspended."
    assert job.next_slot == datetime.fromisoformat("2026-05-08T03:00:00+00:00")


def test_suspending_twice_and_resuming_what_runs_are_refused(access: Access, nightly: Job) -> None:
    with pytest.raises(Conflict):
        jobs.resume_job(access, nightly)
    jobs.suspend_job(access, nightly)
    with pytest.raises(Conflict):
        jobs.suspend_job(access, nightly)


def test_cancel_takes_the_run_first_and_the_schedule_next(access: Access, nightly: Job) -> None:
    run = jobs.run_now(access, nightly)
    assert jobs.job_status(jobs.cancel_job(access, nightly)) == "Scheduled"
    run.refresh_from_db()
    assert (run.status, run.token) == ("cancelled", 1)
    job = jobs.cancel_job(access, nightly)
    assert (jobs.job_status(job), job.next_slot, PeriodicTask.objects.filter(name=f"job-{job.pk}").count()) == ("Cancelled", None, 0)
    with pytest.raises(Conflict):
        jobs.cancel_job(access, nightly)


def test_run_now_refuses_while_a_run_goes_on(access: Access, nightly: Job) -> None:
    jobs.run_now(access, nightly)
    with pytest.raises(Conflict, match="Pending"):
        jobs.run_now(access, nightly)


def test_nothing_starts_without_a_valid_certificate(access: Access, nightly: Job, create: Callable[..., Job]) -> None:
    Certificate.objects.update(not_after=NOW)
    for start in (lambda: jobs.run_now(access, nightly), create):
        with pytest.raises(Invalid, match="certificate"):
            start()
    assert (Job.objects.count(), Run.objects.count()) == (1, 0)


def test_a_pending_first_run_gives_way_to_an_update(access: Access, create: Callable[..., Job], definition: JobDefinition) -> None:
    job = create()
    job = jobs.update_job(access, job, replace(definition, immediately=False, cron="0 3 * * *"))
    assert (job.runs.count(), jobs.job_status(job)) == (0, "Scheduled")


def test_an_update_after_the_start_is_refused_and_leaves_the_run(
    access: Access, create: Callable[..., Job], definition: JobDefinition
) -> None:
    job = create()
    Run.objects.update(status=Run.Status.IN_PROGRESS, token=1)
    with pytest.raises(Conflict):
        jobs.update_job(access, job, definition)
    assert job.runs.get().status == "in_progress"


def test_a_clone_is_a_suspended_copy(nightly: Job, organization: Organization, teammate: User) -> None:
    join(teammate, organization, [DATA_EXPORTER])
    copy = jobs.clone(access_in(organization, teammate), nightly)
    assert (copy.title, copy.cron, copy.owner, copy.suspended) == ("All chats (copy)", nightly.cron, teammate, True)
    assert not PeriodicTask.objects.get(name=f"job-{copy.pk}").enabled


def test_a_clone_of_a_start_that_passed_starts_on_resuming(
    access: Access, create: Callable[..., Job], clock: time_machine.Traveller
) -> None:
    job = create(immediately=False, start_date=timezone.now() + timedelta(hours=1))
    clock.shift(timedelta(hours=2))
    copy = jobs.resume_job(access, jobs.clone(access, job))
    assert jobs.job_status(copy) == "Pending"


def test_delete_cancels_what_waits_and_refuses_what_runs(access: Access, create: Callable[..., Job]) -> None:
    waiting, running = create(), create()
    running.runs.update(status=Run.Status.IN_PROGRESS)
    with pytest.raises(Conflict, match="InProgress"):
        jobs.delete_jobs(access, [waiting.pk, running.pk])
    assert waiting.runs.get().status == "pending"
    jobs.delete_job(access, waiting)
    assert waiting.runs.get().status == "cancelled"
    with pytest.raises(NotFound):
        jobs.find(access, waiting.pk)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("in_progress", "InProgress"), ("completed", "Completed"), ("failed", "Failed"), ("errored", "Failed"), ("skipped", "Cancelled")],
)
def test_a_finished_jobs_status_is_its_last_runs(make_run: Callable[..., Run], status: str, expected: str) -> None:
    assert jobs.job_status(make_run(status).job) == expected


def test_the_run_in_progress_counts_before_those_that_wait(make_job: Callable[..., Job], make_run: Callable[..., Run]) -> None:
    job = make_job()
    for status in ("completed", "in_progress", "pending"):
        make_run(status, job)
    assert jobs.job_status(job) == "InProgress"
