"""What the pages show and do, for a member of the organization."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.console.presentation import cron_words, duration_words
from exports.models import Certificate, File, Job, Run
from tests.console.conftest import signed_in
from tests.console.scenes import PASSWORD, Scene, new_file, new_run
from tests.keys import new_certificate

JOB = {"title": "Chats", "time_frame": "all", "schedule": "now", "timezone": "UTC", "cron": "", "file_split_size": ""}


def text(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def said(client: Client, name: str, *args: object, **data: str) -> str:
    answer = client.post(reverse(name, args=args), data)
    assert answer.status_code == 302
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


# --- Overview --------------------------------------------------------------------------------------------------------


def test_overview_shows_the_finished_export(owner: Client, scene: Scene) -> None:
    page = text(owner, "console")
    for expected in (scene.job.title, scene.file.name, scene.file.sha256, "Archive team", "30 days left", "openssl cms -decrypt"):
        assert expected in page
    assert "hx-get" not in page


def test_overview_watches_a_run_that_is_active(owner: Client, scene: Scene) -> None:
    run = new_run(scene.job, Run.Status.IN_PROGRESS, rows=200, done=50)
    page = text(owner, "console")
    assert f"{reverse('console-progress')}?bgUpdate=true&amp;run={run.pk}" in page
    assert 'max="100" value="25"' in page


def test_overview_says_why_a_run_failed(owner: Client, scene: Scene) -> None:
    new_run(scene.job, Run.Status.FAILED, rows=10, done=0, message="The source refused the connection.")
    Run.objects.filter(status=Run.Status.FAILED).update(slot=timezone.now())
    assert "The source refused the connection." in text(owner, "console")


def test_overview_forgets_a_failure_once_a_later_run_completed(owner: Client, scene: Scene) -> None:
    new_run(scene.job, Run.Status.FAILED, rows=10, done=0, message="The source refused the connection.")
    assert "The source refused the connection." not in text(owner, "console")


def test_empty_overview_says_what_to_do(scene: Scene) -> None:
    page = text(signed_in(scene.outsider), "console")
    assert "Nothing is exported yet" in page
    assert reverse("console-certificates") in page
    assert "no export starts without one" in page


def test_certificate_that_expires_soon_is_announced(owner: Client, scene: Scene) -> None:
    Certificate.objects.update(not_after=timezone.now() + timedelta(days=9, hours=1))
    assert "9 days left" in text(owner, "console")


def test_expired_file_is_not_listed(owner: Client, scene: Scene) -> None:
    File.objects.update(expires_at=timezone.now())
    assert scene.file.name not in text(owner, "console")
    assert scene.file.name not in text(owner, "console-files")
    assert owner.get(reverse("console-file-download", args=[scene.file.pk])).status_code == 404


def test_overview_needs_few_queries(owner: Client, scene: Scene, django_assert_max_num_queries: pytest.FixtureRequest) -> None:
    for _ in range(4):
        new_file(new_run(scene.job, Run.Status.COMPLETED, rows=1, done=1), scene.certificate)
    with django_assert_max_num_queries(50):  # type: ignore[operator]  # a fixture's callable
        owner.get(reverse("console"))


# --- Progress --------------------------------------------------------------------------------------------------------


def test_progress_moves_with_the_rows(owner: Client, scene: Scene) -> None:
    run = new_run(scene.job, Run.Status.IN_PROGRESS, rows=200, done=50)
    run.parts.update(rows_done=150)
    page = text(owner, "console-progress", run=str(run.pk))
    assert f'id="progress-{run.pk}" hx-swap-oob="true"' in page
    assert 'value="75"' in page


def test_page_is_loaded_anew_once_a_run_is_over(owner: Client, scene: Scene) -> None:
    answer = owner.get(reverse("console-progress"), {"run": scene.run.pk})
    assert answer["HX-Refresh"] == "true"


@pytest.mark.parametrize("run", ["", "x", "-1", "99999999999999999999999", "²"])
def test_progress_of_nonsense_is_a_refresh(owner: Client, scene: Scene, run: str) -> None:
    assert owner.get(reverse("console-progress"), {"run": run})["HX-Refresh"] == "true"


# --- Jobs ------------------------------------------------------------------------------------------------------------


def test_job_list_says_the_schedule_in_words(owner: Client, scene: Scene) -> None:
    page = text(owner, "console-jobs")
    assert "At 03:00" in page
    assert "Scheduled" in page


def test_new_job_starts_at_once(owner: Client, scene: Scene) -> None:
    media = f"media_{scene.dataset.pk}"
    answer = owner.post(reverse("console-job-new"), {**JOB, "dataset": scene.dataset.pk, media: ["chat", "voice"]})
    job = Job.objects.latest("pk")
    assert answer["Location"] == reverse("console-job", args=[job.pk])
    assert (job.media, job.all_time, job.owner, job.runs.get().status) == (["chat", "voice"], True, scene.owner, Run.Status.PENDING)


def test_new_job_reads_the_time_by_the_clock_of_its_zone(owner: Client, scene: Scene) -> None:
    once = {"schedule": "once", "start_date": "2099-07-01T09:30", "timezone": "Europe/Berlin"}
    owner.post(reverse("console-job-new"), {**JOB, "dataset": scene.dataset.pk, **once})
    assert Job.objects.latest("pk").next_slot == datetime(2099, 7, 1, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"title": ""}, "title", "required"),
        ({"dataset": "0"}, "dataset", "valid choice"),
        ({"schedule": "cron", "cron": "0 25 * * *"}, "cron", "cannot be read"),
        ({"schedule": "cron", "cron": "0 3 *"}, "cron", "it needs five"),
        ({"schedule": "once"}, "start_date", "Say when"),
        ({"schedule": "once", "start_date": "2001-01-01T00:00"}, "start_date", "“At” is in the past"),
        ({"time_frame": "between"}, "date_from", "Say from when"),
        ({"time_frame": "between", "date_from": "2026-02-01T00:00", "date_to": "2026-01-01T00:00"}, "date_to", "ends before it begins"),
        ({"file_split_size": "3 parsecs"}, "file_split_size", "Write 64MB"),
        ({"timezone": "Mars/Olympus"}, "timezone", "valid choice"),
        ({"export_attachments": "on"}, "export_attachments", "has no attachments"),
    ],
)
def test_new_job_says_at_the_field_what_is_wrong(owner: Client, scene: Scene, wrong: dict[str, str], field: str, words: str) -> None:
    answer = owner.post(reverse("console-job-new"), {**JOB, "dataset": str(scene.dataset.pk), "description": "kept text", **wrong})
    assert answer.status_code == 200
    assert words in " ".join(answer.context["form"].errors[field])
    assert "kept text" in answer.content.decode()
    assert Job.objects.count() == 1


def test_new_job_does_not_take_a_dataset_of_others(scene: Scene) -> None:
    answer = signed_in(scene.outsider).post(reverse("console-job-new"), {**JOB, "dataset": str(scene.dataset.pk)})
    assert "dataset" in answer.context["form"].errors
    assert Job.objects.count() == 1


def test_new_job_needs_a_certificate(owner: Client, scene: Scene) -> None:
    Certificate.objects.update(is_active=False)
    answer = owner.post(reverse("console-job-new"), {**JOB, "dataset": scene.dataset.pk})
    assert "no valid certificate" in answer.content.decode()


def test_preview_shows_both_clocks(owner: Client, scene: Scene) -> None:
    page = text(owner, "console-job-preview", cron="30 2 * * *", timezone="Asia/Tokyo")
    assert page.count("02:30 JST") == 10
    assert page.count("17:30") == 10


@pytest.mark.parametrize("query", [{"cron": "nonsense"}, {"cron": "* * * * *", "timezone": "Nowhere"}, {"cron": "0 0 30 2 *"}, {}])
def test_preview_says_what_is_wrong(owner: Client, scene: Scene, query: dict[str, str]) -> None:
    assert "errorlist" in text(owner, "console-job-preview", **query)


def test_run_now_suspend_and_resume(owner: Client, scene: Scene) -> None:
    assert "starts" in said(owner, "console-job-act", scene.job.pk, "run")
    assert "suspended" in said(owner, "console-job-act", scene.job.pk, "suspend")
    assert "Suspended" in text(owner, "console-job", scene.job.pk)
    assert "resumed" in said(owner, "console-job-act", scene.job.pk, "resume")
    assert scene.job.runs.filter(status=Run.Status.PENDING).count() == 1


def test_refusal_of_a_service_is_shown(owner: Client, scene: Scene) -> None:
    assert "is not suspended" in said(owner, "console-job-act", scene.job.pk, "resume")


def test_cancel_stops_the_active_run(owner: Client, scene: Scene) -> None:
    run = new_run(scene.job, Run.Status.IN_PROGRESS, rows=10, done=1)
    said(owner, "console-job-act", scene.job.pk, "cancel")
    run.refresh_from_db()
    assert (run.status, run.message) == (Run.Status.CANCELLED, "Cancelled by owner.")


def test_clone_is_suspended_and_leads_to_the_copy(owner: Client, scene: Scene) -> None:
    answer = owner.post(reverse("console-job-act", args=[scene.job.pk, "clone"]))
    copy = Job.objects.latest("pk")
    assert answer["Location"] == reverse("console-job", args=[copy.pk])
    assert copy.suspended


def test_unknown_action_is_not_found(owner: Client, scene: Scene) -> None:
    assert owner.post(reverse("console-job-act", args=[scene.job.pk, "explode"])).status_code == 404


def test_delete_asks_first_and_keeps_the_files(owner: Client, scene: Scene) -> None:
    assert "Delete this job?" in text(owner, "console-job-delete", scene.job.pk)
    assert "is deleted" in said(owner, "console-job-delete", scene.job.pk)
    assert reverse("console-job", args=[scene.job.pk]) not in text(owner, "console-jobs")
    assert scene.file.name in text(owner, "console-files")
    assert "(deleted)" in text(owner, "console-run", scene.run.pk)


# --- Runs and files --------------------------------------------------------------------------------------------------


def test_runs_are_filtered_by_status(owner: Client, scene: Scene) -> None:
    failed = new_run(scene.job, Run.Status.FAILED, rows=10, done=0)
    page = text(owner, "console-runs", status="failed")
    assert reverse("console-run", args=[failed.pk]) in page
    assert reverse("console-run", args=[scene.run.pk]) not in page


def test_runs_have_pages(owner: Client, scene: Scene) -> None:
    for _ in range(50):
        new_run(scene.job, Run.Status.COMPLETED, rows=1, done=1)
    assert "Page 2 of 2" in text(owner, "console-runs", page="2")
    assert "Page 1 of 2" in text(owner, "console-runs", page="nonsense")


def test_cancel_of_a_finished_run_is_refused(owner: Client, scene: Scene) -> None:
    assert "only one that is pending" in said(owner, "console-run-cancel", scene.run.pk)


def test_traceback_is_for_staff(scene: Scene) -> None:
    Run.objects.update(status=Run.Status.ERRORED, traceback="Traceback of a bug")
    assert "Traceback of a bug" not in text(signed_in(scene.owner), "console-run", scene.run.pk)
    scene.owner.is_staff = True
    scene.owner.save()
    assert "Traceback of a bug" in text(signed_in(scene.owner), "console-run", scene.run.pk)


def test_files_are_found_by_name(owner: Client, scene: Scene) -> None:
    assert scene.file.sha256 in text(owner, "console-files", q=scene.file.name[:9].lower())
    assert "No file matches" in text(owner, "console-files", q="<script>\x00")


def test_download_leads_to_a_fresh_link(owner: Client, scene: Scene) -> None:
    answer = owner.get(reverse("console-file-download", args=[scene.file.pk]))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/download/")


# --- Certificates ----------------------------------------------------------------------------------------------------


def test_upload_adds_one_beside_the_first(owner: Client, scene: Scene) -> None:
    file = SimpleUploadedFile("legal.pem", new_certificate(2048)[0])
    owner.post(reverse("console-certificates"), {"file": file, "name": "", "profile": "smime"})
    added = Certificate.objects.get(name="legal.pem")
    assert (added.profile, added.is_primary, added.uploaded_by) == ("smime", False, scene.owner)
    assert Certificate.objects.filter(is_active=True).count() == 2
    assert "3072 or more is recommended" in text(owner, "console-certificates")


@pytest.mark.parametrize(("body", "words"), [(b"not one", "cannot be read"), (new_certificate(2048)[1], "holds a private key")])
def test_upload_says_what_is_wrong(owner: Client, scene: Scene, body: bytes, words: str) -> None:
    data = {"file": SimpleUploadedFile("x.pem", body), "name": "kept name", "profile": "standard"}
    answer = owner.post(reverse("console-certificates"), data)
    assert words in " ".join(answer.context["form"].errors["file"])
    assert "kept name" in answer.content.decode()
    assert Certificate.objects.count() == 1


def test_certificate_is_marked_inactive_and_active(owner: Client, scene: Scene) -> None:
    said(owner, "console-certificate-activity", scene.certificate.pk, active="no")
    assert not Certificate.objects.get().is_active
    said(owner, "console-certificate-activity", scene.certificate.pk, active="yes")
    assert Certificate.objects.get().is_active


# --- Sign-in and errors ----------------------------------------------------------------------------------------------


def test_sign_in_and_out(client: Client, scene: Scene) -> None:
    answer = client.post(reverse("sign-in"), {"username": "owner", "password": PASSWORD})
    assert answer["Location"] == reverse("console")
    assert client.post(reverse("sign-out"))["Location"] == reverse("sign-in")
    assert client.get(reverse("console")).status_code == 302


def test_wrong_password_is_told(client: Client, scene: Scene) -> None:
    answer = client.post(reverse("sign-in"), {"username": "owner", "password": "guess"})
    assert "Please enter a correct username" in answer.content.decode()


def test_sign_in_does_not_lead_elsewhere(client: Client, scene: Scene) -> None:
    data = {"username": "owner", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(reverse("sign-in"), data)["Location"] == reverse("console")


def test_failure_page_says_nothing_inside(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("exports.console.overview.next_job", fail)
    client = Client(raise_request_exception=False)
    client.force_login(scene.owner)
    answer = client.get(reverse("console"))
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.content.decode()
    assert "the inside" not in answer.content.decode()


# --- Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "under 1 s"), (4, "4 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (270_000, "3 d 3 h")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_words(timedelta(seconds=seconds)) == words


def test_cron_without_words_stands_for_itself() -> None:
    assert cron_words("0 3 * * 1-5") == "At 03:00, Monday through Friday"
    assert cron_words("nonsense") == "nonsense"


@pytest.mark.parametrize("name", ["console", "console-jobs", "console-runs", "console-job"])
def test_a_bar_stands_once_on_a_page(owner: Client, scene: Scene, name: str) -> None:
    run = new_run(scene.job, Run.Status.IN_PROGRESS, rows=200, done=50)
    args = [scene.job.pk] if name == "console-job" else []
    assert text(owner, name, *args).count(f'id="progress-{run.pk}"') == 1
