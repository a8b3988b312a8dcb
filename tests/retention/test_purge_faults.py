"""Real worker processes that die, sleep and lose their connection at every step of a purge: what was right before is right after.

After every fault: what is gone is in verified files, once; what is held or changed is there; ledger, disposition and counts agree.
"""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from django.core.files.storage import default_storage

from exports.models import Captured, Part, Run
from exports.services.tidying import collect_ended
from exports.sources.contact_history import interactions
from retention.models import Batch, Disposition, Hold, Purge, RetentionSettings
from retention.services import holds
from retention.services.steps import STEPS
from tests.processes import Workers, is_stopped, kill, send, wait_until, workers
from tests.retention.purge_world import PurgeWorld
from tests.retention.worker import DROPPED

__all__ = ["workers"]

IS_CHAT = interactions.c.mediaTypeId == "chat"


def is_over(purge: Purge) -> bool:
    return not Purge.objects.get(pk=purge.pk).is_active


def assert_sound(world: PurgeWorld, purge: Purge, before: set[str], kept: set[str] = frozenset()) -> None:  # type: ignore[assignment]  # never changed
    """I1, I2, I3, I5, I6, I8 at the end."""
    purge.refresh_from_db()
    assert purge.status == Purge.Status.COMPLETED, purge.message
    Part.objects.update(lease_until=None)
    Run.objects.update(collected_at=None)
    collect_ended()
    chats = {key for key in before if key in world.chats}
    assert world.assert_accounted(purge, before) == chats - kept
    facts = Disposition.objects.get(purge=purge).facts
    assert facts["rowsPurged"] == len(chats - kept)
    assert not Captured.objects.exists()


@pytest.fixture
def ordered(purging: PurgeWorld) -> Purge:
    purging.chats = purging.there("Interaction", IS_CHAT)
    RetentionSettings.objects.update(batch_rows=10)
    return purging.purge()


def test_after_a_kill_at_every_step_another_worker_goes_on(purging: PurgeWorld, ordered: Purge, workers: Workers) -> None:
    before = purging.there()
    for step in STEPS:
        workers.append(purging.worker(FAULT=f"kill {step}"))
        wait_until(lambda: not workers[-1].is_alive())
        gone = before - purging.there()
        assert gone <= purging.chats
        if gone:
            assert gone <= purging.in_files(Purge.objects.get(pk=ordered.pk))
    workers.append(purging.worker())
    wait_until(lambda: is_over(ordered))
    assert_sound(purging, ordered, before)


@pytest.mark.parametrize("seed", range(3))
def test_random_kills_of_two_workers_lose_and_double_nothing(purging: PurgeWorld, ordered: Purge, workers: Workers, seed: int) -> None:
    before, chance = purging.there(), random.Random(seed)
    workers += [purging.worker(), purging.worker()]
    for _ in range(5):
        time.sleep(chance.uniform(0.5, 2.5))
        victim = chance.randrange(2)
        kill(workers[victim])
        workers[victim] = purging.worker()
    wait_until(lambda: is_over(ordered), 120)
    for process in workers:
        kill(process)
    assert_sound(purging, ordered, before)


@pytest.mark.parametrize("step", ["batch.locked", "batch.deleted", "batch.planned", "batch.committed"])
def test_a_worker_that_sleeps_beyond_its_lease_changes_nothing_twice(
    purging: PurgeWorld, ordered: Purge, workers: Workers, step: str
) -> None:
    before = purging.there()
    workers.append(purging.worker(FAULT=f"sleep {step}", FAULT_AFTER="1"))
    wait_until(lambda: is_stopped(workers[0]))
    workers.append(purging.worker())
    time.sleep(4)  # beyond the lease
    send(workers[0], signal.SIGCONT)
    wait_until(lambda: is_over(ordered))
    for process in workers:
        kill(process)
    assert_sound(purging, ordered, before)


@pytest.mark.parametrize("step", ["batch.locked", "batch.children-deleted", "batch.deleted", "batch.planned"])
@pytest.mark.parametrize("purging", ["postgresql", "mariadb"], indirect=True)
def test_a_connection_that_is_lost_in_the_middle_of_a_batch_loses_nothing(
    purging: PurgeWorld, ordered: Purge, workers: Workers, step: str
) -> None:
    before = purging.there()
    workers.append(purging.worker(FAULT=f"drop {step}", FAULT_AFTER="1"))
    wait_until(lambda: is_over(ordered))
    assert (purging.folder / DROPPED).exists()
    assert_sound(purging, ordered, before)


def test_a_hold_that_is_placed_in_the_middle_keeps_what_is_left(purging: PurgeWorld, ordered: Purge, workers: Workers) -> None:
    before = purging.there()
    workers.append(purging.worker(FAULT="sleep batch.deleted", FAULT_AFTER="1"))
    wait_until(lambda: is_stopped(workers[0]))
    hold = place(purging)
    assert hold.in_force_at is None, "a batch is under way"
    there = purging.there() if not purging.url.startswith("sqlite") else None
    send(workers[0], signal.SIGCONT)
    wait_until(lambda: holds.take_force(hold))
    in_force = purging.there("Interaction", IS_CHAT)
    wait_until(lambda: is_over(ordered))
    assert purging.there("Interaction", IS_CHAT) == in_force
    assert in_force
    assert there is None or in_force <= there
    assert_sound(purging, ordered, before, kept=in_force)


def place(world: PurgeWorld) -> Hold:
    """On every interaction, without waiting long."""
    return holds.place(world.access, world.datasets["Interaction"], matter="Doe v. Roe", reason="Asked for.", waits=timedelta(seconds=0.2))


def test_a_stored_byte_that_flips_before_the_purge_is_found_and_extracted_again(small: PurgeWorld) -> None:
    small.chats, before = small.there("Interaction", IS_CHAT), small.there()
    purge = small.purge()
    small.work_until("freeze.done")
    purge.refresh_from_db()
    assert purge.run is not None
    damaged, file = purge.run, purge.run.files.all()[0]
    with Path(default_storage.path(file.storage_key)).open("r+b") as stored:
        stored.seek(100)
        byte = stored.read(1)
        stored.seek(100)
        stored.write(bytes([byte[0] ^ 1]))
    small.work()
    purge.refresh_from_db()
    assert purge.run != damaged
    assert small.there() == before - small.chats
    assert purge.status == Purge.Status.COMPLETED


def test_a_role_that_is_revoked_in_the_middle_stops_it_and_what_went_is_recorded(small: PurgeWorld) -> None:
    before = small.there()
    purge = small.purge()
    small.work_until("batch.done")
    small.owner.membership_set.all().delete()
    small.work()
    purge.refresh_from_db()
    assert purge.status == Purge.Status.FAILED
    assert "no longer belongs to" in purge.message
    assert Disposition.objects.get(purge=purge).facts["rowsPurged"] == len(before - small.there()) > 0


def test_every_message_twice_and_two_workers_purge_once(purging: PurgeWorld, ordered: Purge, workers: Workers) -> None:
    before = purging.there()
    for _ in range(2):
        workers.append(purging.worker())
    wait_until(lambda: is_over(ordered))
    assert_sound(purging, ordered, before)
    starts = list(Batch.objects.filter(purge=ordered).order_by("start").values_list("start", "stop"))
    assert [stop for _, stop in starts[:-1]] == [start for start, _ in starts[1:]]


@pytest.fixture
def small_disk(small: PurgeWorld) -> Iterator[PurgeWorld]:
    """The folder of the stored files is a file system of 16 kB."""
    folder = small.folder / "files"
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], check=False, capture_output=True).returncode:
        pytest.skip("no server: mounting a small disk needs root")
    yield small
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_the_purge_and_nothing_goes(small_disk: PurgeWorld, settings: object) -> None:
    settings.RUN_ATTEMPTS = 2  # type: ignore[attr-defined]  # pytest-django's
    before = small_disk.contents()
    purge = small_disk.purged()
    assert purge.status == Purge.Status.FAILED
    assert "No space left on device" in purge.message
    assert small_disk.contents() == before


def test_the_source_is_as_a_direct_deletion_would_leave_it(purging: PurgeWorld, ordered: Purge) -> None:
    untouched = {name: rows for name, rows in purging.contents().items() if name == "Contact"}
    purging.work()
    with purging.engine.connect() as connection:
        orphans = connection.execute(sa.text("select count(*) from attachments where entityid not in (select id from interactions)"))
        assert orphans.scalar_one() == 0
    assert {name: rows for name, rows in purging.contents().items() if name == "Contact"} == untouched
