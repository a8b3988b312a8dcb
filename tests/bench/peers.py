"""What Strongroom is compared with: what a skilled administrator would type, and dlt. Each gives (seconds, bytes written)."""

import subprocess
import sys
import time
from pathlib import Path

PSQL_URL = "postgresql:///{database}?host=/var/run/postgresql&user=postgres"

_DLT = """
import dlt, sys
from dlt.sources.sql_database import sql_database
url, folder, backend, format = sys.argv[1:]
destination = dlt.destinations.filesystem("file://" + folder)
pipeline = dlt.pipeline("bench", destination=destination, dataset_name="bench", pipelines_dir=folder + "/state")
options = {"backend_kwargs": {"return_type": "arrow"}} if backend == "connectorx" else {}
tables = sql_database(url, table_names=["interactions"], backend=backend, reflection_level="minimal", **options)
pipeline.run(tables, loader_file_format=format)
"""


def _timed(command: list[str], **options: object) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, **options)  # type: ignore[call-overload]  # options are passed on
    return time.perf_counter() - started


def psql_pipeline(database: str, certificate: Path, folder: Path) -> tuple[float, int]:
    """psql's COPY of row_to_json | gzip -1 | openssl cms."""
    out = folder / "psql.p7m"
    query = "copy (select row_to_json(t) from (select * from interactions) t) to stdout"
    seconds = _timed(["bash", "-o", "pipefail", "-c", f'psql -U postgres -d {database} -c "{query}" | {_seal(certificate, out)}'])
    return seconds, out.stat().st_size


def sqlite_pipeline(database: Path, columns: list[str], certificate: Path, folder: Path) -> tuple[float, int]:
    """The sqlite3 shell's json_object of every column | gzip -1 | openssl cms."""
    out, query = folder / "sqlite.p7m", folder / "query.sql"
    members = ", ".join(f"'{name}', " + (f'json("{name}")' if name == "allAttributes" else f'"{name}"') for name in columns)
    query.write_text(f"select json_object({members}) from interactions;")
    seconds = _timed(["bash", "-o", "pipefail", "-c", f"sqlite3 -readonly {database} < {query} | {_seal(certificate, out)}"])
    return seconds, out.stat().st_size


def _seal(certificate: Path, out: Path) -> str:
    return f"gzip -1 | openssl cms -encrypt -binary -outform DER -stream -aes256 -out {out} {certificate}"


def dlt(url: str, backend: str, file_format: str, folder: Path) -> tuple[float, int]:
    """dlt's sql_database source to files: it neither zips into one file nor seals."""
    folder.mkdir()
    script = folder / "dlt_peer.py"
    script.write_text(_DLT)
    seconds = _timed([sys.executable, str(script), url, str(folder), backend, file_format], cwd=folder)
    return seconds, sum(path.stat().st_size for path in (folder / "bench").rglob("*") if path.is_file())
