"""Real worker processes that die, sleep and lose their connection in a restore: every row comes back, once, as it was."""

import random
import signal
import time

import pytest

from retention.models import Purge, Restore, RestoreBatch
from retention.services import restoring
from retention.services.steps import RESTORE_STEPS
from tests.processes import Workers, is_stopped, kill, send, wait_until, workers
from tests.retention.purge_world import PurgeWorld
from tests.retention.restoring import ask, assert_nothing_left, parts, restored_counts
from tests.retention.worker import DROPPED

__all__ = ["workers"]

LINES = "20"


class Asked:
    """A restore that somebody asked for, of a purge that has ended."""

    def __init__(self, world: PurgeWorld) -> None:
        self.world, self.before = world, world.contents()
        self.purge: Purge = world.purged()
        self.restore: Restore = ask(world, self.purge, parts(world, self.purge))

    def is_over(self) -> bool:
        return not Restore.objects.get(pk=self.restore.pk).is_active

    def assert_all_back(self) -> None:
        self.restore.refresh_from_db()
        assert self.restore.status == Restore.Status.COMPLETED, (self.restore.message, self.restore.traceback)
        assert self.world.contents() == self.before
        assert (self.restore.restored, self.restore.conflicts) == (restored_counts(self.purge), {})
        assert not RestoreBatch.objects.exclude(status=RestoreBatch.Status.DONE).exists()
        restoring.collect()  # as the housekeeper does
        assert_nothing_left(self.world, self.purge)


@pytest.fixture
def asked(purging: PurgeWorld) -> Asked:
    return Asked(purging)


def test_after_a_kill_at_every_step_another_worker_goes_on(asked: Asked, workers: Workers) -> None:
    for step in RESTORE_STEPS:
        workers.append(asked.world.worker(FAULT=f"kill {step}", BATCH_LINES=LINES))
        wait_until(lambda: not workers[-1].is_alive())
    workers.append(asked.world.worker())
    wait_until(asked.is_over)
    asked.assert_all_back()


def test_random_kills_of_two_workers_bring_each_row_back_once(asked: Asked, workers: Workers) -> None:
    chance = random.Random(7)
    workers += [asked.world.worker(BATCH_LINES=LINES) for _ in range(2)]
    for _ in range(5):
        time.sleep(chance.uniform(1, 2))
        victim = chance.randrange(2)
        kill(workers[victim])
        workers[victim] = asked.world.worker(BATCH_LINES=LINES)
    wait_until(asked.is_over, 120)
    for process in workers:
        kill(process)
    asked.assert_all_back()


@pytest.mark.parametrize("step", ["restore.inserted", "restore.committed"])
def test_a_worker_that_sleeps_beyond_its_lease_changes_nothing_twice(asked: Asked, workers: Workers, step: str) -> None:
    workers.append(asked.world.worker(FAULT=f"sleep {step}", FAULT_AFTER="1", BATCH_LINES=LINES))
    wait_until(lambda: is_stopped(workers[0]))
    workers.append(asked.world.worker(BATCH_LINES=LINES))
    time.sleep(4)  # beyond the lease
    send(workers[0], signal.SIGCONT)
    wait_until(asked.is_over)
    for process in workers:
        kill(process)
    asked.assert_all_back()


@pytest.mark.parametrize("step", ["restore.inserted", "restore.planned"])
@pytest.mark.parametrize("purging", ["postgresql", "mariadb"], indirect=True)
def test_a_connection_that_is_lost_in_the_middle_of_a_batch_loses_nothing(asked: Asked, workers: Workers, step: str) -> None:
    workers.append(asked.world.worker(FAULT=f"drop {step}", FAULT_AFTER="1", BATCH_LINES=LINES))
    wait_until(asked.is_over)
    assert (asked.world.folder / DROPPED).exists()
    asked.assert_all_back()
