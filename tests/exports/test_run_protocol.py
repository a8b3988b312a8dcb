"""Claims, leases and tokens: for each guard, a test that fails when the guard is taken out (protocol, invariants I5 to I8)."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files import File as StoredFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from exports.models import File, Part, Run
from exports.sealing import storage as storages
from exports.services import finishing, tidying, work, writing
from exports.services.claiming import Heartbeat, LeaseLost, claim_part, claim_run_to_plan, give_back, held_part
from exports.services.planning import plan
from exports.services.reading_back import is_as_written
from exports.services.runs import cancel_run
from exports.services.work import run_until_idle
from exports.sources.base import SourceError
from tests.exports.world import World


def planned(world: World, **fields: Any) -> Run:
    """A run that was cut into its parts, none of which was begun."""
    run = world.run(**fields)
    claimed = claim_run_to_plan()
    assert claimed == run
    with plan(claimed):
        give_back(claimed, after_seconds=0)
    return claimed


def expire(part: Part) -> None:
    Part.objects.filter(pk=part.pk).update(lease_until=timezone.now() - timedelta(hours=1))


def test_of_two_workers_only_one_claims_a_run(world: World) -> None:
    world.run()
    assert [claim_run_to_plan() is not None, claim_run_to_plan() is not None] == [True, False]


def test_many_workers_at_once_claim_each_part_once(world: World) -> None:
    planned(world, split_bytes=60_000)
    claimed: list[int] = []
    gate = threading.Barrier(4)

    def claim() -> None:
        gate.wait()
        while part := claim_part():
            claimed.append(part.pk)
        connection.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(Part.objects.values_list("pk", flat=True))


def test_a_lease_that_ran_out_is_taken_over(world: World) -> None:
    run = planned(world)
    dead = claim_part()
    assert dead
    assert claim_part() is None
    expire(dead)
    run_until_idle()
    world.assert_whole(run)


def test_a_worker_that_lost_its_lease_records_nothing_and_leaves_nothing(world: World) -> None:
    run = planned(world)
    slow = claim_part()
    assert slow
    expire(slow)
    fast = claim_part()
    assert fast
    with pytest.raises(LeaseLost):
        writing.write_part(slow)
    assert not world.stored()
    writing.write_part(fast)
    run_until_idle()
    world.assert_whole(run)


def test_a_stale_worker_cannot_fail_the_run(world: World) -> None:
    run = planned(world)
    slow = claim_part()
    assert slow
    expire(slow)
    assert claim_part()
    work._attempt(slow.run, slow, lambda: (_ for _ in ()).throw(SourceError("too late")))
    run.refresh_from_db()
    assert run.status == Run.Status.IN_PROGRESS


def test_a_beating_worker_keeps_its_lease(world: World, settings: LazySettings) -> None:
    settings.LEASE_SECONDS = 2
    planned(world)
    part = claim_part()
    assert part
    with Heartbeat(lambda: held_part(part)):
        time.sleep(3)
        assert claim_part() is None


def slowly(batches: Iterator[Any], *_: Any) -> Iterator[Any]:
    for batch in batches:
        for row in range(0, batch.num_rows, 10):
            time.sleep(0.2)
            yield batch.slice(row, 10)


def slow_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    original = writing._counted
    monkeypatch.setattr(writing, "_counted", lambda batches, read: original(slowly(batches), read))


def seconds_to_stop(world: World, run: Run) -> float:
    """From cancelling the run, while its worker is at it, to that worker's end. Nothing of it is left."""
    cancelled: list[float] = []

    def cancel() -> None:
        time.sleep(1.5)
        cancel_run(world.access, Run.objects.get(pk=run.pk))
        cancelled.append(time.monotonic())
        connection.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    run_until_idle()
    stopped = time.monotonic()
    thread.join()
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED
    Part.objects.update(lease_until=None)
    tidying.collect_ended()
    assert not world.stored()
    assert not File.objects.exists()
    return stopped - cancelled[0]


def test_a_cancelled_run_stops_its_worker_within_two_seconds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_reading(monkeypatch)
    assert seconds_to_stop(world, world.run()) < 2


class FarFile(StoredFile):  # type: ignore[type-arg]  # no generic at run time
    def read(self, _: int = -1) -> bytes:
        assert self.file is not None
        time.sleep(0.2)
        return bytes(self.file.read(1000))


class FarStorage(storages.DurableFileSystemStorage):
    """It gives back a kilobyte in 0.2 s."""

    def open(self, name: str, mode: str = "rb") -> FarFile:
        return FarFile(super().open(name, mode).file)


def test_a_run_that_is_cancelled_while_a_file_is_read_back_stops_its_worker_within_two_seconds(
    world: World, settings: LazySettings, storage_folder: Path
) -> None:
    default = {**settings.STORAGES["default"], "BACKEND": f"{__name__}.{FarStorage.__name__}"}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    assert seconds_to_stop(world, world.run()) < 2


def test_a_run_beyond_its_time_limit_fails_with_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    settings.RUN_TIME_LIMIT_SECONDS = 2
    slow_reading(monkeypatch)
    run = world.run()
    run_until_idle()
    run.refresh_from_db()
    assert (run.status, run.message) == (Run.Status.FAILED, "The run took longer than its time limit of 2 seconds.")


def test_progress_moves_with_the_rows_that_were_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_reading(monkeypatch)
    run = world.run()
    seen: list[int] = []

    def watch() -> None:
        for _ in range(4):
            time.sleep(1.1)
            seen.append(Run.objects.get(pk=run.pk).progress)
        cancel_run(world.access, Run.objects.get(pk=run.pk))
        connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    run_until_idle()
    thread.join()
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] < 100


class Broken:
    """A storage function that fails the first `times` times it is called."""

    def __init__(self, original: Any, times: int) -> None:
        self.original, self.times, self.calls = original, times, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        if self.calls <= self.times:
            raise storages.StorageError("The storage is full.")
        return self.original(*args)


def test_a_storage_error_is_tried_again_after_a_back_off(world: World, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    settings.RETRY_SECONDS = 1
    broken = Broken(storages.write, times=1)
    monkeypatch.setattr(writing, "write", broken)
    run = world.run()
    run_until_idle()
    assert broken.calls == 1
    time.sleep(1.2)
    run_until_idle()
    world.assert_whole(run)


def test_attempts_are_capped_and_the_last_reason_is_told(world: World, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 3
    broken = Broken(storages.write, times=99)
    monkeypatch.setattr(writing, "write", broken)
    run = world.run()
    for _ in range(5):
        run_until_idle()
    run.refresh_from_db()
    assert broken.calls == 3
    assert (run.status, run.message) == (Run.Status.FAILED, "Given up after 3 attempts. The storage is full.")
    assert not world.stored()


def test_a_part_that_kills_its_workers_is_given_up(world: World, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 2
    run = planned(world)
    for _ in range(2):
        part = claim_part()
        assert part
        expire(part)
    run_until_idle()
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert "Given up after 2 attempts" in run.message


def test_a_stored_file_that_differs_is_never_listed(world: World, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 1

    def flip_and_read(file: File, check: Callable[[], None]) -> bool:
        with Path(default_storage.path(file.storage_key)).open("r+b") as stored:
            stored.seek(100)
            byte = stored.read(1)
            stored.seek(100)
            stored.write(bytes([byte[0] ^ 1]))
        return is_as_written(file, check)

    monkeypatch.setattr("exports.services.writing.is_as_written", flip_and_read)
    run = world.run()
    run_until_idle()
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert "not what was written" in run.message
    assert not File.objects.exists()
    assert not world.stored()


def test_files_are_listed_only_after_the_manifest(world: World, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 1
    listed: list[int] = []
    original = storages.write

    def write(*args: Any) -> None:
        listed.append(File.objects.listed().count())
        original(*args)

    monkeypatch.setattr(finishing, "write", write)
    world.run()
    run_until_idle()
    assert listed == [0]
    assert File.objects.listed().count() == 1


def test_a_bug_is_recorded_with_its_place_and_without_values(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(*_: Any) -> None:
        raise RuntimeError("secret-value-of-a-row")

    monkeypatch.setattr(writing, "write", buggy)
    run = world.run()
    run_until_idle()
    run.refresh_from_db()
    assert run.status == Run.Status.ERRORED
    assert "buggy" in run.traceback
    assert "secret-value" not in run.traceback + run.message


def test_leftovers_of_a_stale_attempt_are_collected(world: World) -> None:
    run = planned(world)
    dead = claim_part()
    assert dead
    leftover = f"{finishing.folder_of(run)}/{dead.pk}/{dead.token}/.Interaction-1.zip.p7m.part"
    storages.write(default_storage, leftover, [b"half a file"])
    expire(dead)
    run_until_idle()
    world.assert_whole(run)


def test_a_rotten_file_is_found_and_marked(world: World) -> None:
    run = world.run()
    run_until_idle()
    file = run.files.get()
    with open(default_storage.path(file.storage_key), "ab") as stored:  # noqa: PTH123 in place
        stored.write(b"!")
    assert tidying.check_sample() == [file]
    file.refresh_from_db()
    assert file.damaged_at is not None
