"""Celery as the wake channel: the embedded default without a broker server, and Redis and RabbitMQ, with real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from celery import Celery
from django.utils import timezone

from exports.models import Run
from exports.services.beat_rows import sync_beat
from exports.services.schedule import first_slot
from tests.exports.world import World
from tests.services import need_server

Start = Callable[..., None]


@pytest.fixture
def start(world: World) -> Iterator[Start]:
    """Start `celery` with these words against the world; everything is ended with the test."""
    started = []

    def start(*words: str, **environment: str) -> None:
        command = [sys.executable, "-m", "celery", "-A", "config", *words]
        started.append(subprocess.Popen(command, env=world.worker_environment(**environment), start_new_session=True))

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(run: Run, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while Run.objects.get(pk=run.pk).is_active:
        assert time.monotonic() < deadline, "the run did not end in time"
        time.sleep(0.1)


def test_the_embedded_default_finds_a_run_that_nobody_announced(world: World, start: Start) -> None:
    run = world.run()
    start("worker", "--concurrency", "1", "--loglevel", "ERROR")
    start("beat", "--loglevel", "ERROR", "--pidfile", "")
    wait_for(run)
    world.assert_whole(run)


@pytest.mark.parametrize(
    ("name", "url", "port"), [("Redis", "redis://127.0.0.1:6379/0", 6379), ("RabbitMQ", "amqp://guest:guest@127.0.0.1:5672//", 5672)]
)
def test_a_wake_through_a_broker_server_starts_the_run(world: World, start: Start, name: str, url: str, port: int) -> None:
    need_server(name, port)
    queue = f"strongroom-test-{uuid4().hex}"
    run = world.run(split_bytes=60_000)
    start("worker", "--concurrency", "2", "--loglevel", "ERROR", STRONGROOM_BROKER_URL=url, STRONGROOM_QUEUE=queue)
    with Celery(broker=url, set_as_current=False) as sender:
        sender.send_task("exports.look", queue=queue)
    wait_for(run)
    world.assert_whole(run)


def test_two_beats_start_each_slot_once(world: World, start: Start) -> None:
    job = world.job(start_date=timezone.now() + timedelta(seconds=8))
    job.next_slot = first_slot(job, timezone.now())
    job.save()
    sync_beat(job)
    start("worker", "--concurrency", "2", "--loglevel", "ERROR")
    for _ in range(2):
        start("beat", "--loglevel", "ERROR", "--pidfile", "")
    deadline = time.monotonic() + 60
    while not Run.objects.filter(job=job).exists():
        assert time.monotonic() < deadline, "no run was started"
        time.sleep(0.1)
    run = Run.objects.get(job=job)
    wait_for(run)
    time.sleep(2)
    assert Run.objects.filter(job=job).count() == 1
    world.assert_whole(run)


def test_beat_alone_makes_a_pending_run_of_what_is_due(world: World, start: Start) -> None:
    """No worker runs at all, so none that is busy can delay it. It happens at the row's moment: the poll is an hour away."""
    job = world.job(start_date=timezone.now() + timedelta(seconds=12))
    job.next_slot = job.start_date
    job.save()
    sync_beat(job)
    start("beat", "--loglevel", "ERROR", "--pidfile", "", STRONGROOM_POLL_SECONDS="3600", STRONGROOM_LEASE_SECONDS="3600")
    deadline = time.monotonic() + 60
    while not (run := Run.objects.filter(job=job).first()):
        assert time.monotonic() < deadline, "no run was started"
        time.sleep(0.1)
    assert (run.status, run.slot) == (Run.Status.PENDING, job.start_date)
