"""A DataSync job by the APIs: made, refused, its watermark seen and moved."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from exports.models import Dataset, Delivered, Job, Run
from tests.api.test_udm_v10_jobs import JOBS, body

pytestmark = pytest.mark.usefixtures("interaction", "certificate")

WATERMARK = "/api/v1/jobs/{}/watermark"
MOMENT = datetime(2024, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def dataset(interaction: Dataset) -> Dataset:
    interaction.modified_column = "modifiedDate"
    interaction.save()
    return interaction


def synced(api: APIClient, **changes: object) -> Any:
    return api.post(JOBS, body(type="DataSync", **changes))


@pytest.fixture
def job(api: APIClient, dataset: Dataset) -> Job:
    answer = synced(api)
    assert answer.status_code == 202, answer.json()
    Run.objects.update(status=Run.Status.COMPLETED)
    return Job.objects.get()


def test_a_sync_is_made_with_the_server_s_lag_and_overlap(job: Job, api: APIClient) -> None:
    assert (job.kind, job.lag_seconds, job.overlap_seconds) == ("DataSync", 300, 600)
    assert api.get(f"{JOBS}/{job.pk}").json()["watermark"] is None


def test_lag_overlap_and_the_beginning_are_taken(api: APIClient, dataset: Dataset) -> None:
    frame, params = {"dateFrom": "2024-01-31T12:00:00Z"}, {"type": "Interaction", "media": [], "safetyLag": 60, "overlap": 0}
    assert synced(api, timeFrame=frame, jobParams=params).status_code == 202
    job = Job.objects.get()
    assert (job.lag_seconds, job.overlap_seconds, job.sync_from) == (60, 0, MOMENT)


def test_attachments_follow_their_own_changes_or_are_refused(api: APIClient, dataset: Dataset) -> None:
    params = {"type": "Interaction", "media": [], "exportAttachments": True}
    assert "Attachment has no column that says when a row changed" in synced(api, jobParams=params).json()["errors"]["type"]
    Dataset.objects.filter(name="Attachment").update(modified_column="createddate")
    assert synced(api, jobParams=params).status_code == 202


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"modified_column": ""}, "no column that says when a row changed"),
        ({"key_columns": []}, "no key by which a row could be known again"),
        ({"columns": ["id", "status"]}, "does not export modifiedDate"),
        ({"modified_column": "subject"}, "the column subject of Interaction is of the type text; it must hold moments"),
        ({"modified_column": "gone"}, "the column gone of Interaction does not exist"),
    ],
)
def test_a_dataset_that_does_not_tell_its_changes_is_refused(api: APIClient, dataset: Dataset, roles: dict[str, Any], said: str) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(**roles)
    answer = synced(api)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["type"])
    assert said in answer.json()["errors"]["type"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "DataSync", "timeFrame": {"dateFrom": "2024-01-01", "dateTo": "2024-02-01"}}, "timeFrame.dateTo"),
        ({"type": "DataSync", "jobParams__safetyLag": 86_401}, "jobParams.safetyLag"),
        ({"type": "DataSync", "jobParams__overlap": -1}, "jobParams.overlap"),
        ({"type": "UCS", "jobParams__overlap": 60}, "jobParams.overlap"),
        ({"type": "datasync"}, "type"),
    ],
)
def test_what_makes_no_sense_is_named(api: APIClient, dataset: Dataset, changes: dict[str, Any], field: str) -> None:
    answer = api.post(JOBS, body(**changes))
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


# --- The watermark -------------------------------------------------------------------------------------------------
def test_moving_the_watermark_is_recorded_with_before_and_after(job: Job, api: APIClient) -> None:
    Job.objects.update(watermark=MOMENT + timedelta(days=1))
    answer = api.put(WATERMARK.format(job.pk), {"watermark": "2024-01-31T12:00:00Z"})
    assert (answer.status_code, answer.json()) == (200, {"watermark": "2024-01-31T12:00:00Z", "safetyLag": 300, "overlap": 600})
    entry = AuditEntry.objects.get(action="job.watermark")
    assert entry.before
    assert entry.after
    assert (entry.before["watermark"], entry.after["watermark"]) == ("2024-02-01T12:00:00+00:00", "2024-01-31T12:00:00+00:00")


def test_null_is_the_beginning_and_forgets_what_was_delivered(job: Job, api: APIClient) -> None:
    Job.objects.update(watermark=MOMENT, sync_from=MOMENT)
    Delivered.objects.create(job=job, token=1, key=b"k", row=b"r", moment=MOMENT)
    assert api.put(WATERMARK.format(job.pk), {"watermark": None}, format="json").json()["watermark"] is None
    job.refresh_from_db()
    assert (job.watermark, job.sync_from, Delivered.objects.count()) == (None, None, 0)


def test_the_watermark_does_not_move_while_a_run_goes_on(job: Job, api: APIClient) -> None:
    Run.objects.update(status=Run.Status.IN_PROGRESS)
    answer = api.put(WATERMARK.format(job.pk), {"watermark": "2024-01-31T12:00:00Z"})
    assert answer.status_code == 409
    assert "InProgress" in answer.json()["message"]
    assert Job.objects.get().watermark is None


def test_a_watermark_to_come_is_refused(job: Job, api: APIClient) -> None:
    answer = api.put(WATERMARK.format(job.pk), {"watermark": (timezone.now() + timedelta(minutes=5)).isoformat()})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["watermark"])


def test_a_time_frame_job_has_no_watermark(job: Job, api: APIClient) -> None:
    Job.objects.update(kind="UCS")
    assert api.get(WATERMARK.format(job.pk)).status_code == 409
    assert "watermark" not in api.get(f"{JOBS}/{job.pk}").json()
