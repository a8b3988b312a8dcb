"""When jobs are due: cron expressions, time zones, and the slots that they name. What starts what is due is starting.py."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from django.db.models import Count
from django_celery_beat.models import CrontabSchedule

from exports.models import Job, Run
from exports.services.errors import Invalid

CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_CRON_LENGTH = 100


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
    if len(words) != len(CRON_FIELDS):
        return f'has {len(words)} fields; it needs five: minute, hour, day of month, month, day of week, e.g. "30 2 * * 1-5".'
    try:
        soon = next(CronSim(" ".join(words), datetime(2000, 1, 1)), None)  # noqa: DTZ001 wall-clock time
        _ = CrontabSchedule(**dict(zip(CRON_FIELDS, words, strict=True))).schedule
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


def slots_of(run: Run) -> Iterator[datetime]:
    """The slots that the record stands for: one, or all that did not run from its first to its last."""
    first, job = run.first_slot or run.slot, run.job
    yield first
    if job.cron:
        yield from takewhile(lambda slot: slot <= run.slot, slots(job.cron, job.timezone, first))


def occurrences(job: Job, count: int) -> list[datetime]:
    """The next slots (UTC) at which the job is to start, as many as it has left and at most `count`; none if it has no start ahead."""
    if job.next_slot is None:
        return []
    left = runs_left(job)
    count = count if left is None else min(count, left)
    ahead = slots(job.cron, job.timezone, job.next_slot) if job.cron else ()
    return list(islice(chain([job.next_slot], ahead), count))


def runs_left(job: Job) -> int | None:
    """How many times the job may still start; None is without end. Slots that were recorded as skipped do not count."""
    return None if job.runs_limit is None else runs_left_of([job])[job.pk]


def runs_left_of(jobs: Iterable[Job]) -> dict[int, int]:
    """`runs_left` by job id, of the jobs that have a limit: one query."""
    limits = {job.pk: job.runs_limit for job in jobs if job.runs_limit is not None}
    started = Run.objects.filter(job__in=limits).exclude(status=Run.Status.SKIPPED).values("job").annotate(n=Count("pk"))
    counts = dict(started.values_list("job", "n")) if limits else {}
    return {pk: max(0, limit - counts.get(pk, 0)) for pk, limit in limits.items()}
