"""A day of an organization's rules, from its hour to its summary, over real databases: what is ordered, what ends it, and who is told."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from django.conf import LazySettings

from accounts.models import User
from exports.models import Dataset, Delivery, Notice
from exports.services.delivering import route_new
from exports.services.mailing import words
from exports.sources.contact_history import interactions
from retention.models import Day, Disposition, Purge, RetentionSettings, Rule
from retention.services import days, ordering, rules
from retention.services.day_summaries import complete
from retention.services.forecasting import Drain, capacity, window_seconds
from retention.services.selection import rule_terms
from tests.retention.purge_world import PurgeWorld

NOW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=1, minute=30, second=0, microsecond=0)
"""Half an hour after the hour of the rules, on a day on which the world's certificate is valid."""
AGE = 730


@pytest.fixture(autouse=True)
def clock(settings: LazySettings) -> Iterator[time_machine.Traveller]:
    """Runs begin by the database's clock, which may be more than a day behind."""
    settings.RUN_TIME_LIMIT_SECONDS = 30 * 86_400
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _window(request: pytest.FixtureRequest) -> None:
    """Open from one to five, as it is by default."""
    if {"small", "purging"} & set(request.fixturenames):
        request.getfixturevalue("small" if "small" in request.fixturenames else "purging")
        RetentionSettings.objects.update(window_start=time(1), window_end=time(5))


def ruled(world: PurgeWorld, data_type: str = "Interaction", **fields: Any) -> Rule:
    """A rule that stands since long, and spares what is younger than two years."""
    return world.rule(data_type, **{"maximum_age": AGE, "changed_at": NOW - timedelta(days=90), **fields})


def run(world: PurgeWorld) -> Day:
    world.work()
    return Day.objects.latest("slot")


def began_yesterday(world: PurgeWorld) -> None:
    Day.objects.create(
        organization=world.organization,
        day=(NOW - timedelta(days=1)).date(),
        slot=NOW - timedelta(hours=24, minutes=30),
        status="completed",
    )


@pytest.fixture(autouse=True)
def _yesterday(request: pytest.FixtureRequest, _window: None) -> None:
    for name in {"small", "purging"} & set(request.fixturenames):
        began_yesterday(request.getfixturevalue(name))


def old(world: PurgeWorld) -> set[str]:
    """Keys of the interactions that have crossed the age."""
    return world.there("Interaction", interactions.c.startDate < sa.bindparam("cutoff", NOW - timedelta(days=AGE, minutes=30)))


# --- What is ordered -------------------------------------------------------------------------------------------------
def test_rule_that_enforces_removes_what_is_older_and_the_day_ends(purging: PurgeWorld) -> None:
    ruled(purging)
    before, expected = purging.there(), old(purging)
    day = run(purging)
    purge = Purge.objects.get()
    assert (purge.status, purge.slot, purge.rule_version) == ("completed", NOW - timedelta(minutes=30), 1), purge.message
    assert purging.assert_accounted(purge, before) == expected
    assert 0 < len(expected) < len(before)
    assert (day.status, day.summary["deleted"], day.summary["failed"]) == ("completed", len(expected), 0)
    assert Disposition.objects.get().purge == purge


def test_rule_that_simulates_is_counted_and_removes_nothing(small: PurgeWorld) -> None:
    ruled(small, mode="simulate")
    before = small.contents()
    day = run(small)
    purge = Purge.objects.get()
    assert (purge.status, purge.selected, purge.dataset_rows) == ("simulated", len(old(small)), 400)
    assert (small.contents(), day.summary["wouldGo"], day.summary["deleted"]) == (before, purge.selected, 0)
    assert purge.finished_at is not None
    assert not Disposition.objects.exists()


def test_simulation_says_what_would_be_kept_and_why(small: PurgeWorld) -> None:
    ruled(small, "Contact", mode="simulate")
    run(small)
    purge = Purge.objects.get()
    assert list(purge.kept) == ["rows of interactions (contactId) that refer to it"]
    assert purge.selected is not None
    assert purge.selected + sum(purge.kept.values()) <= 400


def test_rule_that_is_off_orders_nothing(small: PurgeWorld) -> None:
    ruled(small, mode="off")
    ruled(small, mode="simulate")
    run(small)
    assert Purge.objects.get().status == "simulated"


def test_rule_of_all_types_takes_what_has_an_age_and_says_what_has_none(small: PurgeWorld) -> None:
    rule = ruled(small, "*", mode="simulate")
    day = run(small)
    assert sorted(Purge.objects.values_list("dataset__name", flat=True)) == ["Contact", "Interaction"]
    why = "Attachment has no timestamp column, so its rows have no age."
    assert day.summary["leftOut"] == [{"rule": rule.pk, "source": "history", "dataset": "Attachment", "why": why}]


def test_rule_of_a_type_that_no_dataset_has_is_left_out(small: PurgeWorld) -> None:
    ruled(small, "MEASUREMENT")
    day = run(small)
    assert [entry["why"] for entry in day.summary["leftOut"]] == ["There is no dataset MEASUREMENT."]
    assert (day.status, Purge.objects.count()) == ("completed", 0)


def test_rules_run_one_after_another_and_a_row_goes_if_any_matches(small: PurgeWorld) -> None:
    ruled(small, type="chat", maximum_age=400)
    ruled(small)
    expected = old(small) | small.there(
        "Interaction", interactions.c.mediaTypeId == "chat", interactions.c.startDate < NOW - timedelta(days=400, minutes=30)
    )
    before = small.there()
    run(small)
    assert before - small.there() == expected
    assert [purge.status for purge in Purge.objects.order_by("pk")] == ["completed", "completed"]


# --- Failures --------------------------------------------------------------------------------------------------------
def broken(world: PurgeWorld, **fields: str) -> Dataset:
    return Dataset.objects.create(
        source=world.source, **{"name": "Broken", "table": "nowhere", "key_columns": ["id"], "timestamp_column": "at", **fields}
    )


def test_dataset_that_cannot_be_read_stops_no_other(small: PurgeWorld) -> None:
    broken(small)
    for mode in ("enforce", "simulate"):
        ruled(small, "*", mode=mode)
    day = run(small)
    assert {entry["dataset"] for entry in day.summary["problems"]} == {"Broken"}
    assert day.summary["failed"] == 2
    assert Purge.objects.get(dataset__name="Interaction", status="completed").selected
    assert old(small) == set()


def test_purge_that_fails_is_told_and_stops_no_other(small: PurgeWorld) -> None:
    ruled(small, "Contact")
    ruled(small)
    small.certificate.delete()
    Rule.objects.filter(data_type="Interaction").update(archive=False)
    day = run(small)
    assert [purge.status for purge in Purge.objects.order_by("pk")] == ["failed", "completed"]
    assert day.summary["failed"] == 1


def test_source_that_does_not_answer_is_asked_again_and_then_given_up(small: PurgeWorld, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 2
    small.source.url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    small.source.save()
    ruled(small)
    day = run(small)
    assert (day.status, day.token) == ("completed", 3)
    assert [entry["dataset"] for entry in day.summary["problems"]] == ["Interaction"]
    assert "problem" in day.summary["forecast"][0]


def test_simulation_of_a_source_that_went_away_fails_with_a_sentence(small: PurgeWorld, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 2
    ruled(small, mode="simulate")
    days.start_due_days(NOW)
    assert ordering.order(Day.objects.latest("slot"), Day.objects.filter(status="running"))
    small.source.url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    small.source.save()
    day = run(small)
    purge = Purge.objects.get()
    assert purge.status == "failed"
    assert purge.message.startswith("Given up after 2 attempts.")
    assert (day.status, day.summary["failed"]) == ("completed", 1)


# --- Once ------------------------------------------------------------------------------------------------------------
def test_worker_that_died_while_it_ordered_is_followed_by_another(small: PurgeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    ruled(small, "*", mode="simulate")
    calls: list[Any] = []

    def dies(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rule_terms(*given)

    monkeypatch.setattr("retention.services.ordering.rule_terms", dies)
    with pytest.raises(KeyboardInterrupt):
        small.work()
    assert Purge.objects.count() == 1
    Day.objects.update(lease_until=None)
    day = run(small)
    assert (Purge.objects.count(), day.status) == (2, "completed")


def test_day_that_another_worker_holds_is_left_alone(small: PurgeWorld) -> None:
    ruled(small)
    days.start_due_days(NOW)
    assert days.claim_day() is not None
    assert days.claim_day() is None


def test_worker_that_lost_its_day_tells_nothing(small: PurgeWorld) -> None:
    ruled(small)
    days.start_due_days(NOW)
    first = days.claim_day()
    assert first is not None
    Day.objects.update(lease_until=None, ordered_at=NOW, summary={"rules": 1, "leftOut": [], "problems": []})
    second = days.claim_day()
    assert second is not None
    days._attempt(first, complete)
    assert (Day.objects.latest("slot").status, Notice.objects.count()) == ("running", 0)


def test_day_is_told_once(small: PurgeWorld) -> None:
    ruled(small, mode="simulate")
    for _ in range(3):
        run(small)
    assert Notice.objects.filter(event="retention.day.completed").count() == 1


# --- Approval, and what goes on over days ----------------------------------------------------------------------------
@pytest.fixture
def asking(small: PurgeWorld, settings: LazySettings) -> Purge:
    """A purge that waits for approval. (Leases and runs go by the database's clock, which does not travel.)"""
    settings.RUN_TIME_LIMIT_SECONDS = 10 * 86_400
    rule = ruled(small, asks=True)
    day = run(small)
    purge = Purge.objects.get()
    assert (purge.status, purge.rule) == ("awaiting_approval", rule)
    assert (day.status, day.summary["awaitingApproval"]) == ("completed", 1)
    return purge


def test_day_does_not_wait_for_an_approval_and_the_next_orders_nothing_beside_it(
    small: PurgeWorld, asking: Purge, clock: time_machine.Traveller
) -> None:
    clock.shift(timedelta(days=1))
    day = run(small)
    assert (day.status, Purge.objects.count()) == ("completed", 1)
    assert [entry["why"] for entry in day.summary["leftOut"]] == [
        f"The purge that was ordered on {NOW:%Y-%m-%d} is not over: waits for somebody's approval."
    ]


def test_changed_rule_orders_anew_and_drops_what_cannot_be_approved(
    small: PurgeWorld, asking: Purge, clock: time_machine.Traveller
) -> None:
    assert asking.rule is not None
    rules.change(small.access, asking.rule.pk, {"maximum_age": AGE + 100})
    clock.shift(timedelta(days=1))
    run(small)
    former, new = Purge.objects.order_by("pk")
    assert (former.status, former.message) == ("cancelled", "The rule was changed, and what it says now has been ordered instead.")
    assert (new.status, new.rule_version) == ("awaiting_approval", 2), new.message


def test_day_waits_for_purges_that_wait_for_the_window(small: PurgeWorld, clock: time_machine.Traveller) -> None:
    RetentionSettings.objects.update(window_start=time(3), window_end=time(5))
    ruled(small)
    assert run(small).status == "running"
    clock.shift(timedelta(hours=2))
    assert run(small).status == "completed"
    assert old(small) == set()


# --- Who is told -----------------------------------------------------------------------------------------------------
@pytest.fixture
def mailed(small: PurgeWorld, settings: LazySettings) -> User:
    settings.SENDS_MAIL = True
    small.owner.email = "olga@acme.example"
    small.owner.save()
    return small.owner


def told() -> list[str]:
    route_new()
    return list(Delivery.objects.filter(notice__event="retention.day.completed").values_list("address", flat=True))


def test_mail_says_what_went_what_was_kept_and_what_lies_ahead(small: PurgeWorld, mailed: User) -> None:
    ruled(small)
    gone = len(old(small))
    day = run(small)
    assert told() == ["olga@acme.example"]
    subject, body = words(Notice.objects.get(event="retention.day.completed"))
    assert subject == f"[Strongroom] Retention of {day.day}: {gone} rows went, 0 failures (Acme)"
    assert f"- Interaction of history: completed, {gone:,} of {gone:,} rows went." in body
    assert "- Ahead, Interaction of history: about" in body


def test_who_wants_to_hear_of_problems_only_hears_of_failed_days_only(small: PurgeWorld, mailed: User) -> None:
    User.objects.update(notices="problems")
    rule = ruled(small, mode="simulate")
    run(small)
    assert told() == []
    Notice.objects.all().delete()
    Day.objects.filter(day=NOW.date()).update(day=NOW.date() - timedelta(days=9), slot=NOW - timedelta(hours=24))
    Rule.objects.filter(pk=rule.pk).update(data_type="Broken")
    broken(small)
    run(small)
    assert told() == ["olga@acme.example"]


def test_receivers_are_told_the_figures(small: PurgeWorld) -> None:
    ruled(small)
    gone = len(old(small))
    day = run(small)
    facts = Notice.objects.get(event="retention.day.completed").facts
    assert (facts["day"], facts["deleted"], facts["failed"], facts["rules"]) == (day.day.isoformat(), gone, 0, 1)
    assert facts["bytes"] > 0


# --- Ahead -----------------------------------------------------------------------------------------------------------
def test_forecast_counts_what_will_cross_the_age(purging: PurgeWorld) -> None:
    ruled(purging)
    day = run(purging)
    [said] = day.summary["forecast"]
    crossing = {ahead: len(purging.there("Interaction", interactions.c.startDate < NOW - timedelta(days=AGE - ahead))) for ahead in (7, 30)}
    assert said["backlog"] == 0
    assert [said["perDayOf7"], said["perDayOf30"]] == [-(-crossing[7] // 7), -(-crossing[30] // 30)]
    assert said["capacity"] > 0
    assert (said["days"], "rows a day cross the age" in said["text"]) == (0, True)


def test_bloat_says_what_gives_space_back(purging: PurgeWorld) -> None:
    ruled(purging)
    day = run(purging)
    assert {entry["dataset"] for entry in day.summary["bloat"]} == {"Interaction", "Attachment"}
    assert all(entry["bytes"] > 0 and entry["statement"] for entry in day.summary["bloat"]), day.summary["bloat"]


@pytest.mark.parametrize(
    ("drain", "left", "sentence"),
    [
        (Drain(0, 12.2, None), None, "about 13 rows a day cross the age, 0 have crossed it and are there; what a window takes has not been measured yet."),
        (Drain(0, 5, 1000), 0, "about 5 rows a day cross the age, 0 have crossed it and are there; a window takes about 1,000."),
        (Drain(1000, 10, 110), 10, "about 10 rows a day cross the age, 1,000 have crossed it and are there; a window takes about 110, so they are gone in about 10 days."),
        (Drain(1000, 200, 100), None, "about 200 rows a day cross the age, 1,000 have crossed it and are there; a window takes about 100: too few, what waits grows by 100 a day."),
        (Drain(0, 200, 100), None, "about 200 rows a day cross the age, 0 have crossed it and are there; a window takes about 100: too few, what waits grows by 100 a day."),
    ],
)  # fmt: skip
def test_drain_in_words(drain: Drain, left: int | None, sentence: str) -> None:
    assert (drain.days, str(drain)) == (left, sentence)


@pytest.mark.parametrize(("start", "end", "seconds"), [(1, 5, 4 * 3600), (22, 2, 4 * 3600), (3, 3, 86_400)])
def test_length_of_a_window(start: int, end: int, seconds: int) -> None:
    assert window_seconds(RetentionSettings(window_start=time(start), window_end=time(end))) == seconds


def test_capacity_is_the_speed_of_the_latest_batches(small: PurgeWorld) -> None:
    rule = ruled(small)
    dataset, settings = small.datasets["Interaction"], RetentionSettings.objects.get()
    assert capacity(dataset, settings, NOW) is None
    purge = Purge.objects.create(organization=small.organization, rule=rule, dataset=dataset, slot=NOW, terms={}, status="completed")
    for number, seconds in enumerate((1, 2, 3600)):  # the last one's worker died
        began = NOW - timedelta(hours=2)
        ended = began + timedelta(seconds=seconds)
        purge.batches.create(start=number * 10, stop=number * 10 + 10, token=1, status="done", deleted=10, began_at=began, ended_at=ended)
    assert capacity(dataset, settings, NOW) == 5 * 4 * 3600
    assert capacity(dataset, settings, NOW + timedelta(days=40)) is None
