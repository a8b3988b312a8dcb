"""What only the web server itself can bound: a request line and headers that are too long are refused before Django sees them."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where gunicorn listens, with the project's own settings and a database of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
    environment = {**kept, "DATA": str(tmp_path_factory.mktemp("bounds")), "HOST": "127.0.0.1", "PORT": str(port)}
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ask(port) == 200:
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server did not answer in time")


def ask(port: int, path: str = "/udm/v10/version", headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_huge_header_is_refused(port: int) -> None:
    assert 400 <= ask(port, headers={"Authorization": "Bearer " + "x" * 20_000}) < 500


def test_too_many_headers_are_refused(port: int) -> None:
    assert 400 <= ask(port, headers={f"x-{number}": "1" for number in range(200)}) < 500


def test_a_huge_address_is_refused(port: int) -> None:
    assert 400 <= ask(port, path="/udm/v10/version?" + "x" * 20_000) < 500


def test_the_server_goes_on_afterwards(port: int) -> None:
    ask(port, headers={"x-large": "x" * 20_000})
    assert ask(port) == 200
