"""DataSync: each version of a row is delivered once, late ones too, whatever happens to the run."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.files.storage import default_storage

from exports.models import Delivered, Job, Part, Run
from exports.services import finishing, jobs, sync, tidying
from exports.services.runs import delete_run
from exports.services.watermark import set_watermark
from exports.services.work import run_until_idle
from tests.exports.sources_fixtures import POSTGRES, mariadb, postgres, scratch, sqlite
from tests.exports.syncing import LAG, OVERLAP, Table, postgres_table, sqlite_table, table, world

__all__ = ["mariadb", "postgres", "postgres_table", "scratch", "sqlite", "sqlite_table", "table", "world"]

NEW = LAG + 10
"""Seconds ago: old enough for the safety lag, and within the next run's overlap."""


class Crash(BaseException):
    """The process dies here."""


def manifest(run: Run) -> dict[str, Any]:
    with default_storage.open(run.manifest_key) as stored:
        return dict(json.loads(stored.read()))


def last_run(job: Job) -> Run:
    run: Run = job.runs.latest("pk")
    return run


# --- What is delivered ---------------------------------------------------------------------------------------------
def test_a_second_run_delivers_what_changed_since_the_first(table: Table) -> None:
    job = table.job()
    table.put(1, "old", changed=10**6)
    table.put(2, "first", changed=NEW)
    assert table.run(job) == [(1, "old"), (2, "first")]
    table.put(2, "second", changed=NEW - 5)
    table.put(3, "new", changed=NEW - 5)
    assert table.run(job) == [(2, "second"), (3, "new")]
    assert table.run(job) == []


def test_a_row_that_appears_late_with_an_older_moment_is_delivered_once(table: Table) -> None:
    job = table.job()
    table.put(1, "in time", changed=NEW)
    assert table.run(job) == [(1, "in time")]
    table.put(2, "late", changed=LAG + OVERLAP - 30)
    assert table.run(job) == [(2, "late")]
    assert table.run(job) == []


def test_a_row_that_never_changed_counts_from_when_it_was_made(table: Table) -> None:
    job = table.job()
    table.put(1, "never", changed=None, made=NEW)
    table.put(2, "unknown", changed=None)
    assert table.run(job) == [(1, "never")]
    assert table.run(job) == []


def test_what_is_younger_than_the_safety_lag_waits(table: Table) -> None:
    job = table.job()
    table.put(1, "young", changed=LAG - 60)
    assert table.run(job) == []


def test_a_row_that_goes_back_to_what_it_was_is_delivered_again(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    for value in ("one", "two", "one"):
        sqlite_table.put(1, value, changed=NEW)
        assert sqlite_table.run(job) == [(1, value)]


def test_the_first_run_begins_where_the_time_frame_says(sqlite_table: Table) -> None:
    sqlite_table.put(1, "before", changed=10_000)
    sqlite_table.put(2, "after", changed=8_000)
    job = sqlite_table.job(all_time=False, date_from=sqlite_table.now - timedelta(seconds=9_000))
    assert sqlite_table.run(job) == [(2, "after")]


def test_what_is_committed_later_than_lag_and_overlap_waits_for_the_watermark_to_be_set_back(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    sqlite_table.run(job)
    sqlite_table.put(1, "too late", changed=LAG + OVERLAP + 60)
    assert sqlite_table.run(job) == []
    set_watermark(sqlite_table.world.access, job, sqlite_table.now - timedelta(hours=1))
    assert sqlite_table.run(job) == [(1, "too late")]


def test_filters_and_parts_hold_for_changes_too(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    for row in range(200):
        sqlite_table.put(row, "keep" if row % 2 else "leave", changed=NEW + row / 1000)
    Job.objects.filter(pk=job.pk).update(split_bytes=15_000, filters=[{"attribute": "v", "operator": "eq", "value": "keep"}])
    assert sqlite_table.run(job) == [(row, "keep") for row in range(1, 200, 2)]
    assert sqlite_table.run(job) == []


def test_a_first_part_without_a_new_row_does_not_take_the_schema_along(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    for row in range(200):
        sqlite_table.put(row, "known", changed=NEW + row / 1000)
    Job.objects.filter(pk=job.pk).update(split_bytes=1_500)
    assert len(sqlite_table.run(job)) == 200
    sqlite_table.put(500, "new", changed=NEW - 5)
    assert sqlite_table.run(job) == [(500, "new")]
    file = last_run(job).files.get()
    assert file.part.number > 1
    assert sqlite_table.world.beside(file) == [f"Thing-{file.run_id}-{file.part.number}.jsonschema"]


# --- What is told --------------------------------------------------------------------------------------------------
def test_rows_read_less_rows_left_out_are_the_rows_of_the_manifest(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    sqlite_table.put(1, "known", changed=NEW)
    sqlite_table.run(job)
    sqlite_table.put(2, "new", changed=NEW)
    sqlite_table.run(job)
    run = last_run(job)
    told = manifest(run)
    assert (run.rows_total, told["suppressed"], told["rows"]) == (2, 1, 1)
    before = Run.objects.earliest("pk").cutoff
    assert run.cutoff
    assert before
    assert (told["from"], told["to"]) == ((before - timedelta(seconds=OVERLAP)).isoformat(), run.cutoff.isoformat())


def test_the_watermark_is_the_cutoff_of_the_run_that_completed_last(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    sqlite_table.run(job)
    job.refresh_from_db()
    assert job.watermark == last_run(job).cutoff


def test_only_what_the_overlap_may_read_again_is_remembered(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    for row in range(50):
        sqlite_table.put(row, "v", changed=LAG + OVERLAP + 100 + row)
    sqlite_table.put(50, "v", changed=NEW)
    sqlite_table.run(job)
    assert Delivered.objects.count() == 1
    sqlite_table.put(50, "v", changed=10**6)
    Delivered.objects.update(moment=sqlite_table.now - timedelta(hours=2))
    sqlite_table.run(job)
    assert not Delivered.objects.exists()


# --- Whatever happens to the run -----------------------------------------------------------------------------------
def test_a_row_that_is_committed_late_is_delivered(postgres_table: Table) -> None:
    job, schema = postgres_table.job(), postgres_table.scratch.schema
    with psycopg.connect(f"postgresql://postgres@{POSTGRES[0]}/test", options=f"-c search_path={schema}") as slow:
        slow.execute("INSERT INTO t VALUES (1, 'slow', NULL, %s)", (postgres_table.now - timedelta(seconds=NEW),))
        postgres_table.put(2, "quick", changed=NEW - 5)
        assert postgres_table.run(job) == [(2, "quick")]
        slow.commit()
    assert postgres_table.run(job) == [(1, "slow")]
    assert postgres_table.run(job) == []


def crash(*_: object, **__: object) -> None:
    raise Crash


def start_and_crash(table: Table, job: Job, monkeypatch: pytest.MonkeyPatch, step: str = "manifest") -> Run:
    """A run whose process dies where `step` of finishing would be done: all its parts are."""
    run = jobs.run_now(table.world.access, job)
    with monkeypatch.context() as patch:
        patch.setattr(finishing, step, crash)
        with pytest.raises(Crash):
            run_until_idle()
    return run


@pytest.mark.parametrize("step", ["manifest", "settle", "announce"])
def test_a_crash_between_the_parts_and_the_end_delivers_once(sqlite_table: Table, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    job = sqlite_table.job()
    sqlite_table.put(1, "v", changed=NEW)
    run = start_and_crash(sqlite_table, job, monkeypatch, step)
    assert Job.objects.get(pk=job.pk).watermark is None
    Run.objects.update(lease_until=None)
    run_until_idle()
    assert sqlite_table.delivered(run) == [(1, "v")]
    assert sqlite_table.run(job) == []


def fail(table: Table, run: Run) -> None:
    finishing.fail(Run.objects.filter(pk=run.pk), "The source went away.")


def cancel(table: Table, run: Run) -> None:
    jobs.cancel_job(table.world.access, run.job)


@pytest.mark.parametrize("end", [fail, cancel])
def test_a_run_that_does_not_complete_moves_no_watermark_and_counts_nothing_as_delivered(
    sqlite_table: Table, monkeypatch: pytest.MonkeyPatch, end: Callable[[Table, Run], None]
) -> None:
    job = sqlite_table.job()
    sqlite_table.put(1, "v", changed=NEW)
    run = start_and_crash(sqlite_table, job, monkeypatch)
    end(sqlite_table, run)
    tidying.collect_ended()
    assert (Job.objects.get(pk=job.pk).watermark, Delivered.objects.count()) == (None, 0)
    assert sqlite_table.run(job) == [(1, "v")]


def test_an_attempt_that_lost_its_part_counts_nothing_as_delivered(sqlite_table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    job = sqlite_table.job()
    sqlite_table.put(1, "v", changed=NEW)
    run = start_and_crash(sqlite_table, job, monkeypatch)
    stale = Delivered.objects.get()
    stale.pk, stale.token, stale.key = None, stale.token + 7, b"of a stale attempt"
    stale.save()
    Run.objects.update(lease_until=None)
    run_until_idle()
    assert sqlite_table.delivered(run) == [(1, "v")]
    assert Delivered.objects.filter(part=None).count() == Delivered.objects.count() == 1


def test_a_deleted_history_record_does_not_bring_its_rows_back(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    sqlite_table.put(1, "v", changed=NEW)
    sqlite_table.run(job)
    delete_run(sqlite_table.world.access, last_run(job).pk)
    assert sqlite_table.run(job) == []


def test_runs_of_a_job_go_one_after_another(sqlite_table: Table) -> None:
    job = sqlite_table.job()
    sqlite_table.put(1, "v", changed=NEW)
    runs = [Run.objects.create(organization=job.organization, job=job, slot=sqlite_table.now + timedelta(seconds=n)) for n in range(3)]
    run_until_idle()
    assert [sqlite_table.delivered(run) for run in runs] == [[(1, "v")], [], []]
    assert runs[0].cutoff
    assert runs[1].since == runs[0].cutoff - timedelta(seconds=OVERLAP)


def test_a_clock_that_goes_back_moves_no_watermark_back(sqlite_table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    job = sqlite_table.job()
    sqlite_table.run(job)
    before = Job.objects.get(pk=job.pk).watermark
    original = sync.window
    monkeypatch.setattr(sync, "window", lambda job, now: original(job, now - timedelta(days=1)))
    assert sqlite_table.run(job) == []
    assert Job.objects.get(pk=job.pk).watermark == before


def test_a_time_frame_job_remembers_nothing_and_looks_nothing_up(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync.Sieve, "__init__", lambda *_: pytest.fail("a sieve was made"))
    run = world.run()
    run_until_idle()
    world.assert_whole(run)
    assert (Delivered.objects.count(), Part.objects.get().suppressed) == (0, 0)
