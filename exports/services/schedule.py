"""When jobs run: cron slots in a time zone, the due ones started once, and the beat row that says "look now".

The database decides what is due. Each slot is one run row, UNIQUE(job, slot), inserted by whoever moves `Job.next_slot`
with a conditional UPDATE; two schedulers, a late tick or a doubled message therefore change nothing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from django.db import transaction
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, PeriodicTask

from exports.models import Job, Run
from exports.services.errors import Invalid

TASK = "exports.look"
_CRON_LENGTH = 100
_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")


# --- Cron ----------------------------------------------------------------------------------------------------------
def check_cron(cron: str, field: str) -> str:
    """The expression with single spaces. Raises Invalid unless both the scheduler and this module can follow it."""
    words = cron[: _CRON_LENGTH + 1].split()
    wrong = _what_is_wrong(cron, words)
    if wrong:
        raise Invalid({field: f'cron "{cron[:_CRON_LENGTH]}" {wrong}'})
    return " ".join(words)


def _what_is_wrong(cron: str, words: list[str]) -> str:
    if len(cron) > _CRON_LENGTH:
        return f"is too long: at most {_CRON_LENGTH} characters."
    if len(words) != len(_FIELDS):
        return f'has {len(words)} fields; it needs five: minute, hour, day of month, month, day of week, e.g. "30 2 * * 1-5".'
    try:
        soon = next(CronSim(" ".join(words), datetime(2000, 1, 1)), None)  # noqa: DTZ001 wall-clock time
        _ = CrontabSchedule(**dict(zip(_FIELDS, words, strict=True))).schedule
    except (CronSimError, ValueError) as error:
        return f'cannot be read ({str(error).rstrip(".")}). An example that is right: "30 2 * * 1-5"; Sunday is 0.'
    return "" if soon else "names a date that never comes."


def check_timezone(name: str, field: str) -> str:
    if name not in available_timezones():
        raise Invalid({field: f'timezone "{name[:60]}" is unknown. Write an IANA name, e.g. Europe/Berlin; leave it out for UTC.'})
    return name


def slots(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """The instants (UTC) after `after`, in order, at which `cron` is due by the clock of `timezone`.

    A local time that the clocks skip runs once, at the next valid instant; one that they repeat runs once, the first
    time. An expression for every hour (`*`) is about intervals instead: it runs in each hour that really passes.
    """
    zone = ZoneInfo(timezone)
    every_hour = cron.split()[1] == "*"
    local = after.astimezone(zone)
    last = after
    for moment in CronSim(cron, local if every_hour else local.replace(tzinfo=None, fold=0)):
        slot = moment.astimezone(UTC) if every_hour else _instant(moment, zone)
        if slot > last:
            yield slot
            last = slot


def _instant(wall_clock: datetime, zone: ZoneInfo) -> datetime:
    """When a clock in `zone` first shows that time, or, if it never does, the first moment after the gap."""
    while (slot := wall_clock.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != wall_clock:
        wall_clock += timedelta(minutes=1)
    return slot


def next_slot(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first slot after `after` (UTC), None if there is none in the next fifty years."""
    return next(slots(cron, timezone, after), None)


def first_slot(job: Job, now: datetime) -> datetime | None:
    """When `job` is to start first, seen from `now`: at once, at its start date, or at the first cron slot from then on."""
    if not job.cron:
        return job.start_date or now
    after = now if job.start_date is None else max(now, job.start_date - timedelta(microseconds=1))
    return next_slot(job.cron, job.timezone, after)


# --- Starting what is due ------------------------------------------------------------------------------------------
def start_due(now: datetime) -> list[Run]:
    """Start each job whose slot has come, once. Of several missed slots only the latest runs; its message names the others."""
    due = Job.objects.filter(next_slot__lte=now, suspended=False, cancelled_at=None, deleted_at=None).order_by("next_slot")
    return [run for job in due for run in [start(job, now)] if run]


@transaction.atomic
def start(job: Job, now: datetime) -> Run | None:
    """Start `job`, whose `next_slot` has come. None if somebody else was faster, or the job has had all its runs."""
    assert job.next_slot is not None
    missed, following = due_slots(job, now)
    here = Job.objects.filter(pk=job.pk, next_slot=job.next_slot, suspended=False, cancelled_at=None, deleted_at=None)
    if not here.update(next_slot=following):
        return None
    left = runs_left(job)
    job.next_slot = following if left is None or left > 1 else None
    Job.objects.filter(pk=job.pk).update(next_slot=job.next_slot)
    if job.next_slot is None:
        remove_beat(job)
    if left == 0:
        return None
    message = not_run(missed[:-1], "nobody started it in time")
    run, created = Run.objects.get_or_create(
        job=job, slot=missed[-1], defaults={"organization_id": job.organization_id, "created_at": now, "message": message}
    )
    return run if created else None


def due_slots(job: Job, now: datetime) -> tuple[list[datetime], datetime | None]:
    """(the slots from `job.next_slot` to `now`, at least one; the slot after them, None for a job without cron)."""
    assert job.next_slot is not None
    due = [job.next_slot]
    if job.cron:
        for slot in slots(job.cron, job.timezone, job.next_slot):
            if slot > now:
                return due, slot
            due.append(slot)
    return due, None


def not_run(missed: list[datetime], reason: str) -> str:
    """One sentence for the owner about slots that did not run; empty if there are none."""
    if not missed:
        return ""
    if len(missed) == 1:
        return f"The slot of {missed[0]:%Y-%m-%d %H:%M} UTC did not run: {reason}."
    return f"{len(missed)} slots from {missed[0]:%Y-%m-%d %H:%M} to {missed[-1]:%Y-%m-%d %H:%M} UTC did not run: {reason}."


def runs_left(job: Job) -> int | None:
    """How many times the job may still start; None is without end. Slots that were recorded as skipped do not count."""
    if job.runs_limit is None:
        return None
    started: int = job.runs.exclude(status=Run.Status.SKIPPED).count()
    return max(0, job.runs_limit - started)


# --- Beat ----------------------------------------------------------------------------------------------------------
def sync_beat(job: Job) -> None:
    """Make the job's django-celery-beat row what the job is now. Call it in the transaction that changes the job."""
    remove_beat(job)
    if job.next_slot is None or job.cancelled_at or job.deleted_at or job.schedule_type == "immediately":
        return
    PeriodicTask.objects.create(
        name=f"job-{job.pk}",
        task=TASK,
        crontab=_crontab(job) if job.cron else None,
        clocked=None if job.cron else ClockedSchedule.objects.create(clocked_time=job.next_slot),
        one_off=not job.cron,
        enabled=not job.suspended,
        expire_seconds=60,
        description="Says that it is time to look; the database says what is due.",
    )


def remove_beat(job: Job) -> None:
    for task in PeriodicTask.objects.filter(name=f"job-{job.pk}"):
        task.delete()
        if task.clocked:
            task.clocked.delete()


def _crontab(job: Job) -> CrontabSchedule:
    fields = {**dict(zip(_FIELDS, job.cron.split(), strict=True)), "timezone": job.timezone}
    return CrontabSchedule.objects.filter(**fields).first() or CrontabSchedule.objects.create(**fields)
