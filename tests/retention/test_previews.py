"""Previews: that they say what a purge would do, what they show to whom, and that they keep no row."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from django.utils import timezone

from accounts.models import Organization, User
from accounts.roles import RETENTION_READER
from accounts.services.access import Denied
from accounts.services.people import join
from exports.models import Dataset
from exports.services.errors import NotFound
from exports.sources.contact_history import attachments, interactions
from retention.models import ForeignKeyPlan, Hold, Preview, Rule
from retention.services import holds, previews
from retention.services.selection import rule_terms
from tests.conftest import access_in
from tests.retention.purge_world import PurgeWorld
from tests.trail import actions


def look(world: PurgeWorld, rule: Rule, user: User | None = None, **more: Any) -> Preview:
    return previews.preview(access_in(world.organization, user or world.owner), rule=rule, **more)


def of(preview: Preview, dataset: str = "Interaction") -> dict[str, Any]:
    [found] = [entry for entry in preview.figures["datasets"] if entry["dataset"] == dataset]
    return found  # type: ignore[no-any-return]  # JSON


def aged(world: PurgeWorld, share: int = 2, **fields: Any) -> Rule:
    """A rule, not saved, under which about one in `share` interactions is too old."""
    with world.engine.connect() as source:
        moments = sorted(str(found)[:10] for found in source.execute(sa.select(interactions.c.startDate)).scalars())
    age = (timezone.now().date() - date.fromisoformat(moments[len(moments) // share])).days
    return Rule(organization=world.organization, author=world.owner, **{"data_type": "Interaction", "maximum_age": max(age, 1), **fields})


# --- What it says --------------------------------------------------------------------------------------------------
def test_an_exact_preview_says_what_a_purge_then_does(purging: PurgeWorld) -> None:
    rule = aged(purging)
    said = of(look(purging, rule, exact=True, children=True))
    terms = rule_terms(rule, purging.datasets["Interaction"], timezone.now())
    assert terms is not None
    before, below = purging.there(), purging.there("Attachment")
    purge = purging.purged(terms)
    assert said["rows"] == purge.selected == len(before - purging.there()) > 0, (
        purge.status,
        purge.message,
        purge.traceback,
        purge.asks_because,
    )
    assert not said["estimated"]
    assert [(child["dataset"], child["action"], child["rows"]) for child in said["children"]] == [
        ("Attachment", "cascade", len(below - purging.there("Attachment")))
    ]


def test_oldest_newest_and_bytes_are_those_of_what_goes(purging: PurgeWorld) -> None:
    said = of(look(purging, aged(purging), exact=True))
    with purging.engine.connect() as source:
        oldest = source.execute(sa.select(sa.func.min(interactions.c.startDate))).scalar_one()
    assert said["oldest"][:10] == str(oldest)[:10]
    assert said["oldest"] < said["newest"]
    assert 50 < said["bytes"] / said["rows"] < 5000


def test_an_estimate_says_that_it_is_one_or_counts(purging: PurgeWorld) -> None:
    preview = look(purging, aged(purging))
    said = of(preview)
    guesses = "sqlite" not in purging.url
    assert (said["estimated"], preview.exact) == (guesses, not guesses)
    assert said["rows"] >= 0
    assert (said["oldest"] is None) == guesses


def test_each_reason_is_told_with_its_rows(small: PurgeWorld) -> None:
    access = access_in(small.organization, small.owner)
    first, second = sorted(small.there())[:2]
    for key in (first, second):
        holds.place(access, small.datasets["Interaction"], matter=f"Case {key}", reason="order", keys=[[key], [first]])
    said = of(look(small, aged(small, maximum_age=1), exact=True))
    assert [(kept["reason"], kept["text"], kept["rows"]) for kept in said["kept"]] == [
        ("hold", f"the hold “Case {first}”", 1),
        ("hold", f"the hold “Case {second}”", 1),
    ]
    assert said["rows"] == len(small.there()) - 2


def test_what_blocks_is_told(small: PurgeWorld) -> None:
    ForeignKeyPlan.objects.create(dataset=small.datasets["Interaction"], table="attachments", columns=["entityid"], action="block")
    said = of(look(small, aged(small, maximum_age=1), exact=True))
    with small.engine.connect() as source:
        parents = source.execute(sa.select(sa.func.count(sa.distinct(attachments.c.entityid)))).scalar_one()
    assert [(blocked["text"], blocked["rows"]) for blocked in said["blocked"]] == [
        ("rows of attachments (entityid) that refer to it", parents)
    ]


def test_a_dataset_without_age_and_a_source_out_of_reach_stop_no_other(small: PurgeWorld) -> None:
    small.source.pk, small.source.key, small.source.url = None, "gone", "postgresql://nobody@127.0.0.1:1/none"
    small.source.save()
    Dataset.objects.create(source=small.source, name="Lost", table="t", key_columns=["id"], timestamp_column="at")
    preview = look(small, aged(small, data_type="*"), exact=True)
    assert "no timestamp column" in of(preview, "Attachment")["problem"]
    assert of(preview, "Lost")["problem"]
    assert of(preview)["rows"] > 0


def test_an_unclear_hold_is_told_instead_of_figures(small: PurgeWorld) -> None:
    hold = holds.place(access_in(small.organization, small.owner), small.datasets["Interaction"], matter="X", reason="order")
    Hold.objects.filter(pk=hold.pk).update(where={"nonsense": 1})
    assert "is unclear" in of(look(small, aged(small), exact=True))["problem"]


def test_criteria_are_previewed(small: PurgeWorld) -> None:
    access = access_in(small.organization, small.owner)
    made = previews.preview_criteria(access, small.datasets["Interaction"], "mediaTypeId eq 'chat'", exact=True)
    assert of(made)["rows"] == len(small.there("Interaction", interactions.c.mediaTypeId == "chat"))
    assert made.terms == {"source": small.source.key, "dataset": "Interaction", "criteria": "mediaTypeId eq 'chat'"}


# --- Samples -------------------------------------------------------------------------------------------------------
def test_samples_are_shown_and_not_kept(small: PurgeWorld) -> None:
    preview = look(small, aged(small), exact=True)
    shown = of(preview)["samples"]
    assert len(shown["rows"]) == 5
    assert {row[shown["columns"].index("id")] for row in shown["rows"]} <= small.there()
    preview.refresh_from_db()
    assert "samples" not in of(preview)


def test_who_may_not_export_the_source_sees_no_rows(small: PurgeWorld) -> None:
    reader = User.objects.create_user("reader")
    join(reader, small.organization, [RETENTION_READER])
    said = of(look(small, aged(small), reader, exact=True))
    assert (said["samples"], said["rows"] > 0) == (None, True)


# --- Who, and what is remembered -----------------------------------------------------------------------------------
def test_it_is_for_who_may_read_rules(small: PurgeWorld, outsider: User, elsewhere: Organization) -> None:
    nobody = User.objects.create_user("nobody")
    join(nobody, small.organization, [])
    made = look(small, aged(small))
    with pytest.raises(Denied):
        look(small, aged(small), nobody)
    with pytest.raises(NotFound):
        previews.find(access_in(elsewhere, outsider), made.pk)


def test_it_is_recorded(small: PurgeWorld) -> None:
    look(small, aged(small))
    assert actions()[-1] == "preview.create"


def test_has_seen_asks_for_the_same_terms_but_for_the_mode(small: PurgeWorld) -> None:
    access, rule = access_in(small.organization, small.owner), aged(small)
    assert not previews.has_seen(access, rule)
    look(small, rule)
    rule.mode = Rule.Mode.ENFORCE
    assert previews.has_seen(access, rule)
    rule.maximum_age += 1
    assert not previews.has_seen(access, rule)


def test_a_preview_is_fresh_for_a_day_only(small: PurgeWorld) -> None:
    rule = aged(small)
    Preview.objects.filter(pk=look(small, rule).pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert not previews.has_seen(access_in(small.organization, small.owner), rule)
