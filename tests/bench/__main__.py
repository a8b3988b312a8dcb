"""How fast, and in how much memory: `make bench`, or `make bench BENCH=name` for one.

Prints a line a figure, `bench NAME ratio=R bar=B pass|fail`, all from runs side by side on this machine; exits with 1 if
one fails. Ratios are of medians. The figures go into the table in docs/benchmarks.md.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from exports.formats import DEFAULT, LABELS
from exports.services.demo_source import fill
from exports.sources.contact_history import interactions
from tests.bench import peers, retention
from tests.keys import new_certificate

ROWS = int(os.environ.get("BENCH_ROWS", "2000000"))
REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
KEPT = Path(os.environ.get("DATA", "var")).resolve() / "bench"
TABLE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
MARK = "<!-- figures below are written by make bench -->"


@dataclass(frozen=True)
class Figure:
    """`ratio` must be at least `bar`, or at most if `at_most`; without a bar it is printed for information."""

    name: str
    ratio: float
    bar: float | None
    what: str
    at_most: bool = False
    measured: str = f"{ROWS:,} × {REPEATS}"

    @property
    def passed(self) -> bool:
        return self.bar is None or (self.ratio <= self.bar if self.at_most else self.ratio >= self.bar)

    def __str__(self) -> str:
        bar = "none" if self.bar is None else f"{self.bar:.2f}"
        return f"bench {self.name} ratio={self.ratio:.2f} bar={bar} {'pass' if self.passed else 'fail'}"


def median(runs: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(run[name] for run in runs))


def export(url: str, file_format: str = DEFAULT) -> dict[str, Any]:
    """One export in a fresh process (tests/bench/export.py). What is compiled once a machine is compiled before, in another."""
    environment = {
        **os.environ,
        **retention.AS_A_WORKER,
        "DATA": str(KEPT),
        "BENCH_SQLITE_FOLDER": str(KEPT),
        "NUMBA_CACHE_DIR": str(KEPT / "cache"),
    }
    retention.compile_loops(environment)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.export", url, file_format], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def postgresql_source(rows: int) -> tuple[str, str]:
    """(name of the database, URL) of a PostgreSQL contact history with so many interactions, made once."""
    name = f"strongroom_bench_{rows}"
    url = f"postgresql+psycopg://postgres@/{name}?host=/var/run/postgresql"
    with psycopg.connect("host=/var/run/postgresql user=postgres dbname=postgres", autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            return name, url
        connection.execute(f"create database {name}")
    sys.stderr.write(f"Making a source of {rows} interactions in PostgreSQL, once…\n")
    fill(url, rows)
    with psycopg.connect(f"host=/var/run/postgresql user=postgres dbname={name}", autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return name, url


def sqlite_source(rows: int) -> tuple[Path, str]:
    path = KEPT / f"history-{rows}.sqlite3"
    if not path.exists():
        sys.stderr.write(f"Making a source of {rows} interactions in SQLite, once…\n")
        fill(f"sqlite:///{path}.new", rows)
        Path(f"{path}.new").rename(path)
    return path, f"sqlite:///{path}"


def sealed_pair(
    ours: Callable[[], dict[str, Any]], peer: Callable[[Path, Path], tuple[float, int]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ours and the peer in turn, so that what else the machine does falls on both."""
    mine, theirs = [], []
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        certificate = Path(folder) / "certificate.pem"
        certificate.write_bytes(new_certificate()[0])
        for _ in range(REPEATS):
            mine.append(ours())
            seconds, size = peer(certificate, Path(folder))
            theirs.append({"seconds": seconds, "size": size})
    return mine, theirs


def postgresql() -> Iterator[Figure]:
    name, url = postgresql_source(ROWS)
    _, small_url = postgresql_source(ROWS // 10)
    mine, theirs = sealed_pair(lambda: export(url), lambda certificate, folder: peers.psql_pipeline(name, certificate, folder))
    yield from _against("postgresql", "psql | gzip -1 | openssl cms", mine, theirs)
    yield from _memory("postgresql", mine, export(small_url))


def sqlite() -> Iterator[Figure]:
    path, url = sqlite_source(ROWS)
    _, small_url = sqlite_source(ROWS // 10)
    columns = [column.name for column in interactions.columns]
    mine, theirs = sealed_pair(lambda: export(url), lambda certificate, folder: peers.sqlite_pipeline(path, columns, certificate, folder))
    yield from _against("sqlite", "sqlite3 json_object | gzip -1 | openssl cms", mine, theirs)
    yield from _memory("sqlite", mine, export(small_url))


def _against(source: str, peer: str, mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Iterator[Figure]:
    ours, other = median(mine, "seconds"), median(theirs, "seconds")
    yield Figure(f"{source}-speed", other / ours, 2.5, f"times as fast as {peer} ({other:.1f} s against {ours:.1f} s)")
    size = median(mine, "size") / median(theirs, "size")
    yield Figure(f"{source}-size", size, 1.0, f"of its output's size ({median(mine, 'size') / 1e6:.0f} MB)", at_most=True)
    stages = mine[-1]["busy"]
    for stage, seconds in sorted(stages.items(), key=lambda item: -item[1]):
        what = f"of the worker's CPU time ({seconds:.1f} s)"
        yield Figure(f"{source}-share-{stage}", seconds / sum(stages.values()), None, what)


def _memory(source: str, mine: list[dict[str, Any]], small: dict[str, Any]) -> Iterator[Figure]:
    peak = max(run["peak_mb"] for run in mine)
    yield Figure(f"{source}-memory", peak / 350, 1.0, f"of 350 MB at the peak ({peak:.0f} MB)", at_most=True)
    growth = median(mine, "peak_mb") / small["peak_mb"]
    yield Figure(f"{source}-memory-growth", growth, 1.1, f"of the peak for a tenth of the rows ({small['peak_mb']:.0f} MB)", at_most=True)


def dlt() -> Iterator[Figure]:
    _, url = postgresql_source(ROWS)
    ours = export(url)["seconds"]
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        for backend, file_format in (("sqlalchemy", "jsonl"), ("connectorx", "parquet")):
            address = url if backend == "sqlalchemy" else f"postgresql://postgres@127.0.0.1:5432/strongroom_bench_{ROWS}"
            seconds, _ = peers.dlt(address, backend, file_format, Path(folder) / backend)
            what = f"times as fast as dlt, {backend} to {file_format}, unsealed ({seconds:.1f} s against {ours:.1f} s)"
            yield Figure(f"dlt-{backend}-{file_format}", seconds / ours, None, what)


def schedules() -> Iterator[Figure]:
    """Ten thousand jobs in a new database of Strongroom's own, SQLite and PostgreSQL."""
    with tempfile.TemporaryDirectory(dir=KEPT) as folder, own_postgresql() as url:
        for name, database in (("sqlite", f"sqlite:///{folder}/own.sqlite3"), ("postgresql", url)):
            environment = {**os.environ, "DATA": folder, "STRONGROOM_DATABASE_URL": database}
            command = [sys.executable, "-m", "tests.bench.schedules"]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"The benchmark of schedules on {name} failed.")
            spent = json.loads(done.stdout.splitlines()[-1])
            what = f"of 5 s from a slot to the last of 500 pending runs ({spent['seconds']:.2f} s), {name} as own database"
            yield Figure(f"schedules-{name}-start", spent["seconds"] / 5, 1.0, what, at_most=True, measured="10,000 jobs × 1")
            share = (
                f"of a core in the minute before and at the slot ({spent['cpu']:.1f} s of CPU with its start), {spent['peak_mb']:.0f} MB"
            )
            yield Figure(f"schedules-{name}-beat", spent["cpu"] / 60, None, share, measured="10,000 jobs × 1")


@contextmanager
def own_postgresql() -> Iterator[str]:
    """A new database, for as long as this lasts."""
    name = f"strongroom_bench_own_{os.getpid()}"
    with psycopg.connect("host=/var/run/postgresql user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
        try:
            yield f"postgres://postgres@127.0.0.1:5432/{name}"
        finally:
            connection.execute(f"drop database {name} with (force)")


def formats() -> Iterator[Figure]:
    """Every format and dlt in turn, so that what else the machine does falls on all."""
    _, url = postgresql_source(ROWS)
    address = f"postgresql://postgres@127.0.0.1:5432/strongroom_bench_{ROWS}"
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in LABELS}
    peer = []
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        for number in range(REPEATS):
            for name, mine in runs.items():
                mine.append(export(url, name))
            peer.append(peers.dlt(address, "connectorx", "parquet", Path(folder) / str(number))[0])
    base, dlt_seconds, parquet = median(runs[DEFAULT], "seconds"), statistics.median(peer), median(runs["parquet"], "seconds")
    for name, mine in runs.items():
        seconds, cpu = median(mine, "seconds"), statistics.median(sum(run["busy"].values()) for run in mine)
        what = (
            f"times as fast as JSON Lines ({ROWS / seconds:,.0f} rows/s in {seconds:.1f} s, {cpu:.1f} s of CPU, "
            f"{median(mine, 'size') / 1e6:.0f} MB sealed, {median(mine, 'peak_mb'):.0f} MB of memory)"
        )
        yield Figure(f"formats-{name}", base / seconds, None, what)
    what = f"times as fast as dlt, connectorx to parquet, unsealed ({dlt_seconds:.1f} s against {parquet:.1f} s)"
    yield Figure("formats-parquet-against-dlt", dlt_seconds / parquet, 1.0, what)


def purge() -> Iterator[Figure]:
    """A quarter of the rows extracted and purged, beside the same rows exported and the same keys deleted by a bare loop."""
    database, _ = postgresql_source(ROWS)
    runs = retention.purge_runs(database, ROWS // 4, REPEATS, KEPT)
    ours, export_, loop = (retention.middle(runs[mode], "seconds") for mode in ("purge", "export", "delete"))
    what = f"of the time of the export and a bare loop of DELETE together ({ours:.1f} s against {export_:.1f} + {loop:.1f} s)"
    measured = f"{ROWS // 4:,} of {ROWS:,} × {REPEATS}"
    yield Figure("purge-time", ours / (export_ + loop), 1.5, what, at_most=True, measured=measured)
    longest = max(run["longest_ms"] for run in [*runs["purge"], *runs["crowded"]])
    yield Figure(
        "purge-locks", longest / 250, 1.0, f"of 250 ms that a batch held locks ({longest:.0f} ms)", at_most=True, measured=measured
    )
    idle, busy, bare = (retention.middle(runs[mode], "p99_ms") for mode in ("idle", "busy", "bare"))
    what = f"of the p99 of a reader and writer beside it, idle ({busy:.1f} ms against {idle:.1f} ms)"
    yield Figure("purge-traffic", busy / idle, 2.0, what, at_most=True, measured=measured)
    what = f"the same beside the bare loop of DELETE ({bare:.1f} ms against {idle:.1f} ms)"
    yield Figure("purge-traffic-bare", bare / idle, None, what, measured=measured)
    peak = max(run["peak_mb"] for run in runs["purge"])
    yield Figure("purge-memory", peak / 350, 1.0, f"of 350 MB at the peak ({peak:.0f} MB)", at_most=True, measured=measured)


def preview() -> Iterator[Figure]:
    """An exact preview of a rule over an indexed timestamp, beside the bare count(*) that it needs."""
    _, url = postgresql_source(ROWS)
    runs = retention.measured("preview", url, retention.cutoff(url, ROWS // 4), KEPT)
    what = f"of the time of the bare count(*) ({runs['seconds'] * 1000:.0f} ms against {runs['bare_seconds'] * 1000:.0f} ms)"
    yield Figure("preview-time", runs["seconds"] / runs["bare_seconds"], 1.2, what, at_most=True, measured=f"{ROWS:,} × 7")


BENCHMARKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "postgresql": postgresql,
    "sqlite": sqlite,
    "dlt": dlt,
    "schedules": schedules,
    "formats": formats,
    "purge": purge,
    "preview": preview,
}


def write_table(figures: list[Figure]) -> None:
    """Replace the rows of these figures in docs/benchmarks.md; rows of others stay."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    head, _, old = TABLE.read_text().partition(MARK)
    rows = {line.split("|")[1].strip(): line for line in old.splitlines() if line.startswith("| ")}
    for title in ("figure", "---"):
        rows.pop(title, None)
    for figure in figures:
        bar = "" if figure.bar is None else f"{'≤' if figure.at_most else '≥'} {figure.bar:.2f}"
        result = "" if figure.bar is None else ("pass" if figure.passed else "FAIL")
        what, day = figure.what.replace("|", "\\|"), f"{datetime.now(UTC):%Y-%m-%d}"
        rows[figure.name] = f"| {figure.name} | {figure.ratio:.2f} | {bar} | {result} | {what} | {figure.measured} | {day} | {machine} |"
    title = "| figure | ratio | bar | | what | rows × runs | date | machine |\n| --- | ---: | ---: | --- | --- | --- | --- | --- |\n"
    TABLE.write_text(head + MARK + "\n\n" + title + "\n".join(rows.values()) + "\n")


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise SystemExit(f"There is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}.")
    KEPT.mkdir(parents=True, exist_ok=True)
    figures = []
    for name in names or BENCHMARKS:
        for figure in BENCHMARKS[name]():
            figures.append(figure)
            print(f"{figure}   {figure.what}", flush=True)
    write_table(figures)
    return 0 if all(figure.passed for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
