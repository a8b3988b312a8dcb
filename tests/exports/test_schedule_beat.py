"""Beat starts what is due by itself, at the moment that a job's row names, and reads no more rows than it needs soon."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from celery import Celery
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from exports.models import Job, Run
from exports.scheduler import Scheduler
from exports.services.beat_rows import rows_until, sync_beat

SLOT = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

# Without a transaction around it: beat closes old connections and commits, as it does in its own process.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Half a minute before the slot, standing still."""
    with time_machine.travel(SLOT - 30 * SECOND, tick=False) as traveller:
        yield traveller


@pytest.fixture
def app() -> Iterator[Celery]:
    """With a broker in this process."""
    with Celery(broker="memory://", set_as_current=False) as app:
        app.conf.task_default_queue = "strongroom-test-beat"
        yield app
        with app.connection() as connection:
            connection.SimpleQueue(app.conf.task_default_queue).clear()


@pytest.fixture
def nightly(make_job: Callable[..., Job], clock: time_machine.Traveller) -> Callable[..., Job]:
    def make(**fields: object) -> Job:
        job = make_job(**{"cron": "0 3 * * *", "immediately": False, "next_slot": SLOT, **fields})
        sync_beat(job)
        return job

    return make


def beat(app: Celery) -> Scheduler:
    scheduler = Scheduler(app=app)
    scheduler._finalize.cancel()  # it would write at the end of this process, when the test's database is gone
    return scheduler


def tick(scheduler: Scheduler) -> int:
    """Let beat do what is due now. Gives how many rows were."""
    ticks = 0
    while scheduler.tick() == 0:
        ticks += 1
    return ticks


def messages(app: Celery) -> int:
    with app.connection() as connection:
        return int(connection.SimpleQueue(app.conf.task_default_queue).qsize())


def schedule_many(job: Job, count: int) -> None:
    """So many jobs more like it, each by a clock of its own."""
    clocks = [CrontabSchedule(minute=f"{number % 60}", hour=f"{number // 60}", day_of_week="1") for number in range(count)]
    CrontabSchedule.objects.bulk_create(clocks)
    like = {"organization": job.organization, "owner": job.owner, "source": job.source, "dataset": job.dataset, "split_bytes": 2**28}
    rows = [Job(title="one of many", cron=f"{clock.minute} {clock.hour} * * 1", next_slot=job.next_slot, **like) for clock in clocks]
    jobs = Job.objects.bulk_create(rows)
    PeriodicTask.objects.bulk_create(
        [PeriodicTask(name=f"job-{job.pk}", task="exports.look", crontab=cron) for job, cron in zip(jobs, clocks, strict=True)]
    )


def test_a_jobs_row_starts_its_slot_and_calls_a_worker(nightly: Callable[..., Job], app: Celery, clock: time_machine.Traveller) -> None:
    job, scheduler = nightly(), beat(app)
    assert (tick(scheduler), job.runs.count(), messages(app)) == (0, 0, 0)
    clock.move_to(SLOT + SECOND)
    assert (tick(scheduler), messages(app)) == (1, 1)
    assert job.runs.get().status == Run.Status.PENDING
    scheduler.sync()
    assert PeriodicTask.objects.get(name=f"job-{job.pk}").last_run_at == SLOT + SECOND


def test_a_single_start_is_started_by_its_row_which_goes(nightly: Callable[..., Job], app: Celery, clock: time_machine.Traveller) -> None:
    job, scheduler = nightly(cron="", start_date=SLOT), beat(app)
    tick(scheduler)
    clock.move_to(SLOT + SECOND)
    tick(scheduler)
    scheduler.sync()
    assert (job.runs.count(), PeriodicTask.objects.filter(name=f"job-{job.pk}").exists()) == (1, False)


def test_a_row_that_finds_nothing_due_calls_nobody(nightly: Callable[..., Job], app: Celery, clock: time_machine.Traveller) -> None:
    nightly()
    scheduler = beat(app)
    tick(scheduler)
    Job.objects.update(next_slot=SLOT + timedelta(hours=1))  # another scheduler was faster
    clock.move_to(SLOT + SECOND)
    assert (tick(scheduler), Run.objects.count(), messages(app)) == (1, 0, 0)


def test_one_row_speaks_for_all_jobs_of_the_same_clock(nightly: Callable[..., Job], app: Celery, clock: time_machine.Traveller) -> None:
    jobs = [nightly() for _ in range(30)]
    scheduler = beat(app)
    tick(scheduler)
    clock.move_to(SLOT + SECOND)
    assert (tick(scheduler), Run.objects.count(), messages(app)) == (1, len(jobs), 1)
    scheduler.sync()
    assert PeriodicTask.objects.filter(name__startswith="job-", last_run_at=SLOT + SECOND).count() == len(jobs)


def test_beat_outlives_a_database_that_does_not_take_when_rows_were_due(
    nightly: Callable[..., Job], app: Celery, clock: time_machine.Traveller
) -> None:
    def refuse(execute: Callable[..., object], sql: str, *more: object) -> object:
        if sql.startswith('UPDATE "django_celery_beat_periodictask"'):
            raise OperationalError("database is locked")
        return execute(sql, *more)

    job, scheduler = nightly(), beat(app)
    tick(scheduler)
    clock.move_to(SLOT + SECOND)
    with connection.execute_wrapper(refuse):
        tick(scheduler)
        scheduler.sync()
    assert PeriodicTask.objects.get(name=f"job-{job.pk}").last_run_at is None
    scheduler.sync()
    assert PeriodicTask.objects.get(name=f"job-{job.pk}").last_run_at == SLOT + SECOND


@pytest.mark.parametrize("fields", [{"suspended": True}, {"next_slot": SLOT + timedelta(hours=1)}])
def test_rows_that_are_not_needed_soon_are_not_read(nightly: Callable[..., Job], app: Celery, fields: dict[str, object]) -> None:
    job, later = nightly(), nightly(cron="5 3 * * *", **fields)
    read = beat(app).schedule
    assert f"job-{job.pk}" in read
    assert f"job-{later.pk}" not in read


def test_beat_asks_as_much_for_a_thousand_jobs_as_for_ten(nightly: Callable[..., Job], app: Celery, clock: time_machine.Traveller) -> None:
    beat(app)  # installs Celery's own rows, once
    counts = []
    for more in (9, 990):
        clock.move_to(SLOT - 30 * SECOND)
        job = nightly()
        Job.objects.exclude(pk=job.pk).update(next_slot=SLOT + timedelta(days=1))
        schedule_many(Job(**{**vars_of(job), "next_slot": SLOT + timedelta(hours=9)}), more)
        with CaptureQueriesContext(connection) as queries:
            scheduler = beat(app)
            tick(scheduler)
            clock.move_to(SLOT + SECOND)
            assert tick(scheduler) == 1
            scheduler.sync()
        counts.append(len(queries))
    assert counts[0] == counts[1] < 40


def vars_of(job: Job) -> dict[str, object]:
    return {field.name: getattr(job, field.name) for field in Job._meta.concrete_fields if not field.primary_key}


def test_jobs_by_more_clocks_than_one_query_can_name_are_read(nightly: Callable[..., Job]) -> None:
    """SQLite refuses an expression a thousand deep, which is how django-celery-beat fetches the clocks of its rows."""
    schedule_many(nightly(cron="1 2 3 4 *"), 1_100)
    assert len({row.crontab_id for row in rows_until(SLOT)}) == 1_101
