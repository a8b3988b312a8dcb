"""Holds: placing, when they come into force, what they keep, and what happens when one cannot be understood."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from django.db import connection
from django.utils import timezone

from accounts.models import Organization, User
from accounts.roles import DATA_EXPORTER, RETENTION_READER
from accounts.services.access import Access, Denied, access_to
from accounts.services.people import join
from exports.models import Dataset
from exports.services.errors import Conflict, Invalid, NotFound
from exports.sources.contact_history import attachments, interactions
from retention.models import Batch, Hold, Purge
from retention.services import holds
from retention.services.holds import HoldUnclear, State
from tests.conftest import access_in
from tests.retention.purge_world import CHATS, PurgeWorld
from tests.trail import actions

WHY: dict[str, Any] = {"matter": "Acme v. Smith", "reason": "Discovery order"}
NO_WAIT = timedelta(0)


def place(access: Access, dataset: Dataset, **more: Any) -> Hold:
    return holds.place(access, dataset, **{**WHY, "waits": NO_WAIT, **more})


def owner_of(world: PurgeWorld) -> Access:
    return access_in(world.organization, world.owner)


def covered(hold: Hold) -> int:
    return holds.rows_covered(hold)


def batch_of(purge: Purge, status: str = Batch.Status.DELETING) -> Batch:
    return Batch.objects.create(purge=purge, start=Batch.objects.count(), stop=Batch.objects.count() + 1, token=1, status=status)


# --- Who may -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [RETENTION_READER, DATA_EXPORTER])
def test_only_who_administers_rules_places_and_releases(access: Access, contact: Dataset, teammate: User, role: str) -> None:
    join(teammate, access.organization, [role])
    theirs = access_in(access.organization, teammate)
    hold = place(access, contact)
    with pytest.raises(Denied):
        place(theirs, contact)
    with pytest.raises(Denied):
        holds.release(theirs, hold, "over")


def test_a_retention_reader_looks_and_others_do_not(access: Access, contact: Dataset, teammate: User) -> None:
    hold = place(access, contact)
    with pytest.raises(Denied):
        holds.listing(access_to(teammate, access.organization) or access)
    join(teammate, access.organization, [RETENTION_READER])
    assert list(holds.listing(access_in(access.organization, teammate))) == [hold]


def test_an_outsider_finds_no_hold_and_no_dataset(access: Access, contact: Dataset, outsider: User, elsewhere: Organization) -> None:
    hold, theirs = place(access, contact), access_in(elsewhere, outsider)
    with pytest.raises(NotFound):
        holds.find(theirs, hold.pk)
    with pytest.raises(NotFound):
        place(theirs, contact)
    with pytest.raises(NotFound):
        holds.release(theirs, hold, "over")
    hold.refresh_from_db()
    assert hold.released_at is None


# --- What they cover -----------------------------------------------------------------------------------------------
def test_without_criteria_and_keys_all_rows_are_covered(small: PurgeWorld) -> None:
    assert covered(place(owner_of(small), small.datasets["Interaction"])) == len(small.there())


def test_keys_name_rows_in_each_database(purging: PurgeWorld) -> None:
    chosen = sorted(purging.there())[:3]
    hold = place(owner_of(purging), purging.datasets["Interaction"], keys=[[key] for key in [*chosen, "nobody"]])
    assert covered(hold) == 3
    assert hold.keys == [[key] for key in [*chosen, "nobody"]]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"keys": [["a", "b"]]}, "keys[0]"),
        ({"keys": [[None]]}, "keys[0]"),
        ({"keys": [["a"], "b"]}, "keys[1]"),
        ({"keys": [[str(number)] for number in range(1001)]}, "keys"),
        ({"keys": [["a"]], "criteria": "id eq 'a'"}, "keys"),
        ({"matter": " "}, "matter"),
        ({"matter": "x" * 201}, "matter"),
        ({"reason": ""}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"ends_at": timezone.now() - timedelta(days=1)}, "endsAt"),
        ({"starts_at": timezone.now() + timedelta(days=2), "ends_at": timezone.now() + timedelta(days=1)}, "endsAt"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_placed(access: Access, contact: Dataset, terms: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as invalid:
        place(access, contact, **terms)
    assert list(invalid.value.errors) == [field]
    assert not Hold.objects.exists()


def test_placing_and_releasing_are_recorded(access: Access, contact: Dataset) -> None:
    holds.release(access, place(access, contact), "settled")
    assert actions() == ["hold.place", "hold.release"]


# --- From when to when ---------------------------------------------------------------------------------------------
def standing(dataset: Dataset, at: datetime) -> list[Hold]:
    return [hold for hold, _ in holds.where_of(dataset, at)]


def test_a_hold_stands_from_its_start_to_its_end(access: Access, contact: Dataset) -> None:
    now = timezone.now()
    hold = place(access, contact, starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=2))
    moments = [now, hold.starts_at, now + timedelta(days=1.5), now + timedelta(days=2)]
    assert [bool(standing(contact, at)) for at in moments] == [False, True, True, False]
    assert [holds.state_of(hold, at) for at in moments] == [State.PLANNED, State.PENDING, State.PENDING, State.ENDED]


def test_many_holds_may_cover_a_row_and_releasing_one_leaves_the_others(access: Access, contact: Dataset) -> None:
    first, second = place(access, contact), place(access, contact)
    holds.release(access, first, "settled")
    assert standing(contact, timezone.now()) == [second]


def test_a_hold_is_released_once(access: Access, contact: Dataset) -> None:
    hold = holds.release(access, place(access, contact), "settled")
    with pytest.raises(Conflict, match="released already"):
        holds.release(access, hold, "again")
    hold.refresh_from_db()
    assert hold.release_reason == "settled"


def test_a_hold_on_one_dataset_keeps_the_rows_of_another_on_the_same_table(access: Access, contact: Dataset) -> None:
    same = Dataset.objects.create(source=contact.source, name="People", table=contact.table, key_columns=["email"])
    assert standing(same, timezone.now()) == []
    hold = place(access, contact)
    assert standing(same, timezone.now()) == [hold]


# --- Failing closed ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "damage", [{"where": {"nonsense": 1}}, {"where": []}, {"where": {"keyIn": {"keys": [[{"uuid": "x"}]]}}}, {"criteria": "id eq 'a'"}]
)
def test_a_hold_that_cannot_be_understood_stops_everything(access: Access, contact: Dataset, damage: dict[str, Any]) -> None:
    hold = place(access, contact)
    Hold.objects.filter(pk=hold.pk).update(**damage)
    with pytest.raises(HoldUnclear, match=r"Acme v\. Smith"):
        holds.where_of(contact, timezone.now())


def test_nothing_goes_while_a_hold_is_unclear(small: PurgeWorld) -> None:
    hold = place(owner_of(small), small.datasets["Interaction"], keys=[["x"]])
    Hold.objects.filter(pk=hold.pk).update(where={"nonsense": 1})
    before = small.there()
    purge = small.purged()
    assert (purge.status, small.there()) == (Purge.Status.FAILED, before)
    assert "is unclear" in purge.message


def test_nothing_goes_while_a_hold_asks_for_a_column_that_is_gone(small: PurgeWorld) -> None:
    hold = place(owner_of(small), small.datasets["Interaction"])
    Hold.objects.filter(pk=hold.pk).update(criteria="gone eq 1", where={"condition": {"attribute": "gone", "operator": "eq", "value": 1}})
    before = small.there()
    assert small.purged().status == Purge.Status.FAILED
    assert small.there() == before


# --- A purge and a hold --------------------------------------------------------------------------------------------
def test_rows_that_are_held_by_key_are_kept(purging: PurgeWorld) -> None:
    chats = purging.there("Interaction", interactions.c.mediaTypeId == "chat")
    kept = set(sorted(chats)[:2])
    place(owner_of(purging), purging.datasets["Interaction"], keys=[[key] for key in kept])
    purge = purging.purged(CHATS)
    assert purging.there("Interaction", interactions.c.mediaTypeId == "chat") == kept, purge.message
    assert purge.kept == {"the hold “Acme v. Smith”": 2}


def test_rows_that_two_holds_of_one_matter_keep_are_told_together(small: PurgeWorld) -> None:
    for key in sorted(small.there("Interaction", interactions.c.mediaTypeId == "chat"))[:2]:
        place(owner_of(small), small.datasets["Interaction"], keys=[[key]])
    assert small.purged(CHATS).kept == {"the hold “Acme v. Smith”": 2}


def test_a_row_is_kept_for_the_sake_of_what_would_go_along(purging: PurgeWorld) -> None:
    asked = sa.select(attachments.c.id, attachments.c.entityid).join(interactions, interactions.c.id == attachments.c.entityid)
    with purging.engine.connect() as source:
        child, parent = source.execute(asked.where(interactions.c.mediaTypeId == "chat").limit(1)).one()
    place(owner_of(purging), purging.datasets["Attachment"], keys=[[child]])
    purge = purging.purged(CHATS)
    assert purging.there("Interaction", interactions.c.mediaTypeId == "chat") == {parent}, purge.message
    assert child in purging.there("Attachment")


def test_a_hold_placed_after_the_freeze_keeps_its_rows(small: PurgeWorld) -> None:
    kept = min(small.there("Interaction", interactions.c.mediaTypeId == "chat"))
    purge = small.purge()
    small.work_until("freeze.done")
    place(owner_of(small), small.datasets["Interaction"], keys=[[kept]])
    small.work()
    purge.refresh_from_db()
    assert small.there("Interaction", interactions.c.mediaTypeId == "chat") == {kept}, purge.message


# --- Coming into force ---------------------------------------------------------------------------------------------
def test_without_a_batch_it_is_in_force_at_once(small: PurgeWorld) -> None:
    hold = place(owner_of(small), small.datasets["Interaction"])
    assert holds.state_of(hold, timezone.now()) == State.IN_FORCE


@pytest.mark.parametrize("status", [Batch.Status.DELETING, Batch.Status.COMMITTING])
def test_it_waits_for_the_batch_that_had_begun_and_stands_meanwhile(small: PurgeWorld, status: str) -> None:
    batch = batch_of(small.purge(), status)
    hold = place(owner_of(small), small.datasets["Interaction"])
    assert holds.state_of(hold, timezone.now()) == State.PENDING
    assert standing(small.datasets["Interaction"], timezone.now()) == [hold]
    assert holds.confirm_pending_holds() == 0
    Batch.objects.filter(pk=batch.pk).update(status=Batch.Status.DONE)
    assert holds.confirm_pending_holds() == 1
    hold.refresh_from_db()
    assert holds.state_of(hold, timezone.now()) == State.IN_FORCE


def test_it_does_not_wait_for_batches_that_begin_later(small: PurgeWorld) -> None:
    purge = small.purge()
    first = batch_of(purge)
    hold = place(owner_of(small), small.datasets["Interaction"])
    batch_of(purge)
    first.delete()
    assert holds.confirm_pending_holds() == 1
    hold.refresh_from_db()
    assert hold.in_force_at is not None


def test_it_waits_for_a_purge_that_may_take_its_rows_along(small: PurgeWorld) -> None:
    batch_of(small.purge(dataset="Interaction"))
    hold = place(owner_of(small), small.datasets["Attachment"])
    assert hold.in_force_at is None


def test_it_does_not_wait_for_purges_of_others(small: PurgeWorld, outsider: User, elsewhere: Organization, contact: Dataset) -> None:
    batch_of(small.purge())
    contact.source.organization = elsewhere
    contact.source.save()
    assert place(access_in(elsewhere, outsider), contact).in_force_at is not None


def test_placing_returns_as_soon_as_the_batch_is_over(small: PurgeWorld) -> None:
    batch = batch_of(small.purge())

    def end() -> None:
        Batch.objects.filter(pk=batch.pk).update(status=Batch.Status.DONE)
        connection.close()

    timer = threading.Timer(0.5, end)
    timer.start()
    hold = place(owner_of(small), small.datasets["Interaction"], waits=timedelta(seconds=20))
    timer.join()
    assert hold.in_force_at is not None
    assert hold.in_force_at - hold.placed_at < timedelta(seconds=15)


def test_one_that_begins_later_is_confirmed_when_it_begins(small: PurgeWorld) -> None:
    hold = place(owner_of(small), small.datasets["Interaction"], starts_at=timezone.now() + timedelta(days=1))
    assert (holds.confirm_pending_holds(), hold.in_force_at) == (0, None)
    batch = batch_of(small.purge())
    Hold.objects.filter(pk=hold.pk).update(starts_at=timezone.now())
    assert holds.confirm_pending_holds() == 0
    batch.delete()
    assert holds.confirm_pending_holds() == 1


def test_a_released_hold_is_not_confirmed(small: PurgeWorld) -> None:
    batch = batch_of(small.purge())
    access = owner_of(small)
    holds.release(access, place(access, small.datasets["Interaction"]), "settled")
    batch.delete()
    assert holds.confirm_pending_holds() == 0
