"""Filters of a job from its creation to what openssl gives back."""

import json
import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.storage import default_storage

from accounts.models import AuditEntry
from exports.models import Dataset, Job, Run
from exports.services import jobs
from exports.services.definitions import JobDefinition
from exports.services.work import run_until_idle
from exports.sources.conditions import Condition
from tests.exports.world import World

CHATS = JobDefinition("history", "Chats", "Interaction", all_time=True, immediately=True)
STATUS = Condition("status", "in", (1, "2"))


def run_of(world: World, *filters: Condition, **fields: Any) -> Run:
    job = jobs.create_job(world.access, replace(CHATS, filters=filters, **fields))
    run_until_idle()
    run: Run = job.runs.get()
    return run


def wanted(world: World, sql: str) -> set[str]:
    with sqlite3.connect(world.folder / "sources" / "history.sqlite3") as connection:
        return {key for (key,) in connection.execute(f"SELECT id FROM {sql}")}


def test_a_run_exports_exactly_the_rows_that_keep_its_filters(world: World) -> None:
    queue = Condition("queueName", "isNotNull")
    run = run_of(world, STATUS, queue, media=("chat", "voice"), export_attachments=True)
    world.assert_whole(run)
    chosen = "interactions WHERE status IN (1, 2) AND queueName IS NOT NULL AND mediaTypeId IN ('chat', 'voice')"
    assert set(world.ids(run)) == wanted(world, chosen)
    of_them = f"attachments WHERE entityid IN (SELECT id FROM {chosen})"
    assert set(world.ids(run, "Attachment")) == wanted(world, of_them)


def test_filters_stand_in_the_manifest_and_in_the_audit(world: World) -> None:
    run = run_of(world, STATUS)
    told = [{"attribute": "status", "operator": "in", "value": [1, "2"]}]
    with default_storage.open(run.manifest_key) as stored:
        assert json.loads(stored.read())["filters"] == told
    after = AuditEntry.objects.get(action="job.create").after
    assert after
    assert after["filters"] == told


def test_a_clone_keeps_the_filters(world: World) -> None:
    job = run_of(world, STATUS).job
    assert jobs.clone(world.access, job).filters == job.filters != []


def test_a_column_that_vanished_fails_the_run_with_a_sentence(world: World) -> None:
    job = run_of(world, Condition("queueName", "isNotNull")).job
    with sqlite3.connect(world.folder / "sources" / "history.sqlite3") as connection:
        connection.execute("ALTER TABLE interactions DROP COLUMN queueName")
    run = jobs.run_now(world.access, job)
    run_until_idle()
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert run.message == "The filter on queueName cannot be kept: table interactions has no such column."


@pytest.mark.parametrize("columns", [["id", "subject"]])
def test_a_column_that_is_no_longer_exported_is_not_filtered_by(world: World, columns: list[str]) -> None:
    job = run_of(world, STATUS).job
    Dataset.objects.filter(pk=job.dataset_id).update(columns=columns)
    run = jobs.run_now(world.access, Job.objects.get(pk=job.pk))
    run_until_idle()
    run.refresh_from_db()
    assert (run.status, run.message) == (
        Run.Status.FAILED,
        "The filter on status cannot be kept: Interaction does not export that column any more.",
    )
