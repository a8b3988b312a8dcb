"""Retention jobs over HTTP: lists, figures, files, and hostile bodies."""

import json
import time
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Organization, User
from accounts.roles import DATA_EXPORTER, EXPORTER, RETENTION_READER
from accounts.services.people import enrol
from exports.models import File, Source
from retention.models import Purge, RetentionJob, RetentionSettings
from retention.services.windows import next_open
from tests.conftest import SEALED
from tests.trail import actions

FILTER = "mediaTypeId eq 'chat'"


# --- Creating --------------------------------------------------------------------------------------------------------
def test_the_location_is_the_job_that_waits_for_the_window(ready: APIClient, address: str, organization: Organization) -> None:
    always = RetentionSettings.objects.create(organization=organization)
    location = ready.post(address, {"jobType": "Extract", "criteria": {"Interaction": FILTER}})["Location"]
    job = RetentionJob.objects.get()
    assert location == f"http://testserver{address}/{job.pk}"
    said = ready.get(location).json()
    expected = next_open(always, timezone.now()).strftime("%Y-%m-%dT%H")
    assert (said["status"], said["criteria"], said["windowDateTime"][:13]) == ("Pending", {"Interaction": FILTER}, expected)
    assert (said["resources"], said["files"], said["completedDateTime"]) == ([], [], None)


@pytest.mark.parametrize("content_type", ["application/vnd.medchat+json; v=2.0", "application/json;odata.metadata=minimal", "text/json"])
def test_bodies_may_have_the_media_types_of_answers(ready: APIClient, address: str, content_type: str) -> None:
    body = json.dumps({"jobType": "Extract", "criteria": {"Interaction": FILTER}})
    assert ready.post(address, body, content_type=content_type).status_code == 204


def test_what_typed_clients_send_for_what_they_do_not_mean_is_left_out(ready: APIClient, address: str) -> None:
    criteria = {"interaction": FILTER, "smsChats": None, "smsBatches": ""}
    assert ready.post(address, {"jobType": "Extract", "criteria": criteria}).status_code == 204
    assert RetentionJob.objects.get().criteria == {"interaction": FILTER}


def test_every_wrong_filter_is_named(ready: APIClient, address: str, contact: object) -> None:
    answer = ready.post(address, {"jobType": "Extract", "criteria": {"Interaction": "mediaTypeId eq", "Contact": "ContactId eq (1"}})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"criteria.Interaction", "criteria.Contact"})
    assert all(f"{field} cannot be read at column 1" in sentence for field, sentence in answer.json()["errors"].items())


def test_a_source_that_cannot_be_read_is_a_409(ready: APIClient, address: str, source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(url="sqlite:////nowhere/at-all.sqlite3")
    answer = ready.post(address, {"jobType": "Extract", "criteria": {"Interaction": FILTER}})
    assert (answer.status_code, RetentionJob.objects.count()) == (409, 0)


def test_who_only_reads_rules_makes_and_cancels_nothing(
    teammate_api: APIClient, teammate: User, organization: Organization, address: str, waiting: RetentionJob
) -> None:
    enrol(teammate, organization, [RETENTION_READER])
    assert teammate_api.get(f"{address}/{waiting.pk}").status_code == 200
    refused = [teammate_api.post(address, {"jobType": "Extract", "criteria": {"Interaction": FILTER}})]
    refused += [teammate_api.post(f"{address}/{waiting.pk}/cancel"), teammate_api.get(f"{address}/{waiting.pk}/files")]
    assert [answer.status_code for answer in refused] == [403, 403, 403]


# --- Hostile bodies --------------------------------------------------------------------------------------------------
DEEP = 100_000
HOSTILE: dict[str, Any] = {
    "nested filter": {"Interaction": "(" * 8_000},
    "many nots": {"Interaction": "not " * 2_000 + "id eq '1'"},
    "many terms": {"Interaction": " or ".join(["id eq '1'"] * 900)},
    "a huge list": {"Interaction": f"id in ({','.join(['1'] * 4_000)})"},
    "lambdas in lambdas": {"Interaction": "Attachment/any(a: " * 200 + "a/id eq '1'" + ")" * 200},
    "an unknown field": {"Interaction": "nonsense eq 1"},
    "many terms, wrong at the end": {"Interaction": " or ".join(["id eq '1'"] * 150) + " or nonsense eq 1"},
    "a wrong type": {"Interaction": "startDate eq 'yesterday'"},
    "a number": {"Interaction": 1},
    "a list": {"Interaction": [FILTER]},
    "an object": {"Interaction": {"$filter": FILTER}},
    "NUL": {"Interaction": "id eq '\0'"},
    "NUL in a name": {"Inter\0action": FILTER},
    "half a character": {"Interaction": "id eq '\ud800'", "\ud800": FILTER},
    "many resources": {f"T{number}": FILTER for number in range(10_000)},
    "fifty unknown ones": {f"Interactoin{number}": FILTER for number in range(50)},
    "a long name": {"x" * 100_000: FILTER},
    "a list of criteria": [FILTER],
    "a text": "everything",
    "true": True,
}
"""Criteria."""
RAW = {
    "no JSON": "{",
    "deep JSON": "[" * DEEP,
    "deep criteria": '{"jobType": "Extract", "criteria": ' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}",
    "a million bytes": '{"jobType": "Extract", "criteria": {"Interaction": "' + "x" * 1_000_000 + '"}}',
    "two million bytes": '{"jobType": "Extract", "criteria": {"Interaction": "' + "x" * 2_000_000 + '"}}',
    "many unknown fields": json.dumps({f"f{number}": 1 for number in range(9_000)}),
    "a list": "[]",
    "null": "null",
    "NaN": '{"jobType": NaN, "criteria": {}}',
    "no text at all": "\xff\xfe",
}
BODIES = RAW | {name: json.dumps({"jobType": "ExtractPurge", "criteria": criteria}) for name, criteria in HOSTILE.items()}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_hostile_body_is_a_400_within_a_tenth_of_a_second(ready: APIClient, address: str, body: str) -> None:
    ready.post(address, {"jobType": "Extract", "criteria": {"Interaction": "id eq"}})  # what is imported and prepared once
    took = []
    for _ in range(3):
        began = time.thread_time()
        answer = ready.post(address, body.encode("utf-8", "surrogatepass"), content_type="application/json")
        took.append(time.thread_time() - began)
        assert answer.status_code == 400, answer.content
        assert answer.json()["message"]
    assert min(took) < 0.1
    assert not RetentionJob.objects.exists()


# --- Looking ---------------------------------------------------------------------------------------------------------
def test_figures_are_derived_from_files_and_batches(ready: APIClient, address: str, ended: RetentionJob) -> None:
    said = ready.get(f"{address}/{ended.pk}").json()
    figures = {"rowsExtracted": 20, "rowsPurged": 17, "rowsKept": 5}
    assert {name: said[name] for name in figures} == figures
    expected = {"name": "interaction", "dataset": "contact-history/Interaction", "status": "completed", "message": ""}
    reasons = {"keptBecause": {"the hold “A”": 2, "changed": 3}, "childRowsExtracted": 0, "childRowsPurged": 5}
    assert said["resources"] == [expected | figures | reasons]


def test_what_waits_for_approval_is_said(ready: APIClient, address: str, ended: RetentionJob) -> None:
    RetentionJob.objects.update(status="InProgress")
    Purge.objects.update(status="awaiting_approval", asks_because="40.0 % of Interaction would go today.")
    message = ready.get(f"{address}/{ended.pk}").json()["message"]
    assert message == "Interaction waits for approval: 40.0 % of Interaction would go today."


def test_the_list_is_cut_and_leads_on_until_the_last_page(ready: APIClient, address: str, waiting: RetentionJob, owner: User) -> None:
    for _ in range(4):
        RetentionJob.objects.create(organization=waiting.organization, owner=owner, kind="Extract")
    page, seen = ready.get(f"{address}?$top=2&$count=true").json(), list[str]()
    assert page["@odata.count"] == 5
    while "@odata.nextLink" in page:
        seen += [job["id"] for job in page["value"]]
        page = ready.get(page["@odata.nextLink"]).json()
    seen += [job["id"] for job in page["value"]]
    newest = RetentionJob.objects.order_by("-created_at").values_list("pk", flat=True)
    assert (seen, "@odata.count" in page) == ([str(pk) for pk in newest], True)


@pytest.mark.parametrize("query", ["$top=0", "$top=1001", "$top=x", "$skip=-1", "$count=maybe", "$filter=status", "$top=1&$top=2"])
def test_a_wrong_page_is_a_400_that_names_the_parameter(ready: APIClient, address: str, query: str) -> None:
    answer = ready.get(f"{address}?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.partition("=")[0]])


def test_a_longer_list_takes_no_more_queries(
    ready: APIClient, address: str, ended: RetentionJob, owner: User, django_assert_max_num_queries: Any
) -> None:
    ready.get(address)
    with django_assert_max_num_queries(30) as once:
        ready.get(address)
    for _ in range(20):
        RetentionJob.objects.create(organization=ended.organization, owner=owner, kind="Extract", status="Completed")
    with django_assert_max_num_queries(len(once)):
        assert len(ready.get(address).json()["value"]) == 21


# --- Files -----------------------------------------------------------------------------------------------------------
def test_links_download_the_files_and_are_recorded(ready: APIClient, address: str, ended: RetentionJob, file: File) -> None:
    [listed] = ready.get(f"{address}/{ended.pk}/files").json()
    assert (listed["name"], listed["dataset"], listed["sha256"]) == (file.name, "Interaction", file.sha256)
    assert b"".join(Client().get(listed["link"])) == SEALED
    assert actions() == ["file.link", "file.download"]


def test_a_file_is_downloaded_by_its_name(ready: APIClient, address: str, ended: RetentionJob, file: File) -> None:
    answer = ready.get(f"{address}/{ended.pk}/files/{file.name}")
    assert answer.status_code == 303
    assert b"".join(Client().get(answer["Location"])) == SEALED


@pytest.mark.parametrize("name", ["other.zip.p7m", "%00", "..%2f..", "a" * 400])
def test_a_name_that_is_none_of_the_jobs_is_404(ready: APIClient, address: str, ended: RetentionJob, name: str) -> None:
    assert ready.get(f"{address}/{ended.pk}/files/{name}").status_code == 404


def test_a_file_of_another_job_is_404(ready: APIClient, address: str, ended: RetentionJob, waiting: RetentionJob, file: File) -> None:
    assert ready.get(f"{address}/{waiting.pk}/files/{file.name}").status_code == 404


def test_files_whose_days_are_over_are_listed_no_more(ready: APIClient, address: str, ended: RetentionJob, file: File) -> None:
    File.objects.update(expires_at=timezone.now())
    said = ready.get(f"{address}/{ended.pk}").json()
    assert (said["files"], said["rowsExtracted"]) == ([], 20)
    assert ready.get(f"{address}/{ended.pk}/files").json() == []
    assert default_storage.exists(file.storage_key)


@pytest.mark.parametrize(("roles", "status"), [([DATA_EXPORTER, RETENTION_READER], 200), ([EXPORTER, RETENTION_READER], 403)])
def test_who_exports_everything_downloads_extracts_too(
    teammate_api: APIClient, teammate: User, ended: RetentionJob, roles: list[str], status: int
) -> None:
    enrol(teammate, ended.organization, roles)
    address = f"/orgs/{ended.organization_id}/retention/jobs"
    assert teammate_api.get(f"{address}/{ended.pk}/files").status_code == status


# --- Cancelling ------------------------------------------------------------------------------------------------------
def test_cancelling_answers_the_job_and_is_refused_once_it_has_ended(ready: APIClient, address: str, waiting: RetentionJob) -> None:
    assert ready.post(f"{address}/{waiting.pk}/cancel").json()["status"] == "Cancelled"
    again = ready.post(f"{address}/{waiting.pk}/cancel")
    assert (again.status_code, again.json()["message"]) == (409, "The job is Cancelled: there is nothing to cancel.")


def test_a_job_cannot_be_deleted(ready: APIClient, address: str, ended: RetentionJob) -> None:
    assert ready.delete(f"{address}/{ended.pk}").status_code == 405
