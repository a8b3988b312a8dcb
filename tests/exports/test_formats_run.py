"""A run in every format: its job says which, its files are named for it, and hold every row of the source."""

import io
import sqlite3
import zipfile
from typing import Any

import pytest

from exports.formats import format_named, xlsx
from exports.models import File, Job, Run
from exports.services.work import run_until_idle
from tests.exports.format_reading import READERS
from tests.exports.sources_fixtures import Scratch, postgres
from tests.exports.world import World

__all__ = ["postgres"]
CASES = [case for case in READERS if case not in {"sql-postgresql", "sql-mariadb"}]  # the same files as for SQLite


def finished(run: Run) -> list[File]:
    run_until_idle()
    run.refresh_from_db()
    assert run.status == Run.Status.COMPLETED, (run.message, run.traceback)
    return list(run.files.order_by("pk"))


def rows(world: World, file: File, case: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(world.decrypted(file))) as archive:
        assert archive.namelist() == [file.member, *world.beside(file)]
        data = archive.read(file.member)
    return READERS[case][1](data.replace(b'"contacts"', b'"t"') if case.startswith("sql") else data)


@pytest.mark.parametrize("case", CASES)
def test_every_row_is_in_the_file_and_it_is_named_for_its_format(world: World, case: str) -> None:
    name = READERS[case][0]
    (file,) = finished(run := world.run(dataset="Contact", format=name))
    assert file.member == f"Contact-{run.pk}.{format_named(name).extension}"
    with sqlite3.connect(world.folder / "sources" / "history.sqlite3") as source:
        stored = dict(source.execute("SELECT ContactId, attributes FROM contacts").fetchall())
    got = rows(world, file, case)
    assert {row["ContactId"]: row["attributes"] for row in got} == stored
    assert file.rows == len(got) == len(stored)


@pytest.mark.parametrize("case", CASES)
def test_a_split_run_has_every_row_once(world: World, case: str) -> None:
    files = finished(world.run(format=READERS[case][0], split_bytes=500_000))
    ids = [row["id"] for file in files for row in read_interactions(world, file, case)]
    assert len(ids) == len(set(ids)) == 2_000
    assert all(file.size <= 500_000 for file in files)


def test_a_small_split_size_is_made_use_of(world: World) -> None:
    files = finished(world.run(split_bytes=500_000))
    assert max(file.size for file in files) > 250_000


def read_interactions(world: World, file: File, case: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(world.decrypted(file))) as archive:
        data = archive.read(file.member)
    return READERS[case][1](data.replace(b'"interactions"', b'"t"') if case.startswith("sql") else data)


def test_a_part_with_a_decimal_that_parquet_has_not_is_read_again_and_completes(world: World, postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (i int PRIMARY KEY, v numeric(10,2))")
    postgres.sql("INSERT INTO t VALUES (0, 'NaN'), (1, 1.25)")
    world.source.url = postgres.url
    world.source.save()
    dataset = world.source.datasets.create(name="t", schema=postgres.schema, table="t", key_columns=["i"])
    world.datasets["t"] = dataset
    (file,) = finished(world.run(dataset="t", format="parquet"))
    assert sorted(rows(world, file, "parquet"), key=lambda row: row["i"]) == [{"i": 0, "v": "NaN"}, {"i": 1, "v": "1.25"}]


def test_what_a_format_cannot_hold_fails_the_run_before_it_has_a_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "COLUMNS", 5)
    run = world.run(format="xlsx")
    run_until_idle()
    run.refresh_from_db()
    assert (run.status, run.files.count()) == (Run.Status.FAILED, 0)
    assert "a sheet has 5 at most. Choose another format, or fewer columns." in run.message


def test_a_clone_keeps_the_format(world: World) -> None:
    from exports.services import jobs

    copy = jobs.clone(world.access, world.job(format="parquet", immediately=True))
    assert Job.objects.get(pk=copy.pk).format == "parquet"
