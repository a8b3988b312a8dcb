"""What entries about exports say, beyond that they are there (tests/test_audit_walk.py)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from exports.models import File, Job, Run
from exports.services.files import link
from tests.trail import actions

pytestmark = pytest.mark.django_db
JOBS = "/udm/v10/export/jobs"


def last() -> Any:
    """The latest entry."""
    return AuditEntry.objects.order_by("-pk")[0]


def test_a_suspended_job_is_told_before_and_after(api: APIClient, make_job: Callable[..., Job], certificate: object) -> None:
    job = make_job(cron="0 3 * * *", next_slot="2999-01-01T03:00:00Z")
    assert api.post(f"{JOBS}/suspend/{job.pk}").status_code == 200
    assert (last().action, last().target_id, last().before, last().after) == (
        "job.suspend",
        str(job.pk),
        {"suspended": False},
        {"suspended": True},
    )


def test_a_refused_change_leaves_no_entry(api: APIClient, make_job: Callable[..., Job]) -> None:
    job, before = make_job(), actions()
    assert api.post(f"{JOBS}/suspend/{job.pk}").status_code == 400
    assert actions() == before


def test_a_bulk_that_fails_leaves_no_entry(api: APIClient, make_run: Callable[..., Run]) -> None:
    free, busy = make_run(Run.Status.COMPLETED).job, make_run(Run.Status.IN_PROGRESS).job
    before = actions()
    assert api.delete(f"{JOBS}?jobIDs={free.pk},{busy.pk}").status_code == 400
    assert actions() == before


def test_each_job_of_a_bulk_has_an_entry(api: APIClient, make_job: Callable[..., Job]) -> None:
    jobs = [make_job(), make_job()]
    assert api.delete(f"{JOBS}?jobIDs={jobs[1].pk},{jobs[0].pk}").status_code == 204
    assert set(AuditEntry.objects.filter(action="job.delete").values_list("target_id", flat=True)) == {str(job.pk) for job in jobs}


def test_a_cancelled_run_is_told_with_its_state_before(api: APIClient, make_run: Callable[..., Run]) -> None:
    run = make_run(Run.Status.IN_PROGRESS)
    api.post(f"{JOBS}/cancel/{run.job_id}")
    assert (last().action, last().after) == ("job.cancel", {"runs": [run.pk]})


def test_a_deleted_history_record_is_told_with_its_files(api: APIClient, file: File) -> None:
    api.delete(f"/udm/v10/export/history/{file.run_id}")
    assert (last().action, last().before["files"], last().after) == ("run.delete", [file.name], None)


def test_a_download_names_to_whom_the_link_was_given(file: File, owner: User, storage_folder: object) -> None:
    answer = Client().get(link(file, "", owner), headers={"Range": "bytes=10-19"})
    assert len(answer.getvalue()) == 10
    assert (last().action, last().actor, last().target_label) == ("file.download", "owner", file.name)
    assert (last().after["first byte"], last().after["last byte"]) == (10, 19)


def test_what_sends_no_bytes_is_no_download(file: File, owner: User, storage_folder: object) -> None:
    before = actions()
    address = link(file, "", owner)
    assert Client().head(address).status_code == 200
    assert Client().get(address, headers={"Range": f"bytes={file.size}-"}).status_code == 416
    default_storage.delete(file.storage_key)
    assert Client().get(address).status_code == 500
    assert actions() == before


def test_a_replaced_certificate_is_told(api: APIClient, certificate: Any, certificate_pem: bytes) -> None:
    api.post("/udm/v10/cipher/new.pem", {"file": SimpleUploadedFile("new.pem", certificate_pem)}, format="multipart")
    assert (last().action, last().before["name"], last().after["name"]) == ("certificate.upload", "here.pem", "new.pem")


def test_a_page_of_its_own_refresh_is_not_recorded(api: APIClient, file: File) -> None:
    before = actions()
    for path in (JOBS, "/udm/v10/export/history", "/udm/v10/file-metadatas"):
        assert api.get(path, {"bgUpdate": "true"}).status_code == 200
    assert actions() == before
