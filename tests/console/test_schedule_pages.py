"""What the pages tell of a job's schedule: when it starts next, what was missed, and why it was suspended."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from exports.models import Job, Run
from exports.services.starting import start_due
from tests.console.scenes import Scene

SLOT = datetime(2026, 3, 28, 2, 30, tzinfo=UTC)


def text(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return re.sub(r"</?span[^>]*>", "", answer.content.decode()).replace(" </td>", "</td>")


@pytest.fixture
def job(scene: Scene) -> Job:
    Job.objects.filter(pk=scene.job.pk).update(cron="30 2 * * *", timezone="Europe/Berlin", next_slot=SLOT - timedelta(hours=1))
    return Job.objects.get(pk=scene.job.pk)


def test_a_job_shows_its_next_ten_starts_by_both_clocks(owner: Client, job: Job) -> None:
    page = text(owner, "console-job", job.pk)
    assert "Sat 2026-03-28 02:30 CET</td><td>Sat 2026-03-28 01:30" in page
    assert "Sun 2026-03-29 03:00 CEST</td><td>Sun 2026-03-29 01:00" in page  # 02:30 is skipped
    assert "Mon 2026-04-06 02:30 CEST</td><td>Mon 2026-04-06 00:30" in page
    assert "2026-04-07" not in page


def test_a_job_shows_no_more_starts_than_it_has_left(owner: Client, job: Job) -> None:
    Job.objects.update(runs_limit=job.runs.count() + 2)
    page = text(owner, "console-job", job.pk)
    assert "2026-03-29 03:00" in page
    assert "2026-03-30" not in page


def test_a_job_that_its_failures_suspended_says_so(owner: Client, job: Job) -> None:
    Job.objects.update(suspended=True, failures=5, suspended_because="Suspended because its last 5 runs in a row failed. The last one: no.")
    page = text(owner, "console-job", job.pk)
    assert "Suspended because its last 5 runs in a row failed. The last one: no." in page
    assert "Next starts" not in page


def test_a_job_shows_its_failures_in_a_row_and_what_becomes_of_missed_starts(owner: Client, job: Job) -> None:
    Job.objects.update(failures=3, misfire="all")
    page = text(owner, "console-job", job.pk)
    assert "<dt>Failures in a row</dt><dd>3 <small>suspended at 5</small>" in page
    assert "<dt>Missed starts</dt><dd>each runs</dd>" in page


def test_a_record_of_missed_slots_lists_each_of_them(owner: Client, job: Job) -> None:
    start_due(SLOT + timedelta(days=60))
    record = job.runs.get(status=Run.Status.SKIPPED)
    first, second = text(owner, "console-run", record.pk), text(owner, "console-run", record.pk, page="2")
    assert "Sun 2026-03-29 03:00 CEST</td><td>Sun 2026-03-29 01:00" in first
    assert first.count("</td><td>") + second.count("</td><td>") == record.slot_count == 60
    assert "did not run: nobody started it in time" in first


def test_the_form_takes_the_misfire_policy(owner: Client, scene: Scene) -> None:
    sent = {
        "title": "Hourly",
        "dataset": str(scene.dataset.pk),
        "time_frame": "all",
        "schedule": "cron",
        "cron": "0 * * * *",
        "timezone": "UTC",
    }
    assert owner.post(reverse("console-job-new"), {**sent, "misfire": "none"}).status_code == 302
    assert Job.objects.get(title="Hourly").misfire == "none"


def test_a_job_that_starts_now_has_no_policy_to_keep(owner: Client, scene: Scene) -> None:
    sent = {"title": "Now", "dataset": str(scene.dataset.pk), "time_frame": "all", "schedule": "now", "timezone": "UTC", "misfire": "none"}
    owner.post(reverse("console-job-new"), sent)
    assert Job.objects.get(title="Now").misfire == "once"
