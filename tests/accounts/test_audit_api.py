"""/api/v1/audit: an organization's own entries, for those who may read them."""

import csv
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient
from structlog.contextvars import bound_contextvars

from accounts.models import AuditEntry, Organization, User
from accounts.models.audit import GENESIS, AuditChain
from accounts.roles import AUDITOR
from accounts.services.audit import record
from accounts.services.audit_reading import COLUMNS, cell
from accounts.services.people import join

pytestmark = pytest.mark.django_db
URL = "/api/v1/audit"


@pytest.fixture
def trail(organization: Organization, elsewhere: Organization, owner: User, outsider: User) -> None:
    """One entry a day from 2026-05-01 on, and one of another organization."""
    told = [("job.create", "Chats", "a"), ("job.delete", "Chats", "b"), ("file.download", "=cmd()", "b")]
    for day, (action, target, request) in enumerate(told, start=1):
        with (
            time_machine.travel(datetime(2026, 5, day, tzinfo=UTC), tick=False),
            bound_contextvars(ip=f"192.0.2.{day}", correlation_id=request),
        ):
            record(action, target, organization=organization, user=owner, after={"day": day})
    record("job.create", organization, organization=organization, user=None)
    record("job.create", "Theirs", organization=elsewhere, user=outsider)


def asked(api: APIClient, **query: Any) -> list[str]:
    """The targets of what is listed among the first three days' entries."""
    answer = api.get(URL, query)
    assert answer.status_code == 200, answer.content
    return [item["targetLabel"] for item in answer.json()["items"] if item["after"] and "day" in item["after"]]


def test_the_newest_come_first_and_only_those_of_the_organization(api: APIClient, trail: None) -> None:
    items = api.get(URL).json()["items"]
    assert [item["number"] for item in items] == list(range(len(items), 0, -1))
    assert "Theirs" not in str(items)
    assert asked(api) == ["=cmd()", "Chats", "Chats"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"actor": "OWNER"}, 3), ({"actor": "own"}, 0), ({"action": "job"}, 2), ({"action": "job.del"}, 1), ({"target": "chat"}, 2),
        ({"target": "organization"}, 0), ({"from": "2026-05-02"}, 2), ({"to": "2026-05-02T00:00:00Z"}, 1), ({"correlationId": "b"}, 2),
        ({"address": "192.0.2.3"}, 1), ({"from": "2026-05-02", "to": "2026-05-03T00:00:00+01:00", "action": "job"}, 1),
    ],
)  # fmt: skip
def test_filters_join(api: APIClient, trail: None, query: dict[str, str], count: int) -> None:
    assert len(asked(api, **query)) == count


def test_a_target_is_found_by_kind_and_id(api: APIClient, trail: None, organization: Organization) -> None:
    found = api.get(URL, {"target": f"organization:{organization.pk}"}).json()["items"]
    assert [item["targetId"] for item in found] == [str(organization.pk)]


def test_pages_follow_each_other(api: APIClient, trail: None) -> None:
    whole = api.get(URL).json()["items"]
    page = api.get(URL, {"size": 2}).json()
    numbers = [item["number"] for item in page["items"]]
    while page["next"]:
        page = api.get(URL, {"size": 2, "olderThan": page["next"]}).json()
        numbers += [item["number"] for item in page["items"]]
    assert numbers == [item["number"] for item in whole]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"actr": "x"}, "actr is unknown here. Known are: from, actor"), ({"size": "0"}, "size: "), ({"size": "1001"}, "less than or equal to 1000"),
        ({"from": "yesterday"}, "from: "), ({"olderThan": "x"}, "olderThan: "), ({"format": "xml"}, "format: "), ({"actor": ["a", "b"]}, "more than once"),
        ({"action": "a\0b"}, "action: "), ({"format": "csv", "size": "x"}, "size: "),
    ],
)  # fmt: skip
def test_a_wrong_query_is_named(api: APIClient, query: dict[str, Any], sentence: str) -> None:
    answer = api.get(URL, query)
    assert answer.status_code == 400
    assert sentence in answer.json()["message"]


def test_who_lacks_the_role_is_told_so(teammate_api: APIClient, trail: None) -> None:
    for query in ({}, {"format": "csv"}):
        answer = teammate_api.get(URL, query)
        assert answer.status_code == 403
        assert "no role in Here that allows to read the audit trail" in answer.json()["message"]


def test_an_auditor_may_read(teammate_api: APIClient, teammate: User, organization: Organization, trail: None) -> None:
    join(teammate, organization, [AUDITOR])
    assert teammate_api.get(URL).status_code == 200


def test_reading_is_not_recorded(api: APIClient, trail: None) -> None:
    before = AuditEntry.objects.count()
    api.get(URL)
    assert AuditEntry.objects.count() == before


def test_nobody_writes_through_it(api: APIClient, trail: None) -> None:
    assert {getattr(api, method)(URL, {}).status_code for method in ("post", "put", "patch", "delete")} == {405}


# --- CSV -----------------------------------------------------------------------------------------------------------
def rows(api: APIClient, **query: Any) -> list[dict[str, str]]:
    answer = api.get(URL, query, HTTP_ACCEPT="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline="")))


def test_csv_has_what_json_has(api: APIClient, trail: None) -> None:
    listed = api.get(URL).json()["items"]
    found = rows(api)
    assert tuple(found[0]) == COLUMNS
    assert (found[0]["action"], [row["hash"] for row in found[1:]]) == ("audit.download", [item["hash"] for item in listed])
    assert rows(api, format="csv", action="job.delete")[0]["correlationId"] == "b"


def test_csv_is_itself_recorded(api: APIClient, trail: None) -> None:
    rows(api, action="job")
    last: Any = AuditEntry.objects.order_by("-pk")[0]
    assert (last.action, last.actor, last.after) == ("audit.download", "owner", {"action": "job"})


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "\0x", "'quoted", "plain", "", "a=b", "x\ny"])
def test_no_cell_is_a_formula_and_each_can_be_had_back(text: str) -> None:
    written = cell(text)
    assert written[:1] not in tuple("=+-@\t\r\0")
    assert (written.removeprefix("'")) == text


def test_a_formula_in_a_name_arrives_as_text(api: APIClient, trail: None) -> None:
    assert {row["targetLabel"] for row in rows(api, action="file")} == {"'=cmd()"}


# --- What docs/audit.md promises to outsiders ------------------------------------------------------------------------
def outsiders_hash(item: dict[str, Any]) -> str:
    facts = {name: value for name, value in item.items() if name != "hash"}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def from_csv(row: dict[str, str]) -> dict[str, Any]:
    item: dict[str, Any] = {name: value.removeprefix("'") for name, value in row.items()}
    for name in ("before", "after", "number", "actorId"):
        item[name] = json.loads(item[name]) if item[name] else None
    return {**item, "organization": item["organization"] or None}


@pytest.mark.parametrize("form", ["json", "csv"])
def test_an_outsider_can_verify_an_export(api: APIClient, trail: None, organization: Organization, form: str) -> None:
    items = [from_csv(row) for row in rows(api)] if form == "csv" else api.get(URL).json()["items"]
    head, previous = AuditChain.objects.get(organization=organization).hash, GENESIS
    for item in reversed(items):
        assert (item["previous"], item["hash"]) == (previous, outsiders_hash(item))
        previous = item["hash"]
    assert previous == head
