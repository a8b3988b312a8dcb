"""A purge in PostgreSQL deletes a batch at once where nothing changed, and row by row under lock where something did: with the same outcome."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from django.conf import LazySettings

from exports.services.demo_source import fill
from exports.sources.contact_history import attachments, interactions
from exports.sources.writers.postgresql import PostgresWriter
from retention.models import Purge
from retention.services import steps
from tests.retention.conftest import ROWS
from tests.retention.purge_world import PurgeWorld
from tests.retention.test_purge_guards import IS_CHAT, ended, first_chat


@pytest.fixture
def world(transactional_db: None, storage_folder: Path, settings: LazySettings, postgres_url: str) -> PurgeWorld:
    settings.RETRY_SECONDS = 0
    fill(postgres_url, ROWS)
    return PurgeWorld(storage_folder, ROWS, postgres_url)


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were locked before they were deleted, each time."""
    found: list[int] = []
    lock = PostgresWriter.lock

    def counting(self: PostgresWriter, selection: Any, rows: Any) -> Any:
        found.append(rows.num_rows)
        return lock(self, selection, rows)

    monkeypatch.setattr(PostgresWriter, "lock", counting)
    return found


def test_what_nobody_touched_is_not_locked_first(world: PurgeWorld, locked: list[int]) -> None:
    before = world.there()
    purge = world.purged()
    assert not locked
    assert purge.status == Purge.Status.COMPLETED
    assert not world.there("Interaction", IS_CHAT)
    world.assert_accounted(purge, before)


def test_a_row_that_changed_is_kept_and_the_others_go(world: PurgeWorld, locked: list[int]) -> None:
    purge, changed, before = world.purge(), first_chat(world), world.there()
    world.work_until("freeze.done")
    with world.writing() as connection:
        connection.execute(sa.update(interactions).where(interactions.c.id == changed).values(subject="changed"))
    assert ended(world, purge).status == Purge.Status.COMPLETED
    assert locked
    assert world.there("Interaction", IS_CHAT) == {changed}
    world.assert_accounted(purge, before)


def test_an_attachment_that_comes_between_comparing_and_deleting_keeps_its_row(
    world: PurgeWorld, monkeypatch: pytest.MonkeyPatch, locked: list[int]
) -> None:
    purge, kept, before = world.purge(), first_chat(world), world.there()
    world.work_until("freeze.done")
    came: list[str] = []

    def come(step: str) -> None:
        if step != "batch.compared" or came:
            return
        came.append(step)
        with world.writing() as connection:
            row = connection.execute(sa.select(attachments).limit(1)).mappings().one()
            connection.execute(sa.insert(attachments).values({**row, "id": "new", "entityid": kept}))

    monkeypatch.setattr(steps, "observer", come)
    assert ended(world, purge).status == Purge.Status.COMPLETED
    assert locked
    assert "new" in world.there("Attachment")
    assert world.there("Interaction", IS_CHAT) == {kept}
    world.assert_accounted(purge, before)


def test_without_comparing_the_version_a_changed_row_would_go(world: PurgeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is what the tests above pass by."""
    purge, changed = world.purge(), first_chat(world)
    world.work_until("freeze.done")
    with world.writing() as connection:
        connection.execute(sa.update(interactions).where(interactions.c.id == changed).values(subject="changed"))
    monkeypatch.setattr(PostgresWriter, "delete_unchanged", lambda self, selection, rows: self.delete(selection, rows))
    ended(world, purge)
    assert changed not in world.there()
