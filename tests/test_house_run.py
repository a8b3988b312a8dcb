"""`make run`: the server answers, everything is kept in DATA, and a stop leaves no process behind."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120  # seconds for a start on a busy machine
PASSWORD = re.compile(r"password: (\S+)")

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="who is left is read from /proc")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`make run` in a session of its own, as a terminal would start it."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port, self.log = data, port, data.parent / f"{data.name}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STRONGROOM_", "DJANGO_", "MAKE", "MFLAGS"))}
        with self.log.open("a") as log:
            self.make = subprocess.Popen(
                ["make", "--no-print-directory", "run", f"PORT={port}"],
                cwd=ROOT,
                env={**inherited, "DATA": str(data)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            assert self.make.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def processes(self) -> list[int]:
        """The living processes whose environment names this DATA, make itself included."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]

    def _is_ours(self, entry: Path) -> bool:
        with contextlib.suppress(OSError):  # it may end while we look
            return f"DATA={self.data}".encode() in (entry / "environ").read_bytes().split(b"\0")
        return False

    def end(self) -> None:
        """Whatever a failed test left."""
        self.make.kill()
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.make.wait()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the tests of this module share, so that only the first start has everything to do."""
    return tmp_path_factory.mktemp("run") / "data"


@pytest.fixture
def server(data: Path) -> Iterator[Server]:
    server = Server(data, free_port())
    yield server
    server.end()


@pytest.mark.parametrize("stop", ["SIGTERM to make", "Ctrl-C"])
def test_a_stop_leaves_no_process(server: Server, stop: str) -> None:
    server.wait_until_it_answers()
    assert len(server.processes()) >= 5  # make, supervisor, web, worker, beat
    if stop == "Ctrl-C":
        os.killpg(server.make.pid, signal.SIGINT)
    else:
        server.make.terminate()
    server.make.wait(timeout=30)
    assert server.processes() == []
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("seconds", [0.1, 1.0, 2.5, 4.0])
def test_a_stop_while_it_starts_leaves_no_process(server: Server, seconds: float) -> None:
    time.sleep(seconds)
    server.make.terminate()
    server.make.wait(timeout=30)
    assert server.processes() == []


INTERRUPTED_BEAT = """
import os, signal
import django
django.setup()
from django.db import connection
from config.celery import app

def stop_once(execute, sql, *more):
    if sql.startswith('UPDATE "django_celery_beat_periodictasks"'):
        connection.execute_wrappers.remove(stop_once)
        os.kill(os.getpid(), signal.SIGTERM)
    return execute(sql, *more)

connection.execute_wrappers.append(stop_once)
app.start(["--quiet", "beat", "--loglevel", "WARNING", "--pidfile="])
"""


def test_beat_ends_when_it_is_stopped_in_the_middle_of_a_statement(tmp_path: Path) -> None:
    """Of those with which it starts, on a database that has no rows yet."""
    at = {**os.environ, "DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run([sys.executable, "manage.py", "migrate"], cwd=ROOT, env=at, check=True, capture_output=True)
    command = [sys.executable, "-c", INTERRUPTED_BEAT]
    done = subprocess.run(command, cwd=ROOT, env=at, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_says_where_it_answers_and_who_may_sign_in(server: Server) -> None:
    server.wait_until_it_answers()
    log = server.log.read_text()
    assert f"http://localhost:{server.port}/" in log
    assert "user:     admin" in log
    assert PASSWORD.findall(log)[-1] == (server.data / "keys" / "admin-password").read_text()


def test_a_later_start_makes_nothing_twice(server: Server, data: Path) -> None:
    server.wait_until_it_answers()
    with contextlib.closing(sqlite3.connect(data / "strongroom.sqlite3")) as database:
        counts = [database.execute(f"SELECT count(*) FROM exports_{table}").fetchone()[0] for table in ("source", "job", "run")]
    assert counts == [1, 1, 1]


def test_nothing_is_kept_in_the_checkout(server: Server) -> None:
    server.wait_until_it_answers()
    strays = ("celerybeat*", "*.pid", "*.ctl", "control", "*.sqlite3*", "*.sock")
    assert [path.name for stray in strays for path in ROOT.glob(stray)] == []


def test_two_servers_stand_side_by_side(server: Server, tmp_path: Path) -> None:
    other = Server(tmp_path / "other", free_port())
    try:
        server.wait_until_it_answers()
        other.wait_until_it_answers()
        server.make.terminate()
        server.make.wait(timeout=30)
        assert other.answers()
    finally:
        other.end()


def test_a_port_in_use_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Server(tmp_path / "data", taken.getsockname()[1])
        assert server.make.wait(timeout=PATIENCE) != 0
    assert "Nothing can listen on" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
