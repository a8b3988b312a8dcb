"""A restore from request to end: restore(purge(x)) = x, once, over nothing that is there."""

import pytest
import sqlalchemy as sa
from django.utils import timezone

from accounts.models import AuditEntry
from exports.sources.contact_history import attachments, contacts, interactions
from exports.sources.predicates import And, Exists, Not, Or
from retention.models import Batch, Hold, Purge, Restore, RestoreBatch
from retention.services import holds, restore_holds, restores, restoring
from retention.services.steps import RESTORE_STEPS
from tests.retention.purge_world import CHATS, PurgeWorld
from tests.retention.restoring import ask, assert_nothing_left, completed, die_at, keep_key, parts, restored, restored_counts
from tests.trail import actions

IS_CHAT = interactions.c.mediaTypeId == "chat"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a restore has many."""
    monkeypatch.setattr(restoring, "BATCH_LINES", 20)


def test_what_was_purged_comes_back_as_it_was(purging: PurgeWorld) -> None:
    before = purging.contents()
    purge = purging.purged()
    assert purging.contents() != before
    restore = completed(purging, purge)
    assert purging.contents() == before
    assert restore.restored == restored_counts(purge)
    assert restore.conflicts == {}


def test_it_comes_back_with_a_key_that_is_kept(purging: PurgeWorld) -> None:
    before = purging.contents()
    purge = purging.purged()
    keep_key(purging)
    completed(purging, purge, [])
    assert purging.contents() == before


def test_a_row_that_was_kept_is_left_alone(purging: PurgeWorld) -> None:
    purge = purging.purge()
    changed = min(purging.there("Interaction", IS_CHAT))
    purging.work_until("freeze.done")
    with purging.writing() as connection:
        connection.execute(sa.update(interactions).where(interactions.c.id == changed).values(subject="changed"))
    before = purging.contents()
    purging.work()
    purge.refresh_from_db()
    restore = completed(purging, purge)
    assert purging.contents() == before
    assert restore.conflicts == {}


def test_an_attachment_that_somebody_had_deleted_before_the_purge_stays_away(purging: PurgeWorld) -> None:
    purge = purging.purge()
    gone = min(purging.there("Attachment", attachments.c.entityid.in_(purging.there("Interaction", IS_CHAT))))
    purging.work_until("freeze.done")
    with purging.writing() as connection:
        connection.execute(sa.delete(attachments).where(attachments.c.id == gone))
    before = purging.contents()
    purging.work()
    purge.refresh_from_db()
    restore = completed(purging, purge)
    assert purging.contents() == before
    assert restore.conflicts == {}


def test_a_second_restore_changes_nothing_and_holds_nothing(purging: PurgeWorld) -> None:
    before = purging.contents()
    purge = purging.purged()
    first = completed(purging, purge)
    second = completed(purging, purge)
    assert purging.contents() == before
    assert second.restored == {"Interaction": 0, "Attachment": 0}
    assert {name: {why: said["rows"] for why, said in reasons.items()} for name, reasons in second.conflicts.items()} == {
        name: {"same": rows} for name, rows in first.restored.items()
    }
    assert {hold.release_reason for hold in second.holds.all()} == {"The restore brought nothing back."}


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(("step", "count"), [*[(step, 1) for step in RESTORE_STEPS], *[(step, 3) for step in RESTORE_STEPS[1:-1]]])
def test_a_worker_that_dies_is_followed_by_another(purging: PurgeWorld, step: str, count: int) -> None:
    before = purging.contents()
    purge = purging.purged()
    restore = ask(purging, purge, parts(purging, purge))
    die_at(step, count)
    purging.work()
    restore.refresh_from_db()
    assert restore.status == Restore.Status.COMPLETED, (restore.message, restore.traceback)
    assert purging.contents() == before
    assert (restore.restored, restore.conflicts) == (restored_counts(purge), {})
    assert not RestoreBatch.objects.exclude(status=RestoreBatch.Status.DONE).exists()
    assert_nothing_left(purging, purge)


def test_a_row_that_is_there_again_is_never_overwritten(purging: PurgeWorld) -> None:
    key = min(purging.there("Interaction", IS_CHAT))
    with purging.engine.connect() as connection:
        row = connection.execute(sa.select(interactions).where(interactions.c.id == key)).mappings().one()
    purge = purging.purged()
    with purging.writing() as connection:
        connection.execute(sa.insert(interactions).values({**row, "subject": "somebody's own"}))
    restore = completed(purging, purge)
    with purging.engine.connect() as connection:
        assert connection.execute(sa.select(interactions.c.subject).where(interactions.c.id == key)).scalar() == "somebody's own"
    (example,) = restore.conflicts["Interaction"]["different"]["examples"]
    assert example == {"key": f'{{"id":"{key}"}}', "columns": ["subject"]}
    assert restore.restored["Interaction"] == restored_counts(purge)["Interaction"] - 1


def test_rows_whose_parent_is_gone_are_told_and_the_others_come_back(purging: PurgeWorld) -> None:
    purge = purging.purged()
    everybody = {row[0] for row in purging.contents()["Contact"]}
    with purging.writing() as connection:
        still = set(connection.execute(sa.select(interactions.c.contactId)).scalars())
        connection.execute(sa.delete(contacts).where(contacts.c.ContactId.in_(everybody - still)))
    restore = completed(purging, purge)
    missing = restore.conflicts["Interaction"]["parent missing"]["rows"]
    assert missing > 0
    assert restore.restored["Interaction"] == restored_counts(purge)["Interaction"] - missing


def test_rows_come_back_from_the_parts_that_there_are(small: PurgeWorld) -> None:
    chats = small.there("Interaction", IS_CHAT)
    purge = small.purged()
    restore = completed(small, purge, parts(small, purge, "Interaction"))
    assert small.there("Interaction", IS_CHAT) == chats
    assert not small.there("Attachment", attachments.c.entityid.in_(chats))
    assert [name.partition("-")[0] for name in restores.missing_parts(restore)] == ["Interaction"]
    assert restore.restored == {"Interaction": len(chats)}


def test_children_without_their_parents_stay_away(small: PurgeWorld) -> None:
    purge = small.purged()
    restore = completed(small, purge, parts(small, purge, "Attachment"))
    assert restore.restored == {"Attachment": 0}
    assert restore.conflicts["Attachment"]["parent missing"]["rows"] == restored_counts(purge)["Attachment"]


def test_the_missing_part_can_follow_later(small: PurgeWorld) -> None:
    before = small.contents()
    purge = small.purged()
    completed(small, purge, parts(small, purge, "Interaction"))
    completed(small, purge, parts(small, purge, "Attachment"))
    assert small.contents() == before


# --- Holds ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("most", [1000, 3])
def test_the_next_sweep_leaves_what_came_back(purging: PurgeWorld, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their keys, and, if these are many, by the purge's terms."""
    monkeypatch.setattr(restore_holds, "MOST_KEYS", most)
    before = purging.contents()
    restore = completed(purging, purging.purged())
    again = purging.purged()
    assert again.status == Purge.Status.COMPLETED, again.message
    assert purging.contents() == before
    assert {hold.origin for hold in restore.holds.all()} == {Hold.Origin.RESTORE}
    assert all(29 < ((hold.ends_at or timezone.now()) - timezone.now()).total_seconds() / 86400 <= 30 for hold in restore.holds.all())


@pytest.mark.parametrize("most", [1000, 3])
def test_what_came_back_of_children_is_held_too(small: PurgeWorld, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_holds, "MOST_KEYS", most)
    chats = small.there("Interaction", IS_CHAT)
    theirs = small.there("Attachment", attachments.c.entityid.in_(chats))
    completed(small, small.purged())
    small.purged(And(()), "Attachment")
    assert small.there("Attachment") == theirs


def test_holds_are_in_force_before_the_first_row_is_there(small: PurgeWorld) -> None:
    purge = small.purged()
    ask(small, purge, parts(small, purge))
    die_at("restore.inserted")
    assert Hold.objects.filter(in_force_at=None).count() == 0 < Hold.objects.count()
    assert not small.there("Interaction", IS_CHAT)


def test_nothing_comes_back_while_a_batch_is_under_way_that_does_not_know_the_hold(
    small: PurgeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "WAITS", holds.WAITS * 0)
    purge = small.purged()
    under_way = Batch.objects.create(purge=purge, start=10**6, stop=10**6 + 1, token=purge.token)
    restore = ask(small, purge, parts(small, purge))
    restoring.run_due()
    restore.refresh_from_db()
    assert "waits until the batches" in restore.message
    assert not small.there("Interaction", IS_CHAT)
    under_way.delete()
    Restore.objects.update(not_before=None)
    small.work()
    assert small.there("Interaction", IS_CHAT)


def test_a_hold_that_is_released_meanwhile_stops_the_restore(small: PurgeWorld) -> None:
    purge = small.purged()
    restore = ask(small, purge, parts(small, purge))
    die_at("restore.held")
    holds.release(small.access, Hold.objects.order_by("pk")[0], "a mistake")
    small.work()
    restore.refresh_from_db()
    assert restore.status == Restore.Status.FAILED
    assert "was released" in restore.message
    assert not small.there("Interaction", IS_CHAT)


def test_terms_about_other_rows_are_weakened_for_the_hold() -> None:
    has = Exists("attachments", "", ("entityid",), ("id",))
    assert restore_holds.weakened(And((CHATS, has))) == And((CHATS, And(())))
    assert restore_holds.weakened(And((CHATS, Not(has)))) == And((CHATS, Not(Or(()))))
    assert restore_holds.weakened(Or((Not(Not(has)), CHATS))) == Or((Not(Not(And(()))), CHATS))


# --- Who, and what is recorded -------------------------------------------------------------------------------------
def test_request_and_end_are_recorded(small: PurgeWorld) -> None:
    completed(small, small.purged())
    assert [action for action in actions() if action.startswith("restore.")] == ["restore.request", "restore.end"]
    after = AuditEntry.objects.get(action="restore.end").after or {}
    assert (after["status"], after["conflicts"]) == ("completed", {})
    assert after["restored"]["Interaction"] > 0


def test_it_ends_when_who_asked_for_it_may_no_longer(small: PurgeWorld) -> None:
    purge = small.purged()
    restore = ask(small, purge, parts(small, purge))
    small.owner.is_active = False
    small.owner.save()
    small.work()
    restore.refresh_from_db()
    assert restore.status == Restore.Status.FAILED
    assert "no longer belongs to" in restore.message
    assert_nothing_left(small, purge)


def test_a_preview_counts_and_changes_nothing(purging: PurgeWorld) -> None:
    chats = purging.there("Interaction", IS_CHAT)
    purge = purging.purged()
    before = purging.contents()
    figures = restores.preview(purging.access, purge.disposition.number)
    assert [(one.dataset, one.rows, one.present) for one in figures.datasets] == [
        ("Interaction", len(chats), 0),
        ("Attachment", restored_counts(purge)["Attachment"], 0),
    ]
    assert purging.contents() == before
    completed(purging, purge)
    figures = restores.preview(purging.access, purge.disposition.number)
    assert all(one.present == one.rows == one.looked_at for one in figures.datasets)
    assert (figures.has_key, len(figures.stored)) == (False, 2)


def test_restored_twice_the_ledger_still_counts_each_row_once(small: PurgeWorld) -> None:
    purge = small.purged()
    restore = restored(small, purge)
    assert sum(RestoreBatch.objects.filter(restore=restore).values_list("restored", flat=True)) == sum(restore.restored.values())
