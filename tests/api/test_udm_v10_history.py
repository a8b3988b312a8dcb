"""/udm/v10/export/history"""

from collections.abc import Callable

import pytest
from django.core.files.storage import default_storage
from rest_framework.test import APIClient

from exports.models import Part, Run

HISTORY = "/udm/v10/export/history"


def test_a_record_names_its_job_as_parent(api: APIClient, completed_run: Run) -> None:
    info = api.get(f"{HISTORY}/{completed_run.pk}").json()
    assert (info["id"], info["parentId"], info["status"]) == (completed_run.pk, completed_run.job_id, "Completed")
    assert (info["fileName"], info["fileSize"]) == (f"Interaction-{completed_run.pk}.zip.p7m", 10240)


def test_progress_comes_from_row_counts(api: APIClient, make_run: Callable[..., Run]) -> None:
    run = make_run(Run.Status.IN_PROGRESS, rows_total=200)
    Part.objects.create(run=run, dataset=run.job.dataset, number=1, rows_done=50)
    assert api.get(f"{HISTORY}/{run.pk}/progress").json() == {"progress": 25, "status": "InProgress"}


@pytest.mark.parametrize(
    ("query", "found"),
    [({}, 2), ({"status": "Completed"}, 1), ({"status": "Failed"}, 1), ({"fileName": "interaction"}, 1), ({"title": "none"}, 0), ({"jobId": "1000"}, 0)],
)  # fmt: skip
def test_filters(api: APIClient, completed_run: Run, make_run: Callable[..., Run], query: dict[str, str], found: int) -> None:
    make_run(Run.Status.ERRORED)
    answer = api.get(HISTORY, query)
    assert (answer.json()["count"] if answer.content else 0) == found


@pytest.mark.parametrize("query", ["status=done", "jobId=x", "orderField=traceback", "size=5000"])
def test_a_bad_query_is_a_400(api: APIClient, query: str) -> None:
    answer = api.get(f"{HISTORY}?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.partition("=")[0]])


def test_delete_removes_record_rows_and_bytes(api: APIClient, completed_run: Run) -> None:
    key = completed_run.files.get().storage_key
    assert api.delete(f"{HISTORY}/{completed_run.pk}").status_code == 204
    assert (Run.objects.count(), default_storage.exists(key)) == (0, False)
    assert api.get(f"{HISTORY}/{completed_run.pk}").status_code == 404


def test_a_record_in_progress_cannot_be_deleted(api: APIClient, completed_run: Run, make_run: Callable[..., Run]) -> None:
    active = make_run(Run.Status.IN_PROGRESS)
    assert api.delete(f"{HISTORY}?jobIDs={completed_run.pk},{active.pk}").status_code == 400
    assert Run.objects.count() == 2


@pytest.mark.parametrize(("run_id", "status"), [("0", 404), ("9" * 40, 404), ("x", 400)])
def test_an_id_that_is_a_number_is_a_404_and_another_a_400(api: APIClient, run_id: str, status: int) -> None:
    assert api.get(f"{HISTORY}/{run_id}/progress").status_code == status
