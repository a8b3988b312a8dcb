"""Every route of every face that changes something, or hands out a file, leaves an audit entry: from the table of tests/isolation_table.py.

A new route needs nothing here. If it changes a row or a stored object and records nothing, its walk fails.
"""

from typing import Any

import pytest
from django.http import HttpResponseBase

from accounts.models import AuditEntry
from accounts.models.audit import NOBODY
from tests.console.scenes import CANARY, PASSWORD, Scene, furnish
from tests.isolation_rows import Row
from tests.isolation_table import TABLE
from tests.test_isolation import address, ask, client_of, state

DOWNLOADS = {
    **{f"{base}/{route}": "file.link" for base in ("udm/v10", "udm/v3", "data-download/v3") for route in ("files", "files/<str:filename>")},
    **{f"orgs/<str:uuid>/retention/jobs/<str:job_uuid>/{route}": "file.link" for route in ("files", "files/<str:filename>")},
    "files/<int:pk>/download": "file.link",
    "download/<str:token>": "file.download",
    "audit/csv": "audit.download",
    "dispositions/csv": "disposition.download",
    "purges/<int:pk>/files/<int:file>": "file.link",
}
"""GET routes that hand out something to be kept."""
REFUSED = {"POST /runs/<int:pk>/cancel", "POST /jobs/<int:pk>/<slug:action> resume"}
"""A message says that the run has ended, that the job is not suspended."""
CHANGING = [row for row in TABLE if row.method != "GET" and row.kind != "admin"]

READS = [row for row in TABLE if row.method == "GET" and row.kind == "api" and row.route not in DOWNLOADS and not row.own]


@pytest.fixture
def scene(db: None, storage_folder: object) -> Scene:
    return furnish()


def asked(scene: Scene, row: Row) -> tuple[HttpResponseBase, list[Any], bool]:
    """What the owner is answered, the entries that it left, and whether anything changed."""
    path, client = address(row, scene), client_of(scene, "owner", session=row.kind != "api", token=row.kind in {"api", "open"})
    data = row.data(scene) if row.data else None
    seen, before = set(AuditEntry.objects.values_list("pk", flat=True)), state()
    answer = ask(client, row, path, data)
    return answer, list(AuditEntry.objects.exclude(pk__in=seen).order_by("pk")), state() != before


def check(entries: list[Any], answer: HttpResponseBase, scene: Scene) -> None:
    for entry in entries:
        assert entry.chain_id in {scene.organization.pk, NOBODY}
        assert entry.target_label
        assert entry.address == "127.0.0.1"
        assert entry.correlation_id == answer["X-Correlation-Id"]
        assert not {secret for secret in (CANARY, PASSWORD) if secret in str(entry.facts())}


@pytest.mark.parametrize("row", CHANGING, ids=str)
def test_every_change_is_recorded(scene: Scene, row: Row) -> None:
    answer, entries, changed = asked(scene, row)
    assert entries or not changed, "something changed, and nothing was recorded"
    check(entries, answer, scene)
    if row.kind in {"api", "page"}:
        assert {entry.actor for entry in entries} <= {"owner"}


@pytest.mark.parametrize(
    "row", [row for row in CHANGING if row.route.startswith(("udm/", "data-download/", "jobs", "runs", "certificates"))], ids=str
)
def test_every_change_of_exports_succeeds_here(scene: Scene, row: Row) -> None:
    """Or the test above would see nothing."""
    answer, entries, _ = asked(scene, row)
    assert answer.status_code < 400
    assert bool(entries) == (str(row) not in REFUSED)


@pytest.mark.parametrize("row", [row for row in TABLE if row.method == "GET" and row.route in DOWNLOADS], ids=str)
def test_every_download_is_recorded(scene: Scene, row: Row) -> None:
    answer, entries, _ = asked(scene, row)
    assert [entry.action for entry in entries] == [DOWNLOADS[row.route]]
    check(entries, answer, scene)


@pytest.mark.parametrize("row", READS, ids=str)
def test_reads_are_not_recorded(scene: Scene, row: Row) -> None:
    _, entries, changed = asked(scene, row)
    assert not entries or changed, "a GET that changes something signs out"
