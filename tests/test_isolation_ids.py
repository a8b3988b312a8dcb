"""Ids of another organization in bodies, filters and query strings, and fields that no client may set."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import Organization, User
from exports.models import Certificate, Dataset, File, Job, Run, Source
from exports.services.definitions import JobDefinition
from exports.services.errors import Invalid
from exports.services.jobs import create_job
from tests.conftest import access_in
from tests.console.conftest import signed_in
from tests.isolation_table import JOB_BODY as BODY

UDM = "/udm/v10"
JOBS, HISTORY, FILES = f"{UDM}/export/jobs", f"{UDM}/export/history", f"{UDM}/files"


@pytest.fixture
def theirs(elsewhere: Organization, outsider: User, certificate_pem: bytes, outsider_api: APIClient) -> Job:
    """The outsider has a source, a certificate and a job of their own; nothing of it has the owner's names."""
    source = Source.objects.create(organization=elsewhere, key="ledger", name="Ledger", url="postgresql://db.example/ledger")
    Dataset.objects.create(source=source, name="Entry", table="entries", key_columns=["id"])
    outsider_api.post(f"{UDM}/cipher/theirs.pem", {"file": SimpleUploadedFile("c.pem", certificate_pem)}, format="multipart")
    return Job.objects.get(pk=outsider_api.post(JOBS, their_body()).json()["id"])


def their_body(**changes: object) -> dict[str, Any]:
    return {**BODY, "source": "ledger", "jobParams": {"type": "Entry", "media": []}, **changes}


def rows() -> list[Any]:
    return [list(model._base_manager.order_by("pk").values()) for model in (Job, Run, File, Certificate, Source, Dataset)]


@pytest.mark.parametrize("changes", [{"source": "contact-history"}, {"jobParams": {"type": "Interaction", "media": []}}], ids=str)
def test_job_on_what_others_have_is_a_400(outsider_api: APIClient, theirs: Job, file: File, changes: dict[str, Any]) -> None:
    before = rows()
    for answer in (outsider_api.post(JOBS, their_body(**changes)), outsider_api.put(f"{JOBS}/{theirs.pk}", their_body(**changes))):
        assert answer.status_code == 400
        assert "unknown" in answer.json()["message"]
    assert rows() == before


def test_refusal_names_only_ones_own_sources(outsider_api: APIClient, theirs: Job, file: File) -> None:
    assert outsider_api.post(JOBS, BODY).json()["errors"]["source"] == 'source "contact-history" is unknown. There are: ledger.'


def test_own_and_others_jobs_together_are_not_deleted(outsider_api: APIClient, theirs: Job, file: File) -> None:
    before = rows()
    assert outsider_api.delete(f"{JOBS}?jobIDs={theirs.pk},{file.run.job_id}").status_code == 404
    assert rows() == before


def test_own_and_others_history_together_is_not_deleted(outsider_api: APIClient, theirs: Job, file: File) -> None:
    own = Run.objects.create(organization=theirs.organization, job=theirs, slot=theirs.created_at, status=Run.Status.FAILED)
    before = rows()
    assert outsider_api.delete(f"{HISTORY}?jobIDs={own.pk},{file.run_id}").status_code == 404
    assert rows() == before


@pytest.mark.parametrize("method", ["get", "delete"])
def test_others_file_names_do_not_exist(outsider_api: APIClient, theirs: Job, file: File, method: str) -> None:
    before = rows()
    answer = getattr(outsider_api, method)(f"{FILES}?filename={file.name}")
    assert answer.status_code == 404
    assert rows() == before


@pytest.mark.parametrize(
    "query",
    [
        "/export/history?jobId={file.run.job_id}",
        "/export/history?fileName={file.name}",
        "/export/history?source=contact&title=chats",
        "/export/jobs?source=contact",
        "/export/jobs?title=All chats of here",
        "/data/types?source=contact-history",
    ],
)
def test_filters_by_what_others_have_are_empty(outsider_api: APIClient, theirs: Job, file: File, query: str) -> None:
    Job.objects.filter(pk=file.run.job_id).update(title="All chats of here")
    assert outsider_api.get(UDM + query.format(file=file)).status_code == 204


@pytest.mark.parametrize("query", ["historyId={file.run_id}", "jobTitle=here"])
def test_files_by_what_others_have_are_none(outsider_api: APIClient, theirs: Job, file: File, query: str) -> None:
    Job.objects.filter(pk=file.run.job_id).update(title="All chats of here")
    assert outsider_api.get(f"{UDM}/file-metadatas?{query.format(file=file)}").json()["items"] == []


def test_sub_types_of_others_source_are_a_400(outsider_api: APIClient, theirs: Job, file: File) -> None:
    answer = outsider_api.get(f"{UDM}/data/sub-types?source=contact-history")
    assert (answer.status_code, answer.json()["message"]) == (400, 'source "contact-history" is unknown. There are: ledger.')


def test_certificate_of_the_same_name_replaces_only_ones_own(
    outsider_api: APIClient, theirs: Job, certificate: Certificate, certificate_pem: bytes
) -> None:
    sent = {"file": SimpleUploadedFile("c.pem", certificate_pem)}
    assert outsider_api.post(f"{UDM}/cipher/{certificate.name}", sent, format="multipart").status_code == 201
    certificate.refresh_from_db()
    assert (certificate.is_primary, certificate.is_active) == (True, True)


def test_page_asks_for_the_progress_of_ones_own_runs_only(outsider: User, theirs: Job, make_run: Callable[..., Run]) -> None:
    run = make_run(Run.Status.IN_PROGRESS)
    answer = signed_in(outsider).get(reverse("console-progress"), {"run": run.pk})
    assert run.job.title not in answer.content.decode()
    assert answer["HX-Refresh"] == "true"


def test_page_makes_no_job_on_others_dataset(outsider: User, theirs: Job, interaction: Dataset) -> None:
    before = rows()
    sent = {"title": "All", "dataset": interaction.pk, "time_frame": "all", "schedule": "now", "timezone": "UTC"}
    assert "dataset" in signed_in(outsider).post(reverse("console-job-new"), sent).context["form"].errors
    assert rows() == before


# --- Mass assignment -------------------------------------------------------------------------------------------------
FIELDS = (
    "organization",
    "organization_id",
    "ccid",
    "owner",
    "owner_id",
    "id",
    "status",
    "state",
    "token",
    "next_slot",
    "deleted_at",
    "split_bytes",
)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("where", ["", "jobParams", "schedulerParam", "timeFrame"])
def test_field_that_no_client_may_set_is_a_400_that_names_it(
    api: APIClient, definition: JobDefinition, elsewhere: Organization, field: str, where: str
) -> None:
    planted = {field: str(elsewhere.pk)}
    sent = {**BODY, where: {**BODY[where], **planted}} if where else {**BODY, **planted}
    answer = api.post(JOBS, sent)
    assert (answer.status_code, Job.objects.count()) == (400, 0)
    assert list(answer.json()["errors"]) == [f"{where}.{field}".lstrip(".")]


def test_query_cannot_name_an_organization(api: APIClient, elsewhere: Organization) -> None:
    for path in (JOBS, HISTORY, f"{UDM}/file-metadatas", f"{UDM}/data/sources"):
        assert api.get(f"{path}?organization={elsewhere.pk}").status_code == 400


def test_form_cannot_name_owner_or_organization(
    owner: User, outsider: User, elsewhere: Organization, interaction: Dataset, certificate: Certificate
) -> None:
    sent = {"title": "All", "dataset": interaction.pk, "time_frame": "all", "schedule": "now", "timezone": "UTC"}
    planted = {"owner": outsider.pk, "organization": elsewhere.pk, "suspended": "on", "next_slot": "2030-01-01"}
    signed_in(owner).post(reverse("console-job-new"), {**sent, **planted})
    job = Job.objects.get()
    assert (job.owner, job.organization, job.suspended, job.next_slot) == (owner, interaction.source.organization, False, None)


def test_header_or_cookie_cannot_name_an_organization(api: APIClient, elsewhere: Organization, file: File) -> None:
    api.cookies["organization"] = str(elsewhere.pk)
    assert api.get(JOBS, headers={"x-organization": str(elsewhere.pk)}).json()["count"] == 1


def test_session_names_only_an_organization_that_its_user_belongs_to(owner: User, elsewhere: Organization) -> None:
    client: Client = signed_in(owner)
    session = client.session
    session["organization"] = str(elsewhere.pk)
    session.save()
    assert "Elsewhere" not in client.get(reverse("console")).content.decode()


def test_definition_of_others_source_is_refused_below_the_faces_too(
    outsider: User, elsewhere: Organization, definition: JobDefinition
) -> None:
    with pytest.raises(Invalid, match="unknown"):
        create_job(access_in(elsewhere, outsider), definition)
