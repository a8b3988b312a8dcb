"""When cron is due: time zones, both changes of the clocks, and what cannot be due."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
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


@given(st.text(alphabet="0123456789*/,-#LWMONSUJA ", max_size=30))
def test_any_text_is_either_followed_or_refused(text: str) -> None:
    with suppress(Invalid):
        assert next_slot(check_cron(text, "cron"), BERLIN, at("2026-01-01T00:00")) is not None
