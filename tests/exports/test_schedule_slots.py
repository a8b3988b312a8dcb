"""When cron is due: time zones, both changes of the clocks, and what cannot be due."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.services.errors import Invalid
from exports.services.schedule import check_cron, next_slot, slots

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),  # 02:30 is skipped: 03:00 CEST
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),  # 02:30 comes twice: the first
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00", ["2026-03-08T07:00", "2026-03-09T06:30"]),
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        ("*/30 2 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:00"]),  # once for the whole gap
        ("*/30 2 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-26T01:00"]),
        ("0 * * * *", BERLIN, "2026-10-24T23:30", ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"]),  # each real hour
        ("0 * * * *", BERLIN, "2026-03-29T00:00", ["2026-03-29T01:00", "2026-03-29T02:00"]),
        ("0 3 * * *", "UTC", "2026-03-29T03:00", ["2026-03-30T03:00"]),
        ("15 9 * * MON-FRI", NEW_YORK, "2026-11-20T20:00", ["2026-11-23T14:15"]),
    ],
)
def test_slots(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert list(islice(slots(cron, zone, at(after)), len(expected))) == [at(text) for text in expected]


def test_from_within_the_doubled_hour_the_slot_does_not_come_again() -> None:
    assert next_slot("30 2 * * *", BERLIN, at("2026-10-25T00:30")) == at("2026-10-26T01:30")
    assert next_slot("30 2 * * *", BERLIN, at("2026-10-25T01:10")) == at("2026-10-26T01:30")


@given(
    cron=st.sampled_from(["30 2 * * *", "0 * * * *", "*/20 1-3 * * *", "5 0 1 * *", "0 2 * * 0"]),
    zone=st.sampled_from([BERLIN, NEW_YORK, "Australia/Lord_Howe", "UTC"]),
    after=st.integers(1_577_836_800, 2_051_222_400).map(lambda second: datetime.fromtimestamp(second, UTC)),
)
def test_slots_only_go_forward_and_following_one_gives_the_next(cron: str, zone: str, after: datetime) -> None:
    found = list(islice(slots(cron, zone, after), 4))
    assert found == sorted(set(found))
    assert found[0] > after
    assert [next_slot(cron, zone, slot) for slot in found[:3]] == found[1:]


ZONES = (
    *(BERLIN, NEW_YORK, "UTC", "Europe/London", "Europe/Dublin", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Beirut"),
    *(
        "America/Santiago",
        "America/Havana",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Auckland",
        "Africa/Cairo",
    ),
)
DAYS = st.integers(0, 365 * 12).map(lambda day: date(2020, 1, 1) + timedelta(days=day))


def first_instant(zone: str, wall_clock: datetime) -> datetime:
    """The first minute at which a clock in the zone shows that time or a later one: found by looking at every minute around it."""
    around = wall_clock.replace(tzinfo=UTC) - timedelta(hours=15)
    minutes = (around + timedelta(minutes=minute) for minute in range(30 * 60))
    return next(moment for moment in minutes if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) >= wall_clock)


def changes(zone: str, day: date) -> list[date]:
    """The days of the year after `day` on which the zone's clocks are changed."""
    offsets = [(day + timedelta(days=n), at(f"{day + timedelta(days=n)}T23:59").astimezone(ZoneInfo(zone)).utcoffset()) for n in range(366)]
    return [later for (_, before), (later, after) in pairwise(offsets) if before != after]


@settings(max_examples=60)
@given(zone=st.sampled_from(ZONES), day=DAYS, hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_each_local_day_has_its_time_once_at_the_first_instant_that_shows_it(zone: str, day: date, hour: int, minute: int) -> None:
    near = [shift + timedelta(days=n) for shift in changes(zone, day)[:2] for n in (-1, 0, 1)] or [day]
    for local_day in [day, *near]:
        wall_clock = datetime.combine(local_day, time(hour, minute))
        slot = first_instant(zone, wall_clock)
        assert next_slot(f"{minute} {hour} * * *", zone, slot - timedelta(seconds=1)) == slot
        assert next_slot(f"{minute} {hour} * * *", zone, slot) == first_instant(zone, wall_clock + timedelta(days=1))


@settings(max_examples=40)
@given(
    zone=st.sampled_from(ZONES),
    day=DAYS,
    cron=st.sampled_from(["*/7 * * * *", "0 * * * *", "13 1-4 * * *", "5 0 1 * *", "30 2 * * 0", "0 0 29 2 *"]),
)
def test_slots_over_a_change_of_the_clocks_increase_and_each_shows_a_time_that_cron_names(zone: str, day: date, cron: str) -> None:
    for shift in changes(zone, day)[:1]:
        found = list(islice(slots(cron, zone, at(f"{shift - timedelta(days=1)}T00:00")), 300))
        assert all(earlier < later for earlier, later in pairwise(found))
        shown = [slot.astimezone(ZoneInfo(zone)) for slot in found if not after_a_gap(slot, zone)]
        assert all(names(cron, local.replace(tzinfo=None)) for local in shown)


def after_a_gap(slot: datetime, zone: str) -> bool:
    """Whether the clocks were put forward at that instant: then it stands for a time that they skipped."""
    local, before = (moment.astimezone(ZoneInfo(zone)) for moment in (slot, slot - timedelta(seconds=1)))
    return (local.utcoffset() or timedelta()) > (before.utcoffset() or timedelta())


def names(cron: str, wall_clock: datetime) -> bool:
    """Whether cron names that time of a clock that is never changed."""
    return next(CronSim(cron, wall_clock - timedelta(minutes=1))) == wall_clock


@given(st.text(alphabet="0123456789*/,-#LWMONSUJA ", max_size=30))
def test_any_text_is_either_followed_or_refused(text: str) -> None:
    with suppress(Invalid):
        assert next_slot(check_cron(text, "cron"), BERLIN, at("2026-01-01T00:00")) is not None
