"""DataSync on the pages: chosen in the editor, its watermark shown and moved."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from exports.models import Dataset, Job, Run
from tests.console.scenes import Scene, new_job, new_run
from tests.console.test_console_filters import readable
from tests.console.test_console_pages import JOB, text

__all__ = ["readable"]

CHANGES = {**JOB, "time_frame": "changes", "safety_lag": "2", "overlap": ""}
MOMENT = datetime(2024, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def job(scene: Scene) -> Job:
    return new_job(scene.owner, scene.dataset, "Changes", kind="DataSync", watermark=MOMENT, lag_seconds=300, overlap_seconds=600)


def test_a_sync_is_chosen_in_the_editor(owner: Client, readable: Scene) -> None:
    Dataset.objects.filter(pk=readable.dataset.pk).update(modified_column="modifiedDate")
    owner.post(reverse("console-job-new"), {**CHANGES, "dataset": readable.dataset.pk})
    job = Job.objects.latest("pk")
    assert (job.kind, job.lag_seconds, job.overlap_seconds) == ("DataSync", 120, 600)
    page = text(owner, "console-job", job.pk)
    assert "what changed since the last run" in page
    assert "2 min" in page


def test_a_dataset_that_does_not_tell_its_changes_is_refused_at_the_choice(owner: Client, readable: Scene) -> None:
    answer = owner.post(reverse("console-job-new"), {**CHANGES, "dataset": readable.dataset.pk})
    assert "This cannot be told from the dataset: Interaction has no column" in answer.content.decode()


def test_the_watermark_is_shown_and_moved(owner: Client, job: Job) -> None:
    assert "2024-01-31 12:00 UTC" in text(owner, "console-job", job.pk)
    owner.post(reverse("console-job-watermark", args=[job.pk]), {"watermark": "2024-01-30T06:00"})
    job.refresh_from_db()
    assert job.watermark == datetime(2024, 1, 30, 6, tzinfo=UTC)


def test_a_refusal_is_shown_beside_the_watermark(owner: Client, job: Job) -> None:
    new_run(job, Run.Status.IN_PROGRESS, rows=2, done=1)
    answer = owner.post(reverse("console-job-watermark", args=[job.pk]), {"watermark": ""})
    assert "wait until its run ends" in answer.content.decode()


def test_a_run_says_what_it_left_out(owner: Client, job: Job) -> None:
    run = new_run(job, Run.Status.COMPLETED, rows=12, done=0)
    run.parts.update(suppressed=12)
    page = text(owner, "console-run", run.pk)
    assert "12 <small>delivered before</small>" in page
    assert "There was nothing to export." in page
