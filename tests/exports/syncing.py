"""A table whose rows change, and a DataSync job over it, in each database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from exports.models import Dataset, Job, Run, Source
from exports.services import jobs
from exports.services.definitions import JobDefinition
from exports.services.work import run_until_idle
from tests.exports.sources_fixtures import Scratch
from tests.exports.world import World

MOMENT = {"postgresql": "timestamptz", "mysql": "datetime(6) NULL", "sqlite": "TIMESTAMP"}
LAG, OVERLAP = 300, 600
START = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Table:
    """`t (id, v, made, changed)` and who exports it. Moments are seconds before now, or datetimes."""

    def __init__(self, world: World, scratch: Scratch) -> None:
        self.world, self.scratch, self.now = world, scratch, timezone.now()
        moment = next(kind for name, kind in MOMENT.items() if scratch.url.startswith(name))
        scratch.sql(f"CREATE TABLE t (id int primary key, v varchar(20), made {moment}, changed {moment})")
        self.source = Source.objects.create(organization=world.organization, key="scratch", name="Scratch", url=scratch.url)
        roles: dict[str, Any] = {"key_columns": ["id"], "timestamp_column": "made", "modified_column": "changed"}
        self.dataset = Dataset.objects.create(source=self.source, name="Thing", table="t", schema=scratch.schema, **roles)

    def put(self, row: int, value: str, changed: float | datetime | None, made: float | datetime | None = None) -> None:
        mark = "?" if "sqlite" in self.scratch.url else "%s"
        self.scratch.sql(f"DELETE FROM t WHERE id = {row:d}")
        self.scratch.sql(f"INSERT INTO t VALUES ({mark}, {mark}, {mark}, {mark})", (row, value, self._stored(made), self._stored(changed)))

    def _stored(self, moment: float | datetime | None) -> Any:
        if moment is None:
            return None
        at = moment if isinstance(moment, datetime) else self.now - timedelta(seconds=moment)
        return (
            at.replace(tzinfo=None).isoformat(sep=" ")
            if "sqlite" in self.scratch.url
            else at.replace(tzinfo=None if "mysql" in self.scratch.url else UTC)
        )

    def job(self, **fields: Any) -> Job:
        base = {"kind": "DataSync", "safety_lag": LAG, "overlap": OVERLAP, "all_time": True, "suspended": True}
        definition = JobDefinition("scratch", "Changes", "Thing", **{**base, "cron": "0 3 * * *", **fields})
        return jobs.create_job(self.world.access, definition)

    def run(self, job: Job) -> list[tuple[int, str]]:
        """(id, v) of the rows that the next run delivers, in the order of ids."""
        run = jobs.run_now(self.world.access, job)
        run_until_idle()
        return self.delivered(run)

    def delivered(self, run: Run) -> list[tuple[int, str]]:
        run.refresh_from_db()
        assert run.status == Run.Status.COMPLETED, (run.status, run.message, run.traceback)
        return sorted((row["id"], row["v"]) for file in run.files.all() for row in self.world.open(file))


@pytest.fixture
def world(transactional_db: None, storage_folder: Path, settings: LazySettings) -> World:
    settings.RETRY_SECONDS = 0
    return World(storage_folder, rows=1)


@pytest.fixture
def table(world: World, scratch: Scratch, settings: LazySettings) -> Table:
    """In each database."""
    if scratch.folder:
        settings.SQLITE_FOLDER = scratch.folder
    return Table(world, scratch)


@pytest.fixture
def sqlite_table(world: World, sqlite: Scratch, settings: LazySettings) -> Table:
    settings.SQLITE_FOLDER = sqlite.folder
    return Table(world, sqlite)


@pytest.fixture
def postgres_table(world: World, postgres: Scratch) -> Table:
    return Table(world, postgres)
