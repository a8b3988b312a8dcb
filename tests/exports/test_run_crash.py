"""Real worker processes, killed and stopped at any moment: the run still ends once, whole, with nothing left over."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess

import pytest
from django.db import OperationalError, transaction

from exports.models import Part, Run
from exports.services.tidying import collect_ended
from tests.exports.world import World
from tests.processes import Workers, kill, send, wait_until, workers

__all__ = ["workers"]


def freeze(process: ForkServerProcess) -> None:
    """Stop a process between its writes: who sleeps inside one keeps the database's lock, and then nobody can work."""
    deadline = time.monotonic() + 60
    while True:
        send(process, signal.SIGSTOP)
        try:
            with transaction.atomic():  # on SQLite this asks for the write lock (settings: BEGIN IMMEDIATE)
                list(Run.objects.select_for_update(nowait=True))
                list(Part.objects.select_for_update(nowait=True))
        except OperationalError:
            send(process, signal.SIGCONT)
            assert time.monotonic() < deadline, "it was never found between two writes"
        else:
            return


def is_over(run: Run) -> bool:
    return not Run.objects.get(pk=run.pk).is_active


def done_parts(run: Run) -> int:
    return Part.objects.filter(run=run, status=Part.Status.DONE).count()


def test_after_kill_9_another_worker_takes_over_and_goes_on_from_the_last_verified_part(world: World, workers: Workers) -> None:
    run = world.run(split_bytes=20_000)
    workers.append(world.worker())
    wait_until(lambda: done_parts(run) >= 2)
    kill(workers[0])
    verified = set(run.files.values_list("storage_key", flat=True))
    workers.append(world.worker())
    wait_until(lambda: is_over(run))
    world.assert_whole(run)
    assert set(world.ids(run).values()) == {1}
    assert len(world.ids(run)) == 2_000
    assert verified <= set(run.files.values_list("storage_key", flat=True))


@pytest.mark.parametrize("seed", range(4))
def test_random_kills_lose_and_double_nothing(world: World, workers: Workers, seed: int) -> None:
    chance = random.Random(seed)
    runs = [world.run(split_bytes=40_000), world.run(dataset="Contact"), world.run(split_bytes=60_000, export_attachments=True)]
    workers += [world.worker(), world.worker()]
    for _ in range(6):
        time.sleep(chance.uniform(0.2, 1.6))
        victim = chance.randrange(len(workers))
        kill(workers[victim])
        workers[victim] = world.worker()
    wait_until(lambda: all(is_over(run) for run in runs), 90)
    for worker in workers:
        kill(worker)
    Part.objects.update(lease_until=None)  # of workers that were killed after their run had ended
    Run.objects.update(collected_at=None)
    collect_ended()
    world.assert_whole(*runs)
    assert set(world.ids(runs[0]).values()) == {1}
    assert len(world.ids(runs[0])) == len(world.ids(runs[2])) == 2_000
    assert len(world.ids(runs[1], "Contact", "ContactId")) == 400


def test_a_worker_that_slept_beyond_its_lease_changes_nothing_when_it_wakes(world: World, workers: Workers) -> None:
    run = world.run(split_bytes=20_000)
    workers.append(world.worker())
    wait_until(lambda: done_parts(run) >= 1)
    freeze(workers[0])
    workers.append(world.worker())
    wait_until(lambda: is_over(run))
    send(workers[0], signal.SIGCONT)
    time.sleep(2)
    for worker in workers:
        kill(worker)
    world.assert_whole(run)
    assert len(world.ids(run)) == 2_000


def test_two_workers_share_the_parts_of_one_run(world: World, workers: Workers) -> None:
    run = world.run(split_bytes=15_000)
    workers += [world.worker(), world.worker()]
    wait_until(lambda: is_over(run))
    world.assert_whole(run)
    assert len(set(run.parts.values_list("worker", flat=True))) == 2


@pytest.fixture
def small_disk(world: World) -> Iterator[World]:
    """The folder of the stored files is a file system of 200 kB."""
    folder = world.folder / "files"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], check=False, capture_output=True).returncode:
        pytest.skip("no server: mounting a small disk needs root")
    yield world
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_the_run_with_a_sentence_and_leaves_nothing(small_disk: World, workers: Workers) -> None:
    run = small_disk.run()
    workers.append(small_disk.worker(STRONGROOM_RUN_ATTEMPTS="2"))
    wait_until(lambda: is_over(run))
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert "No space left on device" in run.message
    wait_until(lambda: not small_disk.stored())
