"""/api/v1/holds, retention/previews, retention/purges and dispositions: what programs send and get."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from exports.models import Dataset
from retention.models import Batch, Disposition, Hold, Purge
from retention.services import holds
from tests.retention.ledger import ended, written

pytestmark = pytest.mark.django_db
HOLDS, PREVIEWS, PURGES, LEDGER = "/api/v1/holds", "/api/v1/retention/previews", "/api/v1/retention/purges", "/api/v1/dispositions"
NEW = {"source": "contact-history", "dataset": "Contact", "matter": "Acme v. Smith", "reason": "Discovery order"}


# --- Holds ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_hold_is_201_in_force_and_covers_what_it_says(api: APIClient, contact: Dataset) -> None:
    answer = api.post(HOLDS, {**NEW, "keys": [["c1"], ["c2"]]})
    made = answer.json()
    assert (answer.status_code, made["state"], made["note"], made["keys"]) == (201, "in_force", "", [["c1"], ["c2"]])
    assert (made["placedBy"], made["inForceAt"] is not None) == ("owner", True)
    assert api.get(f"{HOLDS}/{made['id']}", {"rows": "true"}).json()["rowsCovered"] == 0


@pytest.mark.django_db(transaction=True)
def test_a_hold_that_waits_for_a_batch_is_202_and_says_so(
    api: APIClient, contact: Dataset, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "WAITS", timedelta(0))
    Batch.objects.create(purge=ended(contact, owner), start=9, stop=10, token=1)
    answer = api.post(HOLDS, NEW)
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert "not in force yet" in answer.json()["note"]


def test_a_hold_with_criteria_keeps_them_as_written(api: APIClient, contact: Dataset) -> None:
    made = api.post(HOLDS, {**NEW, "criteria": "startswith(ContactId, 'a')"}).json()
    assert made["criteria"] == "startswith(ContactId, 'a')"
    assert api.get(f"{HOLDS}/{made['id']}", {"rows": "true"}).json()["rowsCovered"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": "nowhere"}, "source"),
        ({"dataset": "Contacts"}, "dataset"),
        ({"matter": ""}, "matter"),
        ({"criteria": "ContactId eq"}, "criteria"),
        ({"criteria": "NoColumn eq 1"}, "criteria"),
        ({"keys": "c1"}, "keys"),
        ({"keys": [["a", "b"]]}, "keys[0]"),
        ({"endsAt": "2001-01-01T00:00:00Z"}, "endsAt"),
        ({"endsAt": "tomorrow"}, "endsAt"),
        ({"origin": "restore"}, "origin"),
        ({"inForceAt": "2001-01-01T00:00:00Z"}, "inForceAt"),
    ],
)
def test_what_is_wrong_with_a_hold_is_named(api: APIClient, contact: Dataset, change: dict[str, Any], field: str) -> None:
    answer = api.post(HOLDS, {**NEW, **change})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Hold.objects.exists()


def test_a_hold_is_released_once_with_a_reason(api: APIClient, contact: Dataset) -> None:
    path = f"{HOLDS}/{api.post(HOLDS, NEW).json()['id']}/release"
    assert api.post(path, {}).status_code == 400
    said = api.post(path, {"reason": "settled"}).json()
    assert (said["state"], said["releasedBy"], said["releaseReason"]) == ("released", "owner", "settled")
    assert api.post(path, {"reason": "again"}).status_code == 409


def test_holds_are_listed_by_matter_and_by_standing_page_by_page(api: APIClient, contact: Dataset) -> None:
    ids = [api.post(HOLDS, {**NEW, "matter": matter}).json()["id"] for matter in ("A", "B", "A")]
    api.post(f"{HOLDS}/{ids[0]}/release", {"reason": "settled"})

    def listed(**query: Any) -> list[int]:
        return [item["id"] for item in api.get(HOLDS, query).json()["items"]]

    assert (listed(), listed(matter="A"), listed(standing=True)) == (ids[::-1], [ids[2], ids[0]], [ids[2], ids[1]])
    first = api.get(HOLDS, {"size": 2}).json()
    assert listed(olderThan=first["next"]) == [ids[0]]


# --- Previews ------------------------------------------------------------------------------------------------------
def test_terms_are_previewed(api: APIClient, contact: Dataset) -> None:
    answer = api.post(PREVIEWS, {"terms": {"dataType": "Contact", "maximumAge": 30}, "exact": True})
    [found] = answer.json()["datasets"]
    assert (answer.status_code, found["dataset"], found["rows"], found["estimated"]) == (201, "Contact", 0, False)
    kept = api.get(f"{PREVIEWS}/{answer.json()['id']}").json()
    assert (kept["terms"]["dataType"], kept["terms"]["maximumAge"]) == ("Contact", 30)
    assert kept["datasets"][0]["samples"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "rule"),
        ({"rule": 1, "terms": {"maximumAge": 1}}, "rule"),
        ({"terms": {"maximumAge": 0}}, "terms.maximumAge"),
        ({"terms": {"dataType": "Contact"}}, "terms.maximumAge"),
        ({"terms": {"maximumAge": 1}, "criteria": "x"}, "criteria"),
        ({"dataset": "Contact"}, "source"),
        ({"source": "contact-history", "dataset": "Contact", "criteria": "x eq"}, "criteria"),
    ],
)
def test_what_is_wrong_with_a_preview_is_named(api: APIClient, contact: Dataset, body: dict[str, Any], field: str) -> None:
    answer = api.post(PREVIEWS, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_rule_of_others_is_not_previewed(outsider_api: APIClient, contact: Dataset, owner: User) -> None:
    rule = ended(contact, owner).rule_id
    assert outsider_api.post(PREVIEWS, {"rule": rule}).status_code == 404


# --- Purges --------------------------------------------------------------------------------------------------------
def waiting(dataset: Dataset, author: User) -> Purge:
    return ended(dataset, author, status=Purge.Status.AWAITING_APPROVAL)


def test_a_purge_is_told_with_what_is_gone_and_why_it_asks(api: APIClient, contact: Dataset, owner: User) -> None:
    purge = ended(contact, owner, status=Purge.Status.AWAITING_APPROVAL, asks_because="too many")
    said = api.get(f"{PURGES}/{purge.pk}").json()
    assert (said["rowsPurged"], said["rowsSelected"], said["askedBecause"], said["disposition"]) == (3, 5, "too many", None)
    assert [item["id"] for item in api.get(PURGES, {"status": "awaiting_approval"}).json()["items"]] == [purge.pk]
    assert api.get(PURGES, {"status": "completed"}).json()["items"] == []


def test_somebody_else_approves_what_they_saw(api: APIClient, contact: Dataset, owner: User, teammate: User) -> None:
    own, other = waiting(contact, owner), waiting(contact, teammate)
    statuses = [
        api.post(f"{PURGES}/{purge.pk}/approve", {"keySet": key_set}).status_code
        for purge, key_set in ((own, "a" * 64), (other, "b" * 64), (other, "a" * 64), (other, "a" * 64))
    ]
    assert statuses == [409, 409, 200, 409]
    assert api.get(f"{PURGES}/{other.pk}").json()["approvedBy"] == "owner"


def test_a_purge_is_cancelled_once(api: APIClient, contact: Dataset, owner: User) -> None:
    path = f"{PURGES}/{waiting(contact, owner).pk}/cancel"
    assert [api.post(path).status_code, api.post(path).status_code] == [200, 409]
    assert Purge.objects.get().status == Purge.Status.CANCELLED


def test_a_list_asks_no_more_of_the_database_for_more_purges(
    api: APIClient, contact: Dataset, owner: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(8):
        written(contact, owner)
    api.get(PURGES)  # what is cached is cached
    with django_assert_max_num_queries(9):
        assert len(api.get(PURGES).json()["items"]) == 8


# --- Dispositions --------------------------------------------------------------------------------------------------
def test_dispositions_are_listed_and_found_by_number(api: APIClient, contact: Dataset, owner: User) -> None:
    entries = written(contact, owner, 3)
    page = api.get(LEDGER, {"size": 2}).json()
    assert ([item["number"] for item in page["items"]], page["next"]) == ([3, 2], 2)
    assert api.get(f"{LEDGER}/2").json()["hash"] == entries[1].hash
    assert api.get(f"{LEDGER}/4").status_code == 404


def test_the_ledger_comes_as_csv(api: APIClient, contact: Dataset, owner: User) -> None:
    [entry] = written(contact, owner)
    answer = api.get(LEDGER, HTTP_ACCEPT="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(b"".join(answer).decode().splitlines())
    assert row["hash"] == entry.hash


@pytest.mark.parametrize(("form", "kind"), [("json", "application/json"), ("html", "text/html; charset=utf-8")])
def test_a_certificate_is_a_file_to_keep(api: APIClient, contact: Dataset, owner: User, form: str, kind: str) -> None:
    [entry] = written(contact, owner)
    answer = api.get(f"{LEDGER}/1/certificate", {"format": form})
    assert (answer["Content-Type"], answer["Content-Disposition"]) == (kind, f'attachment; filename="disposition-1.{form}"')
    assert entry.hash in answer.content.decode()


@pytest.mark.parametrize("path", [LEDGER, f"{LEDGER}/1"])
def test_nothing_deletes_or_changes_a_disposition(api: APIClient, contact: Dataset, owner: User, path: str) -> None:
    written(contact, owner)
    assert {
        api.delete(path).status_code,
        api.put(path, {}).status_code,
        api.patch(path, {}).status_code,
        api.post(path, {}).status_code,
    } == {405}
    assert Disposition.objects.count() == 1


def test_each_organization_counts_its_own(outsider_api: APIClient, contact: Dataset, owner: User) -> None:
    written(contact, owner)
    assert outsider_api.get(LEDGER).json() == {"items": [], "next": None}
    assert outsider_api.get(f"{LEDGER}/1").status_code == 404
