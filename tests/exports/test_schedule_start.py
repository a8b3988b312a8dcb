"""Each due slot starts once, whoever looks and however often."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django_celery_beat.models import ClockedSchedule, PeriodicTask

from exports.models import Job, Run
from exports.services.beat_rows import sync_beat
from exports.services.starting import start_due

SLOT = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)


@pytest.fixture
def daily(make_job: Callable[..., Job]) -> Callable[..., Job]:
    return lambda **fields: make_job(**{"cron": "0 3 * * *", "immediately": False, "next_slot": SLOT, **fields})


def test_a_due_slot_starts_once(daily: Callable[..., Job]) -> None:
    job = daily()
    assert start_due(SLOT - timedelta(seconds=1)) == []
    assert [run.slot for run in start_due(SLOT)] == [SLOT]
    assert start_due(SLOT) == []
    job.refresh_from_db()
    assert job.next_slot == SLOT + timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_schedulers_at_the_same_moment_start_each_slot_once(daily: Callable[..., Job]) -> None:
    for _ in range(5):
        daily()
    gate = threading.Barrier(4)
    started: list[Run] = []

    def look() -> None:
        gate.wait()
        started.extend(start_due(SLOT))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == Run.objects.count() == 5
    assert Run.objects.values("job").distinct().count() == 5


def test_a_slot_that_somebody_else_started_is_not_started_again(daily: Callable[..., Job], make_run: Callable[..., Run]) -> None:
    job = daily()
    make_run(job=job, slot=SLOT)
    assert start_due(SLOT) == []
    assert Run.objects.count() == 1


def test_a_job_stops_after_its_runs(daily: Callable[..., Job]) -> None:
    job = daily(runs_limit=2)
    sync_beat(job)
    started = [len(start_due(SLOT + timedelta(days=day))) for day in range(4)]
    job.refresh_from_db()
    assert (started, job.next_slot) == ([1, 1, 0, 0], None)
    assert not PeriodicTask.objects.filter(name=f"job-{job.pk}").exists()


def test_a_job_without_cron_starts_once(daily: Callable[..., Job]) -> None:
    job = daily(cron="", start_date=SLOT)
    sync_beat(job)
    assert len(start_due(SLOT + timedelta(days=9))) == 1
    job.refresh_from_db()
    assert (job.next_slot, ClockedSchedule.objects.count()) == (None, 0)


@pytest.mark.parametrize("fields", [{"suspended": True}, {"cancelled_at": SLOT}, {"deleted_at": SLOT}])
def test_what_is_suspended_cancelled_or_deleted_does_not_start(daily: Callable[..., Job], fields: dict[str, object]) -> None:
    daily(**fields)
    assert start_due(SLOT) == []
