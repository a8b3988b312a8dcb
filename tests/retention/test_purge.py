"""A purge from order to disposition: what goes, what is kept and why, and what a file says of it."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from exports.services.demo_source import fill
from exports.sources.conditions import Condition
from exports.sources.contact_history import attachments, interactions
from exports.sources.predicates import And
from retention.models import Batch, Disposition, ForeignKeyPlan, Purge
from retention.services import steps
from tests.retention.conftest import ROWS
from tests.retention.purge_world import PurgeWorld

IS_CHAT = interactions.c.mediaTypeId == "chat"


def test_what_the_terms_choose_goes_and_nothing_else(purging: PurgeWorld) -> None:
    before, chats = purging.there(), purging.there("Interaction", IS_CHAT)
    purge = purging.purged()
    assert purge.status == Purge.Status.COMPLETED, purge.message
    assert purging.assert_accounted(purge, before) == chats


def test_attachments_go_along_and_are_in_files(purging: PurgeWorld) -> None:
    chats, before = purging.there("Interaction", IS_CHAT), purging.there("Attachment")
    theirs = purging.there("Attachment", attachments.c.entityid.in_(chats))
    purge = purging.purged()
    assert before - purging.there("Attachment") == theirs == purging.in_files(purge, "Attachment")
    assert theirs


def test_a_row_that_is_changed_after_the_extract_is_kept(purging: PurgeWorld) -> None:
    purge = purging.purge()
    chats = purging.there("Interaction", IS_CHAT)
    changed = min(chats)
    purging.work_until("freeze.done")
    with purging.writing() as connection:
        connection.execute(sa.update(interactions).where(interactions.c.id == changed).values(subject="changed"))
    finish(purging, purge)
    assert purging.there("Interaction", IS_CHAT) == {changed}


def test_a_row_that_gets_another_attachment_after_the_extract_is_kept(purging: PurgeWorld) -> None:
    purge = purging.purge()
    kept = min(purging.there("Interaction", IS_CHAT))
    purging.work_until("freeze.done")
    with purging.writing() as connection:
        row = connection.execute(sa.select(attachments).limit(1)).mappings().one()
        connection.execute(sa.insert(attachments).values({**row, "id": "new", "entityid": kept}))
    finish(purging, purge)
    assert purging.there("Interaction", IS_CHAT) == {kept}
    assert "new" in purging.there("Attachment")


def test_contacts_with_interactions_are_kept_and_it_is_said_why(purging: PurgeWorld) -> None:
    referred = purging.there("Contact", sa.exists().where(interactions.c.contactId == sa.column("ContactId")))
    purge = purging.purged(And(()), "Contact")
    assert purge.status == Purge.Status.COMPLETED, purge.message
    assert purging.there("Contact") == referred
    assert purge.kept == {"rows of interactions (contactId) that refer to it": len(referred)}


def test_a_foreign_key_that_blocks_stops_the_purge_with_a_sentence(small: PurgeWorld) -> None:
    ForeignKeyPlan.objects.create(dataset=small.datasets["Contact"], table="interactions", columns=["contactId"], action="block")
    before = small.there("Contact")
    purge = small.purged(And(()), "Contact")
    assert purge.status == Purge.Status.FAILED
    assert "Nothing of Contact goes while there are rows of interactions (contactId)" in purge.message
    assert small.there("Contact") == before


def test_without_archive_the_disposition_says_so(small: PurgeWorld) -> None:
    purge = small.purged(archive=False)
    assert purge.status == Purge.Status.COMPLETED, purge.message
    assert not small.there("Interaction", IS_CHAT)
    assert purge.run is not None
    assert not purge.run.files.exists()
    assert Disposition.objects.get(purge=purge).facts["archived"] is False


def test_nothing_to_go_is_a_purge_too(small: PurgeWorld) -> None:
    before = small.contents()
    purge = small.purged(Condition("mediaTypeId", "eq", "pigeon"))
    assert (purge.status, purge.selected) == (Purge.Status.COMPLETED, 0)
    assert small.contents() == before


def test_no_garbage_is_collected_while_a_batch_holds_locks(purging: PurgeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    collections, locked = {True: 0, False: 0}, [False]

    def look(phase: str, _: dict[str, int]) -> None:
        collections[locked[0]] += phase == "start"

    def observe(step: str) -> None:
        if step in {"batch.locked", "batch.planned"}:
            locked[0] = step == "batch.locked"

    monkeypatch.setattr(steps, "observer", observe)
    with often_collecting(look):
        assert purging.purged().status == Purge.Status.COMPLETED
    assert collections[True] == 0
    assert collections[False] > 0
    assert gc.isenabled()


@contextmanager
def often_collecting(look: Callable[[str, dict[str, int]], None]) -> Iterator[None]:
    before = gc.get_threshold()
    gc.callbacks.append(look)
    gc.set_threshold(50, 1_000, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(look)


def test_the_commit_counts_to_the_time_that_a_batch_held_locks(postgres_url: str, transactional_db: None, storage_folder: Path) -> None:
    fill(postgres_url, ROWS)
    world = PurgeWorld(storage_folder, ROWS, postgres_url)
    with world.writing() as connection:
        connection.execute(
            sa.text("CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.002); RETURN NULL; END'")
        )
        late = (
            "CREATE CONSTRAINT TRIGGER late AFTER DELETE ON interactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION rest()"
        )
        connection.execute(sa.text(late))
    assert world.purged().status == Purge.Status.COMPLETED
    assert Batch.objects.exists()
    for batch in Batch.objects.all():
        assert batch.locked_ms >= 2 * batch.deleted > 0


def finish(world: PurgeWorld, purge: Purge) -> None:
    world.work()
    purge.refresh_from_db()
    assert purge.status == Purge.Status.COMPLETED, purge.message
