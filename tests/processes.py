"""Real worker processes, for tests that kill, stop and cut them off.

They are forked from a process that has loaded the libraries: else most of such a test's time goes into loading them.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

Workers = list[ForkServerProcess]
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "celery",
        "oauth2_provider",
        "odata_query.grammar",
        "psycopg",
        "pymysql",
        "requests",
        "rest_framework",
        "exports.sources.postgresql_loop",
        "exports.sources.sqlite_loop",
        "exports.formats.cells",
    ]
)


@pytest.fixture
def workers() -> Iterator[Workers]:
    """Processes that are ended when the test is."""
    started: Workers = []
    yield started
    for process in started:
        kill(process)


def fork(main: Callable[[], None], environment: dict[str, str]) -> ForkServerProcess:
    """A process that has this environment, and has not set up Django yet."""
    process = _FORKS.Process(target=_become, args=(main, environment))
    process.start()
    return process


def _become(main: Callable[[], None], environment: dict[str, str]) -> None:
    assert "config.settings" not in sys.modules, "no library that is loaded before reads the settings"
    os.environ.clear()
    os.environ.update(environment)
    main()


def kill(process: ForkServerProcess) -> None:
    process.kill()
    process.join()


def send(process: ForkServerProcess, signal: int) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal)


def is_stopped(process: ForkServerProcess) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
