"""The console's audit page: for those who may read the trail, with filters, changes that can be read, and CSV."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry
from accounts.roles import AUDITOR
from accounts.services.audit import record
from accounts.services.people import join
from tests.console.conftest import signed_in
from tests.console.scenes import Scene


@pytest.fixture
def trail(scene: Scene) -> Scene:
    record(
        "job.suspend", scene.job, organization=scene.organization, user=scene.owner, before={"suspended": False}, after={"suspended": True}
    )
    record("certificate.upload", "<b>bold</b>", organization=scene.organization, user=scene.teammate)
    return scene


def texts(client: Client, **query: Any) -> str:
    answer = client.get("/audit", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_changes_are_shown_before_and_after(trail: Scene, owner: Client) -> None:
    page = texts(owner)
    assert "job.suspend" in page
    assert "<del>false</del>" in page
    assert "<ins>true</ins>" in page


def test_what_people_wrote_is_text(trail: Scene, owner: Client) -> None:
    assert "&lt;b&gt;bold" in texts(owner)


@pytest.mark.parametrize(
    ("query", "seen"),
    [({"action": "job"}, True), ({"action": "certificate"}, False), ({"actor": "teammate"}, False), ({"since": "2020-01-01T00:00"}, True),
     ({"until": "2020-01-01"}, False), ({"target": "job"}, True), ({"address": "192.0.2.1"}, False)],
)  # fmt: skip
def test_filters(trail: Scene, owner: Client, query: dict[str, str], *, seen: bool) -> None:
    assert ("job.suspend" in texts(owner, **query)) == seen


def test_a_filter_that_cannot_be_read_is_a_sentence(trail: Scene, owner: Client) -> None:
    for path in ("/audit", "/audit/csv"):
        answer = owner.get(path, {"since": "yesterday"})
        assert answer.status_code == 400
        assert "Write a date and a time, such as 2026-05-01T08:00." in answer.content.decode()


def test_pages_follow_each_other(trail: Scene, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.console.audit.PAGE", 1)
    first = owner.get("/audit", {"target": "Interaction history"})
    assert "older_than=" not in first.content.decode()
    numbers = [shown.entry.number for shown in owner.get("/audit").context["entries"]]
    older = owner.get("/audit", {"older_than": numbers[0]})
    assert [shown.entry.number for shown in older.context["entries"]] == [numbers[0] - 1]


def test_csv_has_the_filtered_entries(trail: Scene, owner: Client) -> None:
    answer = owner.get("/audit/csv", {"action": "job"})
    assert answer["Content-Disposition"] == 'attachment; filename="audit.csv"'
    lines = answer.getvalue().decode().splitlines()
    assert len(lines) == 2
    assert "job.suspend" in lines[1]
    assert AuditEntry.objects.order_by("-pk")[0].action == "audit.download"


def test_only_those_who_may_see_it_and_its_link(trail: Scene) -> None:
    teammate = signed_in(trail.teammate)
    assert {teammate.get(path).status_code for path in ("/audit", "/audit/csv")} == {403}
    assert 'href="/audit"' not in teammate.get("/").content.decode()
    join(trail.teammate, trail.organization, [AUDITOR])
    assert 'href="/audit"' in texts(teammate)
