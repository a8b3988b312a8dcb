"""Real worker processes, for the fault tests: begun with a fault (tests/retention/worker.py), killed, waited for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.retention.purge_world import PurgeWorld

Workers = list["subprocess.Popen[bytes]"]


@pytest.fixture
def workers() -> Iterator[Workers]:
    """Processes that are ended when the test is."""
    started: Workers = []
    yield started
    for process in started:
        kill(process)


def begin(world: PurgeWorld, workers: Workers, **more: str) -> "subprocess.Popen[bytes]":
    environment = world.worker_environment(**more)
    workers.append(subprocess.Popen([sys.executable, "-m", "tests.retention.worker"], env=environment, start_new_session=True))
    return workers[-1]


def kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_stopped(process: "subprocess.Popen[bytes]") -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
