"""The daily run of an organization's rules: begun at its hour, once a day; ended, and told, when all that it ordered has ended.

The database decides: a day is one row, UNIQUE(organization, day), so that a late worker, two at once or a doubled message change nothing.
The hour is of the organization's time zone; one that the clocks skip comes at the next valid instant, one that they repeat comes once
(exports/services/schedule.py). A day that nobody began within LATE of its hour was missed. What becomes of it, the misfire policy says:

    none   it does not run
    once   the latest runs; the days before it do not

A rule takes part once it has stood as it is since before the day's hour: whoever changes one has until the next day to think again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from structlog.contextvars import bound_contextvars

from accounts.models import Organization
from exports.services import schedule
from exports.services.claiming import Heartbeat, LeaseLost, claim_terms, free
from exports.services.errors import scrubbed
from retention.models import Day, Purge, RetentionSettings
from retention.services import day_summaries, ordering, simulating
from retention.services.ordering import in_force
from retention.services.windows import settings_of

logger = logging.getLogger(__name__)
Status = Day.Status

LATE = timedelta(hours=1)
"""So long a day may wait for a worker: all of them may be busy with something long."""


def run_days(now: datetime) -> int:
    """Begin what is due, and do what begun days wait for. Gives the number of steps."""
    start_due_days(now)
    steps = 0
    while _step():
        steps += 1
    return steps


# --- Beginning -----------------------------------------------------------------------------------------------------
def start_due_days(now: datetime) -> None:
    """Begin the day of each organization whose hour has come; of days that were missed and do not run, a record is kept."""
    ruled = in_force().values("organization").annotate(since=Min("changed_at")).values_list("organization", "since")
    last = dict(Day.objects.values("organization").annotate(last=Max("slot")).values_list("organization", "last"))
    organizations = Organization.objects.in_bulk([pk for pk, _ in ruled])
    for pk, since in ruled:
        before = since - timedelta(microseconds=1)
        _start(organizations[pk], max(before, last.get(pk, before)), now)


def _start(organization: Organization, after: datetime, now: datetime) -> None:
    """Its days since `after`."""
    settings = settings_of(organization)
    try:
        due = slots(settings, after, now)
    except (KeyError, ValueError) as error:  # of a time zone that this machine does not know
        logger.error("The retention rules of %s do not run: %s", organization.key, error)  # noqa: TRY400 the traceback says no more
        return
    missed = len(due) if due and settings.misfire == RetentionSettings.Misfire.NONE and now - due[-1] > LATE else len(due) - 1
    rows = [_skipped(settings, slot, now) for slot in due[: max(missed, 0)]]
    rows += [Day(slot=slot, created_at=now) for slot in due[max(missed, 0) :]]
    for row in rows:
        row.organization, row.day = organization, row.slot.astimezone(ZoneInfo(settings.timezone)).date()
    Day.objects.bulk_create(rows, ignore_conflicts=True)


def slots(settings: RetentionSettings, after: datetime, now: datetime) -> list[datetime]:
    """The instants (UTC) after `after` and up to `now` at which the rules are due, in order. Raises KeyError or ValueError for an unknown time zone."""
    cron = f"{settings.daily_at.minute} {settings.daily_at.hour} * * *"
    return list(takewhile(lambda slot: slot <= now, schedule.slots(cron, settings.timezone, after)))


def _skipped(settings: RetentionSettings, slot: datetime, now: datetime) -> Day:
    policy = "missed days do not run" if settings.misfire == RetentionSettings.Misfire.NONE else "then only the latest day runs"
    message = f"The rules did not run: nobody began the day of {slot:%Y-%m-%d %H:%M} UTC in time, and {policy}."
    return Day(slot=slot, status=Status.SKIPPED, message=message, created_at=now, finished_at=now)


# --- Going on ------------------------------------------------------------------------------------------------------
def _step() -> bool:
    if purge := simulating.claim():
        simulating.count(purge)
    elif day := claim_day():
        with bound_contextvars(day=day.pk):
            _attempt(day, ordering.order if day.ordered_at is None else day_summaries.complete)
    else:
        return False
    return True


def claim_day() -> Day | None:
    """One that has not ordered everything yet, or of which nothing that was ordered goes on."""
    going = Purge.objects.filter(organization=OuterRef("organization"), slot=OuterRef("slot"), rule__isnull=False)
    going = going.filter(Q(status__in=Purge.WORKABLE) | Q(status=Purge.Status.SIMULATED, finished_at=None))
    waiting = Day.objects.filter(free(), Q(ordered_at=None) | ~Exists(going), status=Status.RUNNING)
    for day in waiting.order_by("pk")[:20]:
        if Day.objects.filter(pk=day.pk, token=day.token).update(**claim_terms()):
            return Day.objects.select_related("organization").get(pk=day.pk)
    return None


def held(day: Day) -> QuerySet[Day]:
    """This day, if the token with which it was claimed still holds it."""
    return Day.objects.filter(pk=day.pk, token=day.token, status=Status.RUNNING, lease_until__isnull=False)


def _attempt(day: Day, action: Callable[[Day, QuerySet[Day]], bool]) -> None:
    """`action` says whether it is done; if not, it is tried again."""
    done = False
    try:
        with Heartbeat(lambda: held(day)):
            done = action(day, held(day))
    except LeaseLost:
        logger.info("Lost %s: another worker has it", day)
        return
    except Exception as error:  # noqa: BLE001 a bug of ours: it is tried again, the worker goes on
        logger.error("%s failed: %s", day, scrubbed(error))  # noqa: TRY400 a full traceback would put values into the log
    wait = 0 if done else min(django_settings.RETRY_SECONDS * 2 ** min(day.token, 10), 600)
    held(day).update(lease_until=None, not_before=Now() + timedelta(seconds=wait))
