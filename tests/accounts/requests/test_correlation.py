"""The correlation id: on every answer, in every log line, and in the run that a request makes."""

import io
import logging
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.services.access import Access
from exports.models import Job, Run
from exports.services.jobs import run_now
from exports.services.work import run_until_idle
from tests.api.test_udm_v10_jobs import BODY
from tests.console.scenes import furnish

SENT = "client-7:42.a_b"
PATHS = [
    "/sign-in",
    "/",
    "/udm/v10/version",
    "/udm/v10/export/jobs",
    "/nowhere",
    "/download/forged",
    "/admin/",
    "/api/docs",
    "/api/docs/udm-v10",
    "/api/schema/udm-v10",
]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the console handler writes, formatted as in production."""
    [handler] = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_clients_id(db: None, client: Client, path: str) -> None:
    assert client.get(path, headers={"x-correlation-id": SENT})["X-Correlation-Id"] == SENT


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a\tb", "=cmd", "ü", "a;b", '"'])
def test_an_id_that_is_not_sane_is_replaced(db: None, client: Client, sent: str) -> None:
    answer = client.get("/udm/v10/version", headers={"x-correlation-id": sent})["X-Correlation-Id"]
    assert answer != sent
    assert len(answer) == 36


def test_each_request_gets_an_id_of_its_own(db: None, client: Client) -> None:
    assert len({client.get("/sign-in")["X-Correlation-Id"] for _ in range(3)}) == 3


def test_a_wrong_host_and_a_crash_carry_it_too(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False, headers={"x-correlation-id": SENT})
    assert (answer := client.get("/", headers={"host": "evil.example"})).status_code == 400
    assert answer["X-Correlation-Id"] == SENT
    monkeypatch.setattr("exports.console.overview.next_job", lambda _: 1 / 0)
    client.force_login(furnish().owner)
    assert (answer := client.get("/")).status_code == 500
    assert answer["X-Correlation-Id"] == SENT


def test_each_log_line_of_a_request_names_id_and_address(db: None, client: Client, lines: io.StringIO) -> None:
    client.get("/nowhere", headers={"x-correlation-id": SENT}, REMOTE_ADDR="192.0.2.7")
    client.get("/", headers={"x-correlation-id": SENT, "host": "evil.example"}, REMOTE_ADDR="192.0.2.7")
    written = lines.getvalue().splitlines()
    assert len(written) >= 3  # ours, and Django's own about the host
    assert all(f"correlation_id={SENT}" in line and "ip=192.0.2.7" in line for line in written)


def test_links_and_queries_are_not_logged(db: None, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)
    client.get(f"/download/{'s3cret' * 20}?code=c0de")
    monkeypatch.setattr("exports.api.download.follow", lambda _: 1 / 0)
    client.get(f"/download/{'s3cret' * 20}?code=c0de")
    assert lines.getvalue().count("/download/") >= 3
    assert "s3cret" not in lines.getvalue()
    assert "c0de" not in lines.getvalue()


def test_a_run_keeps_the_id_of_the_request_that_made_it(api: APIClient, make_job: Callable[..., Job]) -> None:
    make_job()
    answer = api.post("/udm/v10/export/jobs", BODY, headers={"x-correlation-id": SENT})
    assert Run.objects.get(job_id=answer.json()["id"]).correlation_id == SENT


def test_a_run_of_the_schedule_has_an_id_of_its_own(access: Access, make_job: Callable[..., Job]) -> None:
    assert len({run_now(access, make_job()).correlation_id for _ in range(2)} - {""}) == 2


@pytest.mark.django_db(transaction=True)
def test_the_workers_log_lines_carry_the_runs_id(make_run: Callable[..., Run], lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(correlation_id=SENT)
    monkeypatch.setattr("exports.services.work.plan", lambda _: 1 / 0)
    run_until_idle()
    assert f"correlation_id={SENT}" in lines.getvalue()
    assert f"run={run.pk}" in lines.getvalue()


def test_the_runs_page_shows_it(db: None, client: Client) -> None:
    scene = furnish()
    Run.objects.update(correlation_id=SENT)
    client.force_login(scene.owner)
    assert SENT in client.get(reverse("console-run", args=[scene.run.pk])).content.decode()
