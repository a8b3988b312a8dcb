"""Benchmarks of retention: a purge of 500 000 of 2 000 000 interactions in PostgreSQL, beside what it is made of; and a preview."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

IDLE_SECONDS = 10
AS_A_WORKER = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
"""Of config/Procfile."""


@contextmanager
def copy_of(database: str) -> Iterator[str]:
    """The URL of a copy of the database, as it was made, for as long as this lasts."""
    name = f"{database}_copy_{os.getpid()}"
    with psycopg.connect("host=/var/run/postgresql user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"create database {name} template {database}")
        connection.execute("checkpoint")
        try:
            yield f"postgresql+psycopg://postgres@127.0.0.1:5432/{name}"
        finally:
            connection.execute(f"drop database {name} with (force)")


def cutoff(url: str, rows: int) -> str:
    """The moment before which so many interactions began, ISO 8601."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = connection.execute('SELECT "startDate" FROM interactions ORDER BY "startDate" OFFSET %s LIMIT 1', [rows]).fetchone()
        assert found is not None, "the source has more rows than go"
        return str(found[0].isoformat())


def measured(mode: str, url: str, moment: str, kept: Path) -> dict[str, Any]:
    """In a process and a DATA folder of its own. A purge is ordered by another process, as in life."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=kept) as folder:
        if mode == "purge":
            _run("order", url, moment, folder, kept)
        return _run(mode, url, moment, folder, kept)


def _run(mode: str, url: str, moment: str, folder: str, kept: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.purge", mode, url, moment]
    done = subprocess.run(command, env=_environment(folder, kept), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _environment(folder: str, kept: Path) -> dict[str, str]:
    return {**os.environ, **AS_A_WORKER, "DATA": folder, "NUMBA_CACHE_DIR": str(kept / "cache")}


@contextmanager
def traffic(url: str, moment: str, kept: Path, found: dict[str, Any]) -> Iterator[None]:
    """A reader and writer beside; `found` gets what it measured."""
    command = [sys.executable, "-m", "tests.bench.purge", "traffic", url, moment]
    process = subprocess.Popen(command, env=_environment(str(kept), kept), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(2)  # it has loaded its keys
    try:
        yield
    finally:
        said, _ = process.communicate("end\n", timeout=60)
        found.update(json.loads(said.splitlines()[-1]))


def compile_loops(environment: dict[str, str]) -> None:
    """What is compiled once a machine, which no figure is of."""
    loops = "import exports.formats.jsonl, exports.sources.postgresql, exports.sources.sqlite_fast"
    subprocess.run([sys.executable, "-c", loops], env=environment, check=True)


def purge_runs(database: str, rows: int, repeats: int, kept: Path) -> dict[str, list[dict[str, Any]]]:
    """Purge, export, bare deletion, in turn, each on its own copy; and with traffic beside them a purge and a bare deletion."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ("purge", "export", "delete", "crowded", "idle", "busy", "bare")}
    compile_loops(_environment(str(kept), kept))
    for _ in range(repeats):
        for mode in ("purge", "export", "delete"):
            with copy_of(database) as url:
                runs[mode].append(measured(mode, url, cutoff(url, rows), kept))
        with copy_of(database) as url:
            moment = cutoff(url, rows)
            idle, busy = dict[str, Any](), dict[str, Any]()
            with traffic(url, moment, kept, idle):
                time.sleep(IDLE_SECONDS)
            with traffic(url, moment, kept, busy):
                runs["crowded"].append(measured("purge", url, moment, kept))
        with copy_of(database) as url:
            moment, bare = cutoff(url, rows), dict[str, Any]()
            with traffic(url, moment, kept, bare):
                measured("delete", url, moment, kept)
        for name, found in (("idle", idle), ("busy", busy), ("bare", bare)):
            runs[name].append(found)
    return runs


def middle(runs: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(run[name] for run in runs))
