"""A job's row of django-celery-beat: it says "look now" at each slot. What is due then, the database says (starting.py).

The row is changed in the transaction that changes the job, by `sync_beat` and nothing else. Which rows beat reads, and how it
speaks for many jobs with one, is exports/scheduler.py.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Case, Min, Q, QuerySet, When
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, PeriodicTask, PeriodicTasks

from exports.models import Job
from exports.services.schedule import CRON_FIELDS

TASK = "exports.look"
PREFIX = "job-"
_OURS = Q(name__startswith=PREFIX, task=TASK)


def sync_beat(job: Job) -> None:
    """Make the job's django-celery-beat row what the job is now. Call it in the transaction that changes the job."""
    remove_beat([job])
    if job.next_slot is None or job.cancelled_at or job.deleted_at or job.schedule_type == "immediately":
        return
    PeriodicTask.objects.create(
        name=f"{PREFIX}{job.pk}",
        task=TASK,
        crontab=_crontab(job) if job.cron else None,
        clocked=None if job.cron else ClockedSchedule.objects.create(clocked_time=job.next_slot),
        one_off=not job.cron,
        enabled=not job.suspended,
        expire_seconds=60,
        description="Says that it is time to look; the database says what is due.",
    )


def remove_beat(jobs: Iterable[Job]) -> None:
    """Remove the rows of these jobs: a few statements, however many they are."""
    rows = PeriodicTask.objects.filter(name__in=[f"{PREFIX}{job.pk}" for job in jobs])
    clocked = [pk for pk in rows.values_list("clocked", flat=True) if pk]
    # Raw: a deletion with signals would tell beat of each row by itself. Nothing refers to these rows but each other.
    if rows._raw_delete(rows.db):  # noqa: SLF001 no public way
        ended = ClockedSchedule.objects.filter(pk__in=clocked)
        ended._raw_delete(ended.db)  # noqa: SLF001 no public way
        PeriodicTasks.update_changed()


def _crontab(job: Job) -> CrontabSchedule:
    fields = {**dict(zip(CRON_FIELDS, job.cron.split(), strict=True)), "timezone": job.timezone}
    return CrontabSchedule.objects.filter(**fields).first() or CrontabSchedule.objects.create(**fields)


# --- For beat ------------------------------------------------------------------------------------------------------
def is_jobs(name: str) -> bool:
    """Whether a row of that name belongs to a job."""
    return name.startswith(PREFIX)


def rows_until(moment: datetime) -> "QuerySet[PeriodicTask]":
    """The enabled rows that beat needs until `moment`: all that are not jobs', and one for the jobs that are due by the same clock.

    Ten thousand jobs are as many rows; a day may come when all of them change, and beat reads them at every change.
    """
    due = Job.objects.filter(next_slot__lte=moment, suspended=False, cancelled_at=None, deleted_at=None)
    clocks = due.values("cron", "timezone", once=Case(When(cron="", then="next_slot")))
    names = [f"{PREFIX}{pk}" for pk in clocks.annotate(first=Min("pk")).values_list("first", flat=True)]
    enabled = PeriodicTask.objects.filter(~_OURS | Q(name__in=names), enabled=True)
    rows: QuerySet[PeriodicTask] = enabled.select_related("interval", "crontab", "solar", "clocked")
    return rows


def note_ticks(rows: Iterable[PeriodicTask]) -> None:
    """Keep when each row was last due, and how often; for the rows that it speaks for too. A row that is gone stays so."""
    for row in rows:
        same = _OURS & Q(enabled=True, crontab=row.crontab_id) if is_jobs(row.name) and row.crontab_id else Q()
        told = PeriodicTask.objects.filter(Q(pk=row.pk) | same if same else Q(pk=row.pk))
        told.update(last_run_at=row.last_run_at, total_run_count=row.total_run_count)
