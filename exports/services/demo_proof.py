"""Proof that an export holds what the source holds: open each file as its user would, and compare every field of every row.

Nothing of the engine is used to read either side: the files are opened by the `openssl` command that users are shown, the
source is read by Python's own sqlite3 module.
"""

import base64
import json
import shlex
import shutil
import sqlite3
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage

from exports.models import Dataset, File, Run

SHOWN = 5
"""How many differences are described; all are counted."""


@dataclass
class Proof:
    """What was compared: rows and fields a dataset, the commands that opened the files, and what differed."""

    rows: Counter[str] = field(default_factory=Counter)
    fields: int = 0
    commands: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def differ(self, sentence: str) -> None:
        self.differences.append(sentence)


def prove(run: Run, database: Path, key: Path, folder: Path) -> Proof:
    """Compare all files of `run` with the SQLite `database`. Files are put into `folder`, where their owner may look at them."""
    proof = Proof()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(key, folder / "KEY.pem")
    (folder / "KEY.pem").chmod(0o600)
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source:
        source.row_factory = sqlite3.Row
        for dataset, files in _by_dataset(run):
            _compare(proof, source, dataset, _lines(proof, files, folder))
    return proof


def _by_dataset(run: Run) -> Iterator[tuple[Dataset, list[File]]]:
    files = list(run.files.select_related("part__dataset").order_by("part__dataset_id", "part__number", "pk"))
    for dataset in {file.part.dataset.pk: file.part.dataset for file in files}.values():
        yield dataset, [file for file in files if file.part.dataset == dataset]


def _lines(proof: Proof, files: list[File], folder: Path) -> Iterator[dict[str, Any]]:
    for file in files:
        count = 0
        with zipfile.ZipFile(_decrypt(proof, file, folder)) as zipped, zipped.open(file.member) as lines:
            for count, line in enumerate(lines, start=1):  # noqa: B007 the count is wanted after the loop
                yield json.loads(line, parse_float=Decimal)
        if count != file.rows:
            proof.differ(f"{file.name} has {count} rows, but is listed with {file.rows}.")


def _decrypt(proof: Proof, file: File, folder: Path) -> Path:
    """Run the command that the file's page shows, beside the file, with KEY.pem beside both."""
    with default_storage.open(file.storage_key) as sealed, (folder / file.name).open("wb") as copy:
        shutil.copyfileobj(sealed, copy)
    command = file.decrypt_command.partition(" && ")[0]
    proof.commands.append(command)
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)  # noqa: S603 our own command, no shell
    return folder / file.name.removesuffix(".p7m")


def _compare(proof: Proof, source: sqlite3.Connection, dataset: Dataset, lines: Iterator[dict[str, Any]]) -> None:
    table, key = dataset.table, dataset.key_columns[0]
    kinds = {row["name"]: str(row["type"]).upper() for row in source.execute(f'PRAGMA table_info("{table}")')}
    query = f'SELECT * FROM "{table}" WHERE "{key}" = ?'  # noqa: S608 names of the demo's own schema
    seen: set[Any] = set()
    for line in lines:
        row = source.execute(query, (line.get(key),)).fetchone()
        if row is None or line[key] in seen:
            proof.differ(f"{dataset.name} {line.get(key)!r} is not in the source, or is there twice in the files.")
            continue
        seen.add(line[key])
        proof.fields += len(row)
        _compare_row(proof, f"{dataset.name} {line[key]}", row, line, kinds)
    proof.rows[dataset.name] = len(seen)
    total = source.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 as above
    if total != len(seen):
        proof.differ(f"The source has {total} rows of {dataset.name}, the files have {len(seen)}.")


def _compare_row(proof: Proof, name: str, row: sqlite3.Row, line: dict[str, Any], kinds: dict[str, str]) -> None:
    if set(row.keys()) != set(line):
        proof.differ(f"{name} has other fields than its row: {sorted(set(row.keys()) ^ set(line))}.")
        return
    for column in row.keys():  # noqa: SIM118 a sqlite3.Row iterates over its values
        if not _agree(row[column], line[column], kinds[column]):
            proof.differ(f"{name}, {column}: the source has {row[column]!r}, the file {line[column]!r}.")


def _agree(stored: Any, exported: Any, kind: str) -> bool:
    """Whether an exported JSON value says what the stored value says, column types being SQLite's declared ones."""
    if stored is None or exported is None:
        return stored is None and exported is None
    if isinstance(stored, bytes):
        return base64.b64decode(exported, validate=True) == stored
    if kind == "JSON":
        return bool(json.loads(stored, parse_float=Decimal) == exported)
    if kind.startswith("DATETIME"):
        return _moment(stored) == _moment(exported)
    if isinstance(stored, float):
        return float(exported) == stored
    return type(stored) is type(exported) and bool(stored == exported)


def _moment(text: str) -> datetime:
    """SQLite keeps moments as text without an offset; they are UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
