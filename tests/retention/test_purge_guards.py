"""For each guard of a purge: a scenario that holds with it, and breaks when the guard is taken out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from django.core.files.storage import default_storage
from django.db.models import Q

from accounts.models import User
from accounts.roles import DISPOSITION_APPROVER
from accounts.services.access import access_to
from accounts.services.people import join
from exports.models import File
from exports.sealing.storage import read_hash
from exports.services.claiming import LeaseLost, lease_end
from exports.sources.contact_history import attachments, interactions
from exports.sources.writers.base import Standing
from exports.sources.writers.sqlite import SQLiteWriter
from retention.models import Batch, Purge, RetentionSettings
from retention.services import advancing, claiming, holds, ledger, purges, purging
from tests.retention.purge_world import PurgeWorld

IS_CHAT = interactions.c.mediaTypeId == "chat"


@dataclass(frozen=True)
class Guard:
    """`scenario` asserts what the guard is for; `remove` takes it out."""

    name: str
    scenario: Callable[[PurgeWorld], None]
    remove: Callable[[pytest.MonkeyPatch], None]


def first_chat(world: PurgeWorld) -> str:
    return min(world.there("Interaction", IS_CHAT))


def ended(world: PurgeWorld, purge: Purge) -> Purge:
    world.work()
    purge.refresh_from_db()
    return purge


# --- A row is as it was extracted ------------------------------------------------------------------------------------
def a_changed_row_is_kept(world: PurgeWorld) -> None:
    purge, changed = world.purge(), first_chat(world)
    world.work_until("freeze.done")
    with world.writing() as connection:
        connection.execute(sa.update(interactions).where(interactions.c.id == changed).values(subject="changed"))
    ended(world, purge)
    assert changed in world.there()


def believe_any_version(patch: pytest.MonkeyPatch) -> None:
    lock = SQLiteWriter.lock

    def believing(self: SQLiteWriter, *given: Any) -> Standing:
        standing = lock(self, *given)
        return Standing(standing.present, standing.present)

    patch.setattr(SQLiteWriter, "lock", believing)


# --- What goes along is as it was extracted --------------------------------------------------------------------------
def a_row_with_a_new_attachment_is_kept(world: PurgeWorld) -> None:
    purge, kept = world.purge(), first_chat(world)
    world.work_until("freeze.done")
    with world.writing() as connection:
        row = connection.execute(sa.select(attachments).limit(1)).mappings().one()
        connection.execute(sa.insert(attachments).values({**row, "id": "new", "entityid": kept}))
    ended(world, purge)
    assert "new" in world.there("Attachment")


def overlook_children(patch: pytest.MonkeyPatch) -> None:
    def nothing_is_strange(frozen: pa.Table | None, child: object, there: pa.Table, size: int, start: int) -> Any:
        return np.zeros(size, bool)

    patch.setattr(purging, "_strange", nothing_is_strange)


# --- Holds, under lock ------------------------------------------------------------------------------------------------
def a_row_that_is_held_after_the_extract_is_kept(world: PurgeWorld) -> None:
    purge, held = world.purge(), first_chat(world)
    world.work_until("freeze.done")
    holds.place(world.access, world.datasets["Interaction"], matter="Doe v. Roe", reason="Asked for.", keys=[[held]])
    ended(world, purge)
    assert held in world.there()


def overlook_holds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(purging, "_keep_for_reasons", lambda *_: None)


def a_hold_is_in_force_only_when_the_batch_before_it_has_ended(world: PurgeWorld) -> None:
    world.purge()
    world.work_until("batch.deleted")
    hold = place_quickly(world)
    assert hold.in_force_at is None


def place_quickly(world: PurgeWorld) -> Any:
    return holds.place(world.access, world.datasets["Interaction"], matter="Doe v. Roe", reason="Asked for.", waits=timedelta(0))


def wait_for_no_batch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holds, "_batches", lambda _: Batch.objects.none())


# --- Verification -----------------------------------------------------------------------------------------------------
def nothing_goes_whose_file_is_damaged(world: PurgeWorld) -> None:
    purge = world.purge()
    world.work_until("freeze.done")
    for file in File.objects.filter(run__purge=purge):
        stored = Path(default_storage.path(file.storage_key))
        stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    before = world.there()
    ended(world, purge)
    for file in File.objects.listed().filter(run=purge.run):
        assert read_hash(default_storage, file.storage_key) == (file.size, file.sha256)
    assert before - world.there() <= world.in_files(purge)


def believe_the_storage(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(advancing, "damaged_file", lambda _: "")


# --- Token ------------------------------------------------------------------------------------------------------------
def a_worker_that_lost_the_purge_begins_no_batch(world: PurgeWorld) -> None:
    purge = world.purge()
    world.work_until("verify.done")
    stale = Purge.objects.get(pk=purge.pk)
    Purge.objects.filter(pk=purge.pk).update(token=stale.token + 1, lease_until=lease_end())
    lost = False
    try:
        ledger.announce(stale, 0, 10)
    except LeaseLost:
        lost = True
    assert lost


def accept_any_token(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger, "held", lambda purge: Purge.objects.filter(pk=purge.pk))


def a_purge_that_was_given_back_is_kept_by_no_heartbeat(world: PurgeWorld) -> None:
    world.purge()
    claimed = claiming.claim_purge(Q())
    assert claimed is not None
    advancing.move(claimed, Purge.Status.PURGING)
    assert not claiming.held(claimed).update(lease_until=lease_end())


def let_heartbeats_keep_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claiming, "held", lambda purge: Purge.objects.filter(pk=purge.pk, token=purge.token))


# --- Caps and approval ------------------------------------------------------------------------------------------------
def over_the_caps_nothing_goes_unasked(world: PurgeWorld) -> None:
    RetentionSettings.objects.update(most_rows=5)
    before = world.there()
    purge = ended(world, world.purge())
    assert (purge.status, world.there()) == (Purge.Status.AWAITING_APPROVAL, before)


def ask_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(advancing, "asks_because", lambda *_: "")


def an_approval_dies_with_the_rows_that_it_was_for(world: PurgeWorld) -> None:
    RetentionSettings.objects.update(most_rows=5)
    before, purge = world.there(), ended(world, world.purge())
    approver = User.objects.create_user("anna")
    join(approver, world.organization, [DISPOSITION_APPROVER])
    access = access_to(approver, world.organization)
    assert access is not None
    purges.approve(access, purge, purge.key_set_sha256)
    with world.writing() as connection:
        connection.execute(sa.update(interactions).where(interactions.c.id == first_chat(world)).values(subject="changed"))
    ended(world, purge)
    assert (purge.status, world.there()) == (Purge.Status.FAILED, before)


def approve_whatever_is_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(advancing, "check_as_approved", lambda _: None)


# --- A crash at the commit ----------------------------------------------------------------------------------------------
def what_was_committed_before_the_crash_is_counted(world: PurgeWorld) -> None:
    before, purge = world.there(), world.purge()
    RetentionSettings.objects.update(batch_rows=10)
    world.work_until("batch.committed")
    ended(world, purge)
    assert sum(batch.deleted for batch in purge.batches.all()) == len(before - world.there())


def forget_every_open_batch(patch: pytest.MonkeyPatch) -> None:
    def forget(session: purging.Session) -> None:
        for batch in ledger.undecided(session.purge):
            ledger.forget(batch)

    patch.setattr(advancing, "decide_all", forget)


GUARDS = [
    Guard("row version", a_changed_row_is_kept, believe_any_version),
    Guard("children", a_row_with_a_new_attachment_is_kept, overlook_children),
    Guard("holds under lock", a_row_that_is_held_after_the_extract_is_kept, overlook_holds),
    Guard("waiting for batches", a_hold_is_in_force_only_when_the_batch_before_it_has_ended, wait_for_no_batch),
    Guard("verification", nothing_goes_whose_file_is_damaged, believe_the_storage),
    Guard("token", a_worker_that_lost_the_purge_begins_no_batch, accept_any_token),
    Guard("lease given back", a_purge_that_was_given_back_is_kept_by_no_heartbeat, let_heartbeats_keep_it),
    Guard("caps", over_the_caps_nothing_goes_unasked, ask_nobody),
    Guard("approval", an_approval_dies_with_the_rows_that_it_was_for, approve_whatever_is_there),
    Guard("deciding", what_was_committed_before_the_crash_is_counted, forget_every_open_batch),
]
by_guard = pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)


@by_guard
def test_the_guard_holds(small: PurgeWorld, guard: Guard) -> None:
    guard.scenario(small)


@by_guard
def test_without_the_guard_the_test_fails(small: PurgeWorld, guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    guard.remove(monkeypatch)
    with pytest.raises(AssertionError):
        guard.scenario(small)
