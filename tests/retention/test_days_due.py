"""When an organization's daily run begins: its hour and zone, both changes of the clocks, days that were missed, and rules that are too new."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from accounts.models import Organization, User
from retention.models import Day, RetentionSettings, Rule
from retention.services.days import slots, start_due_days
from tests.exports.test_schedule_slots import DAYS, ZONES, changes, first_instant

BERLIN = "Europe/Berlin"
Shown = list[tuple[str, str, str]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def rule(organization: Organization, owner: User) -> Rule:
    """It stands since the beginning of 2026."""
    return Rule.objects.create(organization=organization, author=owner, maximum_age=30, mode="enforce", changed_at=at("2026-01-01T00:00"))


@pytest.fixture
def configure(organization: Organization) -> Callable[..., RetentionSettings]:
    def write(**fields: object) -> RetentionSettings:
        return RetentionSettings.objects.update_or_create(organization=organization, defaults=fields)[0]

    return write


@pytest.fixture
def begun(rule: Rule, organization: Organization) -> Day:
    """The last day that ran: 2026-01-31."""
    return Day.objects.create(organization=organization, day=date(2026, 1, 31), slot=at("2026-01-31T01:00"), status="completed")


def days() -> Shown:
    return [(row.day.isoformat(), f"{row.slot:%Y-%m-%dT%H:%M}", row.status) for row in Day.objects.order_by("slot")]


# --- Its hour --------------------------------------------------------------------------------------------------------
def test_day_begins_at_its_hour_and_not_before(begun: Day) -> None:
    start_due_days(at("2026-02-01T00:59"))
    assert len(days()) == 1
    start_due_days(at("2026-02-01T01:00"))
    assert days()[1:] == [("2026-02-01", "2026-02-01T01:00", "running")]


def test_day_begins_once_however_often_it_is_asked(begun: Day) -> None:
    for minute in range(0, 60, 7):
        start_due_days(at(f"2026-02-01T01:{minute:02}"))
    assert len(days()) == 2


def test_hour_is_of_the_organizations_zone(begun: Day, configure: Callable[..., RetentionSettings]) -> None:
    configure(timezone="Asia/Kathmandu", daily_at=time(2, 30))
    start_due_days(at("2026-01-31T20:45"))
    assert days()[1:] == [("2026-02-01", "2026-01-31T20:45", "running")]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-29T00:59", ["2026-03-28T01:30"]),
        ("2026-03-29T01:00", ["2026-03-28T01:30", "2026-03-29T01:00"]),  # 02:30 is skipped: it comes at 03:00 CEST
        ("2026-03-30T00:30", ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]),
    ],
)
def test_hour_that_the_clocks_skip_comes_at_the_next_instant(now: str, expected: list[str]) -> None:
    settings = RetentionSettings(timezone=BERLIN, daily_at=time(2, 30))
    assert slots(settings, at("2026-03-28T00:00"), at(now)) == [at(text) for text in expected]


def test_hour_that_the_clocks_repeat_comes_once() -> None:
    settings = RetentionSettings(timezone=BERLIN, daily_at=time(2, 30))
    assert slots(settings, at("2026-10-24T12:00"), at("2026-10-25T23:00")) == [at("2026-10-25T00:30")]


@examples(max_examples=40, deadline=None)
@given(zone=st.sampled_from(ZONES), day=DAYS, hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_every_local_day_has_one_slot_at_the_first_instant_that_shows_its_hour(zone: str, day: date, hour: int, minute: int) -> None:
    settings = RetentionSettings(timezone=zone, daily_at=time(hour, minute))
    near = [shift + timedelta(days=n) for shift in changes(zone, day)[:2] for n in (-1, 0)] or [day]
    for local_day in near:
        first, second = (first_instant(zone, datetime.combine(local_day + timedelta(days=n), settings.daily_at)) for n in (0, 1))
        assert slots(settings, first - timedelta(seconds=1), second) == [first, second]
        assert slots(settings, first, second - timedelta(seconds=1)) == []


# --- Which rules -----------------------------------------------------------------------------------------------------
def test_without_a_rule_in_force_there_is_no_day(rule: Rule) -> None:
    for fields in ({"mode": "off"}, {"mode": "enforce", "deleted_at": at("2026-01-02T00:00")}):
        Rule.objects.update(**fields)
        start_due_days(at("2026-02-01T01:00"))
    assert days() == []


@pytest.mark.parametrize("now", ["2026-02-01T01:00", "2026-02-01T01:05", "2026-02-02T00:59"])
def test_rule_that_was_changed_after_the_hour_waits_for_the_next_day(begun: Day, now: str) -> None:
    Rule.objects.update(changed_at=at("2026-02-01T01:00:01"))
    start_due_days(at(now))
    assert len(days()) == 1
    start_due_days(at("2026-02-02T01:00"))
    assert days()[1:] == [("2026-02-02", "2026-02-02T01:00", "running")]


def test_pause_without_rules_is_no_row_of_missed_days(begun: Day) -> None:
    Rule.objects.update(changed_at=at("2026-06-01T12:00"))
    start_due_days(at("2026-06-02T01:00"))
    assert days()[1:] == [("2026-06-02", "2026-06-02T01:00", "running")]


# --- Missed days -----------------------------------------------------------------------------------------------------
MISSED = "nobody began the day of 2026-02-01 01:00 UTC in time"


def test_latest_missed_day_runs_once_and_those_before_it_are_recorded(begun: Day) -> None:
    start_due_days(at("2026-02-03T17:00"))
    assert [status for _, _, status in days()[1:]] == ["skipped", "skipped", "running"]
    assert f"{MISSED}, and then only the latest day runs" in Day.objects.get(day="2026-02-01").message


def test_missed_days_do_not_run_where_they_are_not_made_up_for(begun: Day, configure: Callable[..., RetentionSettings]) -> None:
    configure(misfire="none")
    start_due_days(at("2026-02-02T02:00:01"))
    assert [status for _, _, status in days()[1:]] == ["skipped", "skipped"]
    assert f"{MISSED}, and missed days do not run" in Day.objects.get(day="2026-02-01").message
    start_due_days(at("2026-02-03T01:00"))
    assert days()[-1] == ("2026-02-03", "2026-02-03T01:00", "running")


def test_within_the_hour_a_day_is_not_missed(begun: Day, configure: Callable[..., RetentionSettings]) -> None:
    configure(misfire="none")
    start_due_days(at("2026-02-01T02:00"))
    assert days()[-1] == ("2026-02-01", "2026-02-01T01:00", "running")


# --- Changed settings ------------------------------------------------------------------------------------------------
def test_later_hour_is_no_second_run_of_the_same_day(begun: Day, configure: Callable[..., RetentionSettings]) -> None:
    start_due_days(at("2026-02-01T01:00"))
    configure(daily_at=time(5))
    for now in ("2026-02-01T05:00", "2026-02-01T23:00"):
        start_due_days(at(now))
    assert len(days()) == 2
    start_due_days(at("2026-02-02T05:00"))
    assert days()[-1] == ("2026-02-02", "2026-02-02T05:00", "running")


def test_zone_of_one_organization_stops_no_other(
    begun: Day, configure: Callable[..., RetentionSettings], elsewhere: Organization, outsider: User
) -> None:
    configure(timezone="Nowhere/Never")
    Rule.objects.create(organization=elsewhere, author=outsider, maximum_age=1, mode="simulate", changed_at=at("2026-01-31T12:00"))
    start_due_days(at("2026-02-01T01:00"))
    assert [row.organization for row in Day.objects.filter(status="running")] == [elsewhere]
