"""What versions 3 and 4, and Cloud Data Download, do otherwise than version 10. Their shapes and codes: tests/api/conformance."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from exports.models import Certificate, Dataset, File, Job, Run
from exports.services.files import expire_files
from tests.api.conformance.situations import a_file_whose_bytes_the_storage_does_not_remove
from tests.api.conformance.table import FACES

BASES = ("/udm/v4", "/data-download/v4")
FILES = ("/udm/v3", "/data-download/v3")
BODY: dict[str, Any] = {
    "source": "contact-history",
    "title": "All chats",
    "timeFrame": {"all": True},
    "schedulerParam": {"cron": "0 3 * * *"},
    "jobParams": {"type": "Interaction", "media": []},
    "suspended": "true",
}


# --- Jobs ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("base", BASES)
def test_a_job_of_version_4_is_one_of_version_10(api: APIClient, interaction: Dataset, certificate: Certificate, base: str) -> None:
    made = api.post(f"{base}/export/jobs", BODY).json()
    seen = api.get(f"/udm/v10/export/jobs/{made['id']}").json()
    assert {**made, "exportAttachments": False} == seen
    assert (seen["type"], seen["status"]) == ("UCS", "Suspended")


@pytest.mark.parametrize(
    "when", [{"cron": "0 3 * * *", "timezone": "Europe/Berlin"}, {"startDate": "2099-01-01"}, {"immediately": True}], ids=str
)
def test_what_version_4_shows_of_a_job_can_be_sent_back(
    api: APIClient, interaction: Dataset, certificate: Certificate, when: dict[str, Any]
) -> None:
    sent = {**BODY, "schedulerParam": when, "fileSplitSize": "64MB", "description": "monthly"}
    made = api.post("/udm/v4/export/jobs", sent).json()
    shown = api.get(f"/udm/v4/export/jobs/{made['id']}").json()
    assert (shown.pop("id"), shown["suspended"], shown["fileSplitSize"]) == (str(made["id"]), "true", "64MB")
    assert api.put(f"/udm/v4/export/jobs/{made['id']}", {**shown, "title": "All mails"}).json()["title"] == "All mails"
    assert {**shown, "title": "All mails", "id": str(made["id"])} == api.get(f"/udm/v4/export/jobs/{made['id']}").json()


OWN = {"filters": [{"attribute": "subject", "operator": "isNull"}], "format": "csv", "exportAttachments": True}


@pytest.fixture
def of_version_10(api: APIClient, interaction: Dataset, contact: Dataset, certificate: Certificate) -> Job:
    """A job with all that version 4 has no words for."""
    scheduler = {"cron": "0 3 * * *", "misfire": "none"}
    sent = {**BODY, "type": "UCS", "schedulerParam": scheduler, "jobParams": {"type": "Interaction", "media": [], **OWN}}
    return Job.objects.get(pk=api.post("/udm/v10/export/jobs", sent).json()["id"])


@pytest.mark.parametrize("base", BASES)
def test_a_change_keeps_what_version_4_has_no_words_for(api: APIClient, of_version_10: Job, base: str) -> None:
    """Or a client that changes the title would export rows that were to be left out."""
    assert api.put(f"{base}/export/jobs/{of_version_10.pk}", {**BODY, "title": "Changed"}).status_code == 200
    job = Job.objects.get()
    assert (job.title, job.format, job.export_attachments, job.misfire) == ("Changed", "csv", True, "none")
    assert job.filters == of_version_10.filters != []


def test_a_change_to_another_type_leaves_what_was_of_the_former(api: APIClient, of_version_10: Job) -> None:
    sent = {**BODY, "jobParams": {"type": "Contact", "media": []}}
    assert api.put(f"/udm/v4/export/jobs/{of_version_10.pk}", sent).status_code == 200
    job = Job.objects.get()
    assert (job.filters, job.export_attachments, job.format) == ([], False, "csv")


def test_a_change_to_a_start_now_leaves_the_misfire_policy_that_contradicts_it(api: APIClient, of_version_10: Job) -> None:
    sent = {**BODY, "schedulerParam": {"immediately": True}}
    assert api.put(f"/udm/v4/export/jobs/{of_version_10.pk}", sent).status_code == 200
    assert Job.objects.get().misfire == "once"


@pytest.mark.parametrize("base", BASES)
def test_version_4_has_no_formats(api: APIClient, interaction: Dataset, certificate: Certificate, base: str) -> None:
    answer = api.post(f"{base}/export/jobs", {**BODY, "jobParams": {**BODY["jobParams"], "format": "csv"}})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["jobParams.format"])


@pytest.mark.parametrize("base", BASES)
def test_two_split_sizes_that_differ_are_a_400(api: APIClient, interaction: Dataset, certificate: Certificate, base: str) -> None:
    params = {"type": "Interaction", "media": [], "fileSplitSize": "64MB"}
    answer = api.post(f"{base}/export/jobs", {**BODY, "fileSplitSize": "32MB", "jobParams": params})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"fileSplitSize", "jobParams.fileSplitSize"})
    assert not Job.objects.exists()


def test_version_4_says_that_a_job_was_suspended_and_resumed(api: APIClient, interaction: Dataset, certificate: Certificate) -> None:
    job = api.post("/udm/v4/export/jobs", {**BODY, "suspended": "false"}).json()["id"]
    for action, suspended in (("suspend", True), ("resume", False)):
        answer = api.post(f"/udm/v4/export/jobs/{action}/{job}")
        assert answer.json() == {"status": {"code": 0, "detail": {}, "message": "successful"}}
        assert Job.objects.get().suspended is suspended


# --- Bulk deletions ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("base", BASES)
def test_history_that_can_be_deleted_is_and_the_rest_is_named(
    api: APIClient, completed_run: Run, make_run: Callable[..., Run], base: str
) -> None:
    active, key = make_run(Run.Status.IN_PROGRESS), completed_run.files.get().storage_key
    answer = api.delete(f"{base}/export/history?jobIDs={completed_run.pk},{active.pk},999999")
    assert (answer.status_code, answer.json()) == (500, [active.pk, 999999])
    assert (list(Run.objects.all()), default_storage.exists(key)) == ([active], False)
    assert AuditEntry.objects.get().action == "run.delete"


@pytest.mark.parametrize("base", BASES)
def test_jobs_that_can_be_deleted_are_and_the_rest_is_named(
    api: APIClient, completed_run: Run, make_run: Callable[..., Run], base: str
) -> None:
    active = make_run(Run.Status.IN_PROGRESS).job
    answer = api.delete(f"{base}/export/jobs?jobIDs={active.pk},{completed_run.job_id}")
    assert (answer.status_code, answer.json()) == (500, [active.pk])
    assert list(Job.objects.filter(deleted_at=None)) == [active]


@pytest.mark.parametrize("base", FILES)
def test_files_that_can_be_deleted_are_and_the_rest_is_named(api: APIClient, file: File, base: str) -> None:
    answer = api.delete(f"{base}/files?filename={file.name},unknown")
    assert (answer.status_code, answer.json(), default_storage.exists(file.storage_key)) == (500, ["unknown"], False)


def test_bytes_that_the_storage_keeps_are_removed_by_the_next_round(api: APIClient, file: File, request: pytest.FixtureRequest) -> None:
    a_file_whose_bytes_the_storage_does_not_remove(request.getfixturevalue, FACES[0].operations[0])
    assert api.delete(f"/udm/v3/files?filename={file.name}").json() == [file.name]
    assert (api.get("/udm/v3/file-metadatas").json()["count"], default_storage.exists(file.storage_key)) == (0, True)
    default_storage.delete(f"{file.storage_key}/inside")
    default_storage.delete(file.storage_key)
    assert expire_files(timezone.now()) == 1


@pytest.mark.parametrize(
    "address", [f"{base}/export/{kind}?jobIDs=999998,999999" for base in BASES for kind in ("jobs", "history")] + [f"{base}/files?filename=a,b" for base in FILES]
)  # fmt: skip
def test_only_unknown_ones_are_a_404(api: APIClient, address: str) -> None:
    assert api.delete(address).status_code == 404


@pytest.mark.parametrize("kind", ["jobs", "history"])
def test_others_ids_are_unknown_ones(outsider_api: APIClient, completed_run: Run, kind: str) -> None:
    number = completed_run.job_id if kind == "jobs" else completed_run.pk
    assert outsider_api.delete(f"/udm/v4/export/{kind}?jobIDs={number}").status_code == 404
    assert Run.objects.filter(pk=completed_run.pk, job__deleted_at=None).exists()


# --- Lists ---------------------------------------------------------------------------------------------------------
def test_lists_of_version_4_are_not_cut(api: APIClient, make_job: Callable[..., Job]) -> None:
    made = make_job()
    Job.objects.bulk_create(
        Job(organization=made.organization, owner=made.owner, source=made.source, dataset=made.dataset, title="More", split_bytes=1)
        for _ in range(1500)
    )
    answer = api.get("/udm/v4/export/jobs").json()
    assert (answer["count"], len({item["id"] for item in answer["items"]})) == (1501, 1501)


@pytest.mark.parametrize("path", ["/udm/v10/export/jobs", "/udm/v10/export/history", "/udm/v10/file-metadatas", "/udm/v4/export/jobs"])
def test_a_longer_list_takes_no_more_queries(api: APIClient, make_run: Callable[..., Run], completed_run: Run, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert api.get(path).status_code == 200
        return len(context)

    few = queries()
    for job in (make_run().job, make_run(Run.Status.FAILED, rows_total=10).job, make_run(Run.Status.COMPLETED).job):
        Job.objects.create(
            organization=job.organization, owner=job.owner, source=job.source, dataset=job.dataset, title="None", split_bytes=1
        )
    assert queries() == few


@pytest.mark.parametrize("query", ["field=title&orderField=id", "field=secret"])
def test_a_field_that_is_wrong_is_a_400_that_names_it(api: APIClient, query: str) -> None:
    answer = api.get(f"/udm/v4/export/history?{query}")
    assert answer.status_code == 400
    assert "field" in answer.json()["errors"]


# --- Deprecation ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address", ["/udm/v3/version", "/udm/v4/export/jobs/x", "/data-download/v3/files", "/data-download/v4/export/jobs"]
)
def test_every_answer_says_since_when_the_version_is_deprecated(api: APIClient, address: str) -> None:
    for client in (api, APIClient()):
        since = int(client.get(address)["Deprecation"].removeprefix("@"))
        assert since < (timezone.now() + timedelta(days=1)).timestamp()


def test_version_10_is_not_deprecated(api: APIClient) -> None:
    assert not api.get("/udm/v10/version").has_header("Deprecation")
