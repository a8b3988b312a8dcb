"""/udm/v10/export/jobs: what clients may send, and what they get."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from rest_framework.test import APIClient

from accounts.models import Organization, User
from accounts.roles import EXPORTER
from accounts.services.people import join
from exports.formats import LABELS
from exports.models import Certificate, Dataset, Job, Run

JOBS = "/udm/v10/export/jobs"
BODY: dict[str, Any] = {
    "source": "contact-history",
    "type": "UCS",
    "title": "All chats",
    "timeFrame": {"all": True},
    "description": "",
    "schedulerParam": {"immediately": True},
    "jobParams": {"fileSplitSize": "", "type": "Interaction", "media": []},
    "suspended": False,
}
SEEDS_FIELDS = {
    "id", "type", "source", "title", "fileSplitSize", "fileName", "fileSize", "status", "createdDate", "dateFrom", "dateTo", "description",
    "media", "progress", "parentId", "exportAttachments",
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("interaction", "certificate")


def body(**changes: object) -> dict[str, Any]:
    """BODY with the values at dotted paths (`schedulerParam__cron`) replaced."""
    changed = deepcopy(BODY)
    for path, value in changes.items():
        *parents, name = path.split("__")
        inner = changed
        for parent in parents:
            inner = inner[parent]
        inner[name] = value
    return changed


CRON = {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}


def test_post_answers_202_with_the_sixteen_fields(api: APIClient) -> None:
    answer = api.post(JOBS, BODY)
    assert answer.status_code == 202
    assert set(answer.json()) == SEEDS_FIELDS
    assert answer.json()["status"] == "Pending"
    assert (answer.json()["id"], answer.json()["parentId"]) == (Job.objects.get().pk, 0)


def test_every_documented_field_is_taken(api: APIClient) -> None:
    job = api.post(
        JOBS,
        body(
            timeFrame={"all": False, "dateFrom": "2024-01-01", "dateTo": "2024-02-01T00:00:00+02:00"},
            description="for the auditors",
            schedulerParam={**CRON, "immediately": False, "runs": "3", "startDate": "2030-01-01T00:00:00Z"},
            jobParams={"fileSplitSize": "64MB", "type": "Interaction", "media": ["chat", "email"], "exportAttachments": True},
            suspended=True,
        ),
    ).json()
    kept = Job.objects.get(pk=job["id"])
    assert (job["dateFrom"], job["dateTo"]) == ("2024-01-01T00:00:00Z", "2024-01-31T22:00:00Z")
    assert (job["fileSplitSize"], kept.split_bytes) == ("64MB", 64 * 2**20)
    assert (job["media"], job["exportAttachments"], job["description"]) == (["chat", "email"], True, "for the auditors")
    assert (kept.runs_limit, kept.timezone, job["status"]) == (3, "Europe/Berlin", "Suspended")
    assert kept.next_slot is not None
    assert kept.next_slot.isoformat() == "2030-01-01T02:00:00+00:00"


@pytest.mark.parametrize(("sent", "kept"), [({}, "jsonl"), ({"format": ""}, "jsonl"), ({"format": "csv-exact"}, "csv-exact")])
def test_the_format_is_kept_and_is_json_lines_unless_it_is_named(api: APIClient, sent: dict[str, str], kept: str) -> None:
    answer = api.post(JOBS, body(jobParams={**BODY["jobParams"], **sent}))
    assert Job.objects.get(pk=answer.json()["id"]).format == kept


def test_an_unknown_format_is_refused_with_the_names_that_are_known(api: APIClient) -> None:
    answer = api.post(JOBS, body(jobParams={**BODY["jobParams"], "format": "docx"}))
    assert answer.status_code == 400
    assert answer.json()["errors"]["jobParams.format"] == f'jobParams.format "docx" is unknown. There are: {", ".join(LABELS)}.'


def test_texts_that_are_empty_count_as_absent(api: APIClient) -> None:
    """Existing clients send every field of the document."""
    sent = body(
        timeFrame={"all": True, "dateFrom": "", "dateTo": ""}, schedulerParam={"immediately": True, "cron": "", "runs": "", "startDate": ""}
    )
    assert api.post(JOBS, sent).status_code == 202


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({"source": "nowhere"}, {"source"}),
    ({"type": "DataSync"}, {"type"}),
    ({"type": "Other"}, {"type"}),
    ({"title": " "}, {"title"}),
    ({"title": "x" * 201}, {"title"}),
    ({"title": "two\nlines"}, {"title"}),
    ({"title": "nul\0"}, {"title"}),
    ({"description": "x" * 10_001}, {"description"}),
    ({"suspended": "perhaps"}, {"suspended"}),
    ({"suspended": 1}, {"suspended"}),
    ({"timeFrame": {}}, {"timeFrame"}),
    ({"timeFrame": []}, {"timeFrame"}),
    ({"timeFrame": {"all": True, "dateFrom": "2024-01-01"}}, {"timeFrame.all", "timeFrame.dateFrom"}),
    ({"timeFrame": {"dateFrom": "2024-02-01", "dateTo": "2024-02-01"}}, {"timeFrame.dateFrom", "timeFrame.dateTo"}),
    ({"timeFrame": {"dateFrom": "yesterday"}}, {"timeFrame.dateFrom"}),
    ({"timeFrame": {"dateFrom": "0001-01-01T00:00:00+14:00"}}, {"timeFrame.dateFrom"}),
    ({"schedulerParam": {}}, {"schedulerParam"}),
    ({"schedulerParam": {"immediately": True, "cron": "0 3 * * *"}}, {"schedulerParam.immediately", "schedulerParam.cron"}),
    (
        {"schedulerParam": {"immediately": True, "startDate": "2030-01-01T00:00:00Z"}},
        {"schedulerParam.immediately", "schedulerParam.startDate"},
    ),
    ({"schedulerParam": {"immediately": True, "runs": "2"}}, {"schedulerParam.runs", "schedulerParam.cron"}),
    ({"schedulerParam": {"startDate": "2020-01-01T00:00:00Z"}}, {"schedulerParam.startDate"}),
    ({"schedulerParam": {"cron": "0 3 * *"}}, {"schedulerParam.cron"}),
    ({"schedulerParam": {"cron": "0 0 30 2 *"}}, {"schedulerParam.cron"}),
    ({"schedulerParam": {"cron": "0 0 * * 7"}}, {"schedulerParam.cron"}),
    ({"schedulerParam": {"cron": "0 0 L * *"}}, {"schedulerParam.cron"}),
    ({"schedulerParam": {"cron": "*/1," * 60 + "1 * * * *"}}, {"schedulerParam.cron"}),
    ({"schedulerParam": {"cron": "0 3 * * *", "timezone": "Mars/Olympus"}}, {"schedulerParam.timezone"}),
    ({"schedulerParam": {**CRON, "runs": "0"}}, {"schedulerParam.runs"}),
    ({"schedulerParam": {**CRON, "runs": "many"}}, {"schedulerParam.runs"}),
    ({"schedulerParam": {**CRON, "when": "now"}}, {"schedulerParam.when"}),
    ({"schedulerParam": {**CRON, "misfire": "twice"}}, {"schedulerParam.misfire"}),
    ({"schedulerParam": {"immediately": True, "misfire": "all"}}, {"schedulerParam.immediately", "schedulerParam.misfire"}),
    ({"jobParams": {"type": "Order", "media": []}}, {"jobParams.type"}),
    ({"jobParams": {"type": "Attachment", "media": []}}, {"jobParams.type"}),
    ({"jobParams": {"type": "Interaction"}}, {"jobParams.media"}),
    ({"jobParams": {"type": "Interaction", "media": ["fax"]}}, {"jobParams.media"}),
    ({"jobParams": {"type": "Interaction", "media": [], "fileSplitSize": "2GB"}}, {"jobParams.fileSplitSize"}),
    ({"jobParams": {"type": "Interaction", "media": [], "fileSplitSize": "1023KB"}}, {"jobParams.fileSplitSize"}),
    ({"jobParams": {"type": "Interaction", "media": [], "fileSplitSize": "big"}}, {"jobParams.fileSplitSize"}),
    ({"organization": "elsewhere"}, {"organization"}),
    ({"owner": 1, "status": "Completed"}, {"owner", "status"}),
]


@pytest.mark.parametrize(("changes", "fields"), WRONG)
def test_bad_input_is_a_400_that_names_the_fields_and_makes_nothing(api: APIClient, changes: dict[str, Any], fields: set[str]) -> None:
    answer = api.post(JOBS, body(**changes))
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == fields
    assert all(name.rpartition(".")[2] in answer.json()["message"] for name in fields)
    assert (Job.objects.count(), Run.objects.count(), PeriodicTask.objects.filter(name__startswith="job-").count()) == (0, 0, 0)


@pytest.mark.parametrize("field", ["source", "type", "title", "timeFrame", "schedulerParam", "jobParams", "suspended"])
def test_required_fields_are_named_when_they_lack(api: APIClient, field: str) -> None:
    sent = body()
    del sent[field]
    assert list(api.post(JOBS, sent).json()["errors"]) == [field]


def test_only_what_has_attachments_exports_them(api: APIClient, contact: Dataset) -> None:
    answer = api.post(JOBS, body(jobParams={"type": "Contact", "media": [], "exportAttachments": True}))
    assert list(answer.json()["errors"]) == ["jobParams.exportAttachments"]


def test_without_a_certificate_no_job_is_made(api: APIClient, certificate: Certificate) -> None:
    certificate.delete()
    answer = api.post(JOBS, BODY)
    assert (answer.status_code, Job.objects.count()) == (400, 0)
    assert "Upload one" in answer.json()["message"]


@pytest.mark.parametrize("sent", ["[" * 100_000, "{", "[]", '"text"', "null", "{}", '{"title": NaN}', '{"\\ud800": 1}'])
def test_what_is_no_job_is_a_400(api: APIClient, sent: str) -> None:
    answer = api.generic("POST", JOBS, sent, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_body_that_is_no_text_is_a_400(api: APIClient) -> None:
    answer = api.post(JOBS, b"\xff", content_type="application/json")
    assert answer.status_code == 400


def test_a_body_over_a_megabyte_is_a_400(api: APIClient) -> None:
    assert api.post(JOBS, body(description="x" * 1_100_000)).status_code == 400


def test_a_body_that_is_not_json_is_a_415(api: APIClient) -> None:
    assert api.generic("POST", JOBS, "title=x", content_type="application/x-www-form-urlencoded").status_code == 415


def test_cron_jobs_have_a_beat_row_that_says_look(api: APIClient) -> None:
    job = api.post(JOBS, body(schedulerParam=CRON)).json()
    row = PeriodicTask.objects.get(name=f"job-{job['id']}")
    assert job["status"] == "Scheduled"
    assert (row.task, row.enabled, str(row.crontab.timezone)) == ("exports.look", True, "Europe/Berlin")


# --- Lists ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sent", "kept"), [({}, "once"), ({"misfire": ""}, "once"), ({"misfire": "none"}, "none"), ({"misfire": "all"}, "all")]
)
def test_the_misfire_policy_is_taken(api: APIClient, sent: dict[str, str], kept: str) -> None:
    assert api.post(JOBS, body(schedulerParam={**CRON, **sent})).status_code == 202
    assert Job.objects.get().misfire == kept


@pytest.mark.parametrize("face", ["udm", "data-download"])
def test_version_4_takes_no_misfire_policy(api: APIClient, face: str) -> None:
    sent = {name: value for name, value in body(schedulerParam={**CRON, "misfire": "all"}).items() if name != "type"}
    answer = api.post(f"/{face}/v4/export/jobs", sent)
    assert answer.status_code == 400
    assert "schedulerParam.misfire" in answer.content.decode()


def test_an_empty_list_is_204(api: APIClient) -> None:
    assert api.get(JOBS, content_type="application/json").status_code == 204


def test_lists_are_paged_and_ordered(api: APIClient, make_job: Callable[..., Job]) -> None:
    for title in ("b", "c", "a"):
        make_job(title=title)
    answer = api.get(JOBS, {"orderField": "title", "descAsc": "true", "from": "1", "size": "1"}).json()
    assert (answer["count"], answer["from"], answer["size"]) == (3, 1, 1)
    assert [item["title"] for item in answer["items"]] == ["b"]
    assert [item["title"] for item in api.get(JOBS).json()["items"]] == ["a", "c", "b"]
    assert api.get(JOBS, {"from": "3"}).status_code == 204


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"title": "CHAT"}, {"chats", "old chats"}),
        ({"scheduleType": "cron"}, {"old chats"}),
        ({"scheduleType": "immediately"}, {"chats"}),
        ({"scheduleType": "once"}, {"mails"}),
        ({"suspend": "true"}, {"mails"}),
        ({"suspend": "false", "type": "ucs", "source": "history"}, {"chats", "old chats"}),
        ({"type": "Contact"}, set()),
    ],
)
def test_filters(api: APIClient, make_job: Callable[..., Job], query: dict[str, str], titles: set[str]) -> None:
    make_job(title="chats")
    make_job(title="old chats", cron="0 3 * * *", immediately=False)
    make_job(title="mails", start_date=timezone.now(), suspended=True, immediately=False)
    answer = api.get(JOBS, query)
    assert {item["title"] for item in (answer.json()["items"] if answer.content else [])} == titles


@pytest.mark.parametrize(
    "query",
    [
        "orderField=password",
        "orderField=owner__password",
        "descAsc=up",
        "from=-1",
        "from=x",
        "size=0",
        "size=1001",
        "size=1e9",
        "scheduleType=x",
        "suspend=x",
        "bgUpdate=x",
        "title=%00",
        "jobid=1",
        "from=99999999999999999999",
        "title=a&title=b",
    ],
)
def test_a_bad_query_is_a_400_that_names_the_parameter(api: APIClient, query: str) -> None:
    answer = api.get(f"{JOBS}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]


def test_a_background_refresh_is_no_use_of_the_token(api: APIClient, owner: Any) -> None:
    api.get(f"{JOBS}?bgUpdate=true")
    assert owner.access_tokens.get().last_used_at is None
    api.get(JOBS)
    assert owner.access_tokens.get().last_used_at is not None


def test_the_number_of_queries_does_not_grow_with_the_list(
    api: APIClient, make_run: Callable[..., Run], django_assert_num_queries: Callable[[int], Any]
) -> None:
    make_run(Run.Status.COMPLETED)
    with CaptureQueriesContext(connection) as few:
        assert len(api.get(JOBS).json()["items"]) == 1
    for _ in range(19):
        make_run(Run.Status.COMPLETED)
    with django_assert_num_queries(len(few)):
        assert len(api.get(JOBS).json()["items"]) == 20


# --- One job -------------------------------------------------------------------------------------------------------
def test_a_jobs_info_shows_its_latest_run(api: APIClient, completed_run: Run) -> None:
    info = api.get(f"{JOBS}/{completed_run.job_id}", content_type="application/json").json()
    assert (info["status"], info["progress"], info["fileSize"]) == ("Completed", 100, 10240)
    assert info["fileName"] == f"Interaction-{completed_run.pk}.zip.p7m"


def test_put_replaces_a_job_that_has_not_started(api: APIClient) -> None:
    job = api.post(JOBS, body(schedulerParam=CRON)).json()
    answer = api.put(f"{JOBS}/{job['id']}", body(title="Now", schedulerParam={"startDate": "2035-05-05T05:05:00Z"}))
    kept = Job.objects.get()
    assert (answer.status_code, answer.json()["title"], kept.cron) == (200, "Now", "")
    row = PeriodicTask.objects.get(name=f"job-{kept.pk}")
    assert (row.crontab, row.one_off, row.clocked.clocked_time) == (None, True, kept.start_date)


def test_put_refuses_a_job_that_has_started(api: APIClient, completed_run: Run) -> None:
    answer = api.put(f"{JOBS}/{completed_run.job_id}", BODY)
    assert (answer.status_code, answer.json()["message"][:3]) == (400, "Job")


def test_a_bad_put_changes_nothing(api: APIClient) -> None:
    job = api.post(JOBS, body(schedulerParam=CRON)).json()
    assert api.put(f"{JOBS}/{job['id']}", body(title="Other", schedulerParam={"cron": "x"})).status_code == 400
    assert Job.objects.get().title == "All chats"


def test_suspend_and_resume_answer_jobinfo(api: APIClient) -> None:
    job = api.post(JOBS, body(schedulerParam=CRON)).json()
    assert api.post(f"{JOBS}/suspend/{job['id']}").json()["status"] == "Suspended"
    assert not PeriodicTask.objects.get(name=f"job-{job['id']}").enabled
    assert api.post(f"{JOBS}/resume/{job['id']}", content_type="application/json").json()["status"] == "Scheduled"
    assert PeriodicTask.objects.get(name=f"job-{job['id']}").enabled


@pytest.mark.parametrize("action", ["suspend", "resume", "cancel"])
def test_a_finished_job_refuses(api: APIClient, completed_run: Run, action: str) -> None:
    assert api.post(f"{JOBS}/{action}/{completed_run.job_id}").status_code == 400


def test_cancel_ends_the_pending_run_and_then_the_schedule(api: APIClient) -> None:
    job = api.post(JOBS, BODY).json()
    assert api.post(f"{JOBS}/cancel/{job['id']}").status_code == 200
    assert (Run.objects.get().status, Run.objects.get().message) == ("cancelled", "Cancelled by owner.")
    assert api.post(f"{JOBS}/cancel/{job['id']}").status_code == 400


def test_delete_removes_the_job_and_keeps_its_history(api: APIClient, completed_run: Run) -> None:
    assert api.delete(f"{JOBS}/{completed_run.job_id}").status_code == 204
    assert api.get(f"{JOBS}/{completed_run.job_id}").status_code == 404
    assert api.get(f"/udm/v10/export/history/{completed_run.pk}").status_code == 200


def test_a_job_in_progress_cannot_be_deleted(api: APIClient, make_run: Callable[..., Run], make_job: Callable[..., Job]) -> None:
    run, other = make_run(Run.Status.IN_PROGRESS), make_job()
    assert api.delete(f"{JOBS}/{run.job_id}").status_code == 400
    assert api.delete(f"{JOBS}?jobIDs={other.pk},{run.job_id}").status_code == 400
    assert Job.objects.filter(deleted_at=None).count() == 2


def test_many_jobs_are_deleted_at_once(api: APIClient, make_job: Callable[..., Job]) -> None:
    ids = [make_job().pk for _ in range(3)]
    assert api.delete(f"{JOBS}?jobIDs={ids[0]},{ids[1]}").status_code == 204
    assert list(Job.objects.filter(deleted_at=None).values_list("pk", flat=True)) == [ids[2]]


@pytest.mark.parametrize("ids", ["", ","])
def test_bulk_delete_needs_ids(api: APIClient, ids: str) -> None:
    answer = api.delete(f"{JOBS}?jobIDs={ids}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["jobIDs"])


def test_bulk_delete_with_an_unknown_id_deletes_nothing(api: APIClient, make_job: Callable[..., Job]) -> None:
    assert api.delete(f"{JOBS}?jobIDs={make_job().pk},999999").status_code == 404
    assert Job.objects.filter(deleted_at=None).count() == 1


@pytest.mark.parametrize("job_id", ["0", "9" * 30])
def test_an_id_that_can_be_none_is_a_404(api: APIClient, job_id: str) -> None:
    assert api.get(f"{JOBS}/{job_id}").status_code == 404


@pytest.mark.parametrize("job_id", ["-1", "x", "1.0", "%00", "%2e%2e", "１"])
def test_an_id_that_is_no_number_is_a_400_that_names_it(api: APIClient, job_id: str) -> None:
    answer = api.get(f"{JOBS}/{job_id}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["id"])


def test_an_exporter_sees_and_stops_the_owners_job(
    api: APIClient, teammate_api: APIClient, organization: Organization, teammate: User
) -> None:
    join(teammate, organization, [EXPORTER])
    job = api.post(JOBS, BODY).json()
    assert teammate_api.get(f"{JOBS}/{job['id']}").json() == job
    assert teammate_api.post(f"{JOBS}/cancel/{job['id']}").status_code == 200


def test_the_answer_is_json(api: APIClient) -> None:
    assert json.loads(api.post(JOBS, BODY).content)["source"] == "contact-history"
