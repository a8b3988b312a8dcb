"""What becomes of slots that nobody started in time: they run as the job's policy says, or are recorded with the reason."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exports.models import Job, Run
from exports.services import starting
from exports.services.schedule import slots_of
from exports.services.starting import start_due

SLOT = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Daily = Callable[..., Job]


@pytest.fixture
def daily(make_job: Callable[..., Job]) -> Daily:
    return lambda **fields: make_job(**{"cron": "0 3 * * *", "immediately": False, "next_slot": SLOT, **fields})


def started(job: Job) -> list[datetime]:
    return [run.slot for run in job.runs.filter(status=Run.Status.PENDING).order_by("slot")]


def skipped(job: Job) -> Run:
    return job.runs.get(status=Run.Status.SKIPPED)


@pytest.mark.parametrize(
    ("policy", "running", "not_running"),
    [("none", [], [0, 1, 2, 3]), ("once", [3], [0, 1, 2]), ("all", [0, 1, 2, 3], [])],
)
def test_after_downtime_each_slot_runs_or_is_recorded(daily: Daily, policy: str, running: list[int], not_running: list[int]) -> None:
    job = daily(misfire=policy)
    start_due(SLOT + 3 * DAY + timedelta(hours=5))
    assert started(job) == [SLOT + day * DAY for day in running]
    records = job.runs.filter(status=Run.Status.SKIPPED)
    assert [slot for run in records for slot in slots_of(run)] == [SLOT + day * DAY for day in not_running]
    assert [run.slot_count for run in records] == ([len(not_running)] if not_running else [])
    job.refresh_from_db()
    assert job.next_slot == SLOT + 4 * DAY


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            "none",
            "4 slots from 2026-05-04 03:00 to 2026-05-07 03:00 UTC did not run: nobody started it within 60 seconds, and missed slots",
        ),
        (
            "once",
            "3 slots from 2026-05-04 03:00 to 2026-05-06 03:00 UTC did not run: nobody started it in time, and then only the latest slot runs.",
        ),
    ],
)
def test_the_record_says_which_slots_and_why(daily: Daily, policy: str, reason: str) -> None:
    job = daily(misfire=policy)
    start_due(SLOT + 3 * DAY + timedelta(hours=5))
    assert skipped(job).message.startswith(reason)


def test_one_missed_slot_is_named(daily: Daily) -> None:
    job = daily()
    start_due(SLOT + DAY)
    assert (skipped(job).first_slot, skipped(job).slot, skipped(job).slot_count) == (SLOT, SLOT, 1)
    assert skipped(job).message.startswith("The slot of 2026-05-04 03:00 UTC did not run: nobody started it in time")


@pytest.mark.parametrize("policy", Job.Misfire.values)
def test_a_slot_that_is_a_little_late_is_not_missed(daily: Daily, policy: str) -> None:
    job = daily(misfire=policy)
    start_due(SLOT + timedelta(seconds=60))
    assert started(job) == [SLOT]


@pytest.mark.parametrize("policy", Job.Misfire.values)
def test_two_slots_that_are_a_little_late_both_run(daily: Daily, policy: str) -> None:
    job = daily(cron="* * * * *", misfire=policy)
    start_due(SLOT + timedelta(seconds=60))
    assert started(job) == [SLOT, SLOT + timedelta(minutes=1)]


def test_a_month_of_minutes_that_nobody_started_is_one_record_of_which_each_slot_is_known(daily: Daily) -> None:
    job, back = daily(cron="* * * * *", misfire="none"), SLOT + 30 * DAY + timedelta(seconds=30)
    with CaptureQueriesContext(connection) as queries:
        start_due(back)
    assert len(queries) < 20
    assert started(job) == [SLOT + 30 * DAY]  # half a minute late: in time
    record = skipped(job)
    assert (record.first_slot, record.slot, record.slot_count) == (SLOT, SLOT + 30 * DAY - timedelta(minutes=1), 43_200)


def test_of_very_many_missed_slots_the_latest_are_caught_up_and_the_others_recorded(daily: Daily, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "MOST_CAUGHT_UP", 3)
    job = daily(misfire="all")
    start_due(SLOT + 9 * DAY)
    assert started(job) == [SLOT + day * DAY for day in (7, 8, 9)]
    assert (skipped(job).slot_count, skipped(job).slot) == (7, SLOT + 6 * DAY)
    assert "more than 3 were missed" in skipped(job).message


@pytest.mark.parametrize(("policy", "count"), [("none", 0), ("once", 1), ("all", 1)])
def test_a_single_start_that_was_missed_follows_the_policy_too(daily: Daily, policy: str, count: int) -> None:
    job = daily(cron="", start_date=SLOT, misfire=policy)
    start_due(SLOT + DAY)
    job.refresh_from_db()
    assert (len(started(job)), job.runs.count(), job.next_slot) == (count, 1, None)


def test_catching_up_ends_with_the_jobs_runs(daily: Daily) -> None:
    job = daily(misfire="all", runs_limit=2)
    start_due(SLOT + 5 * DAY)
    job.refresh_from_db()
    assert (started(job), job.next_slot) == ([SLOT, SLOT + DAY], None)


def test_what_did_not_run_does_not_count_as_one_of_the_jobs_runs(daily: Daily) -> None:
    job = daily(misfire="none", runs_limit=1)
    start_due(SLOT + DAY - timedelta(hours=1))
    start_due(SLOT + DAY)
    assert started(job) == [SLOT + DAY]


def test_how_late_is_missed_is_a_setting(daily: Daily, settings: LazySettings) -> None:
    settings.MISFIRE_SECONDS = 3600
    job = daily(misfire="none")
    start_due(SLOT + timedelta(hours=1))
    assert started(job) == [SLOT]


def test_a_hundred_due_jobs_start_with_a_dozen_queries(daily: Daily) -> None:
    for _ in range(100):
        daily(runs_limit=1)
    with CaptureQueriesContext(connection) as queries:
        assert len(start_due(SLOT)) == 100
    assert len(queries) <= 12
