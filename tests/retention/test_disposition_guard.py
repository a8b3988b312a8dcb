"""The database itself refuses to change or delete a disposition, and `manage.py verify_dispositions` finds who got past it."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from accounts.models import Organization, User
from exports.models import Dataset
from retention.models import Disposition
from retention.models.disposition_guard import missing, unguard
from retention.services import certificates, dispositions
from tests.retention.ledger import ended, written
from tests.trail import unguarded


@pytest.fixture
def ledger(contact: Dataset, owner: User) -> list[Disposition]:
    return written(contact, owner, 5)


# --- The guard -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE retention_disposition SET facts = '{}'",
        "DELETE FROM retention_disposition",
        "DELETE FROM retention_dispositionchain",
        "UPDATE retention_dispositionchain SET hash = 'x'",
        "UPDATE retention_dispositionchain SET count = count - 1",
        "UPDATE retention_dispositionchain SET count = count + 2",
    ],
)
def test_the_database_refuses_to_change_and_to_delete(ledger: list[Disposition], statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_refuses_what_deletes_in_other_words(ledger: list[Disposition], contact: Dataset, owner: User) -> None:
    statement = "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE retention_disposition CASCADE"
    if connection.vendor == "sqlite":
        columns = "chain_id, number, purge_id, at, facts, previous, hash"
        other = columns.replace("number", "number + 10").replace("hash", "upper(hash) || 'x'")
        statement = f"INSERT OR REPLACE INTO retention_disposition ({columns}) SELECT {other} FROM retention_disposition"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_the_guard_is_in_place() -> None:
    assert missing(connection) == set()


def test_an_organization_with_dispositions_cannot_be_deleted(ledger: list[Disposition], organization: Organization) -> None:
    with pytest.raises(IntegrityError):
        organization.delete()


# --- The command ---------------------------------------------------------------------------------------------------
def verify(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_dispositions", *arguments, stdout=out)
    return out.getvalue()


def tamper(statement: str) -> None:
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_whole_ledger_is_told_with_count_and_head(ledger: list[Disposition]) -> None:
    assert verify() == verify("--organization", "here") == f"here: 5 dispositions, head {ledger[-1].hash}\n"


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE retention_disposition SET facts = '{\"rowsPurged\": 0}' WHERE number = 3", "here: Entry 3 was changed"),
        ("UPDATE retention_disposition SET at = '2020-01-01 00:00:00+00' WHERE number = 2", "here: Entry 2 was changed"),
        ("DELETE FROM retention_disposition WHERE number = 2", "here: Entry 2 was removed"),
        ("DELETE FROM retention_disposition WHERE number = 5", "here: Entry 5 was removed"),
        ("UPDATE retention_disposition SET number = 9 WHERE number = 5", "here: Entry 5 was removed"),
        ("UPDATE retention_dispositionchain SET count = 4", "here: Entry 4 is not the last one"),
    ],
)
def test_verify_names_the_first_bad_entry(ledger: list[Disposition], statement: str, sentence: str) -> None:
    tamper(statement)
    with pytest.raises(CommandError, match=sentence):
        verify()


def test_a_disposition_of_another_purge_is_found(ledger: list[Disposition], contact: Dataset, owner: User) -> None:
    other = ended(contact, owner)
    tamper(f"UPDATE retention_disposition SET purge_id = {other.pk} WHERE number = 4")
    with pytest.raises(CommandError, match="here: Entry 4 was changed"):
        verify()


def test_who_also_mends_the_head_is_found_by_a_head_kept_elsewhere(ledger: list[Disposition]) -> None:
    kept = ledger[-1].hash
    tamper("DELETE FROM retention_disposition WHERE number = 5")
    tamper(f"UPDATE retention_dispositionchain SET count = 4, hash = '{ledger[-2].hash}'")
    assert verify()
    with pytest.raises(CommandError, match=f"No entry has the hash {kept}"):
        verify("--head", kept)


def test_a_missing_trigger_is_found(ledger: list[Disposition]) -> None:
    unguard(connection)
    with pytest.raises(CommandError, match="guard is not in place"):
        verify()


# --- An export -----------------------------------------------------------------------------------------------------
def saved(folder: Path, value: Any) -> str:
    (folder / "export.json").write_text(json.dumps(value), encoding="utf-8")
    return str(folder / "export.json")


def exported(ledger: list[Disposition], first: int = 1) -> list[dict[str, Any]]:
    return [dispositions.view(entry) for entry in ledger[first - 1 :]]


def test_what_the_api_gives_is_verified_without_the_database(api: APIClient, ledger: list[Disposition], tmp_path: Path) -> None:
    pages = [api.get("/api/v1/dispositions", query).json() for query in ({"size": 3}, {"olderThan": 3})]
    path = saved(tmp_path, pages)
    tamper("DELETE FROM retention_disposition")
    assert verify("--file", path) == f"{path}: 5 dispositions from the first on; head {ledger[-1].hash}\n"


def test_certificates_are_verified_and_may_begin_anywhere(ledger: list[Disposition], tmp_path: Path) -> None:
    said = verify("--file", saved(tmp_path, [certificates.as_json(entry) for entry in reversed(ledger[2:])]))
    assert "3 dispositions from number 3 on: what stands before is not in the file" in said
    assert ledger[-1].hash in verify("--file", saved(tmp_path, certificates.as_json(ledger[-1])))


def spoiled(entries: list[dict[str, Any]], place: int, **values: Any) -> list[dict[str, Any]]:
    entries[place].update(values)
    return entries


def test_the_first_bad_entry_of_an_export_is_named(ledger: list[Disposition], tmp_path: Path) -> None:
    for value, sentence in (
        (spoiled(exported(ledger), 1, rowsPurged=2), "Entry 2 was changed"),
        (exported(ledger)[:2] + exported(ledger)[3:], "Entry 3 was removed"),
        (spoiled(exported(ledger), 3, hash="0" * 64), "Entry 4 was changed"),
        ({**certificates.as_json(ledger[0]), "canonical": "{}"}, "Entry 1 was changed"),
    ):
        with pytest.raises(CommandError, match=sentence):
            verify("--file", saved(tmp_path, value))


@pytest.mark.parametrize("value", [{}, [], "x", [{"number": "1"}], {"items": []}, [[{"items": [1]}]]])
@pytest.mark.django_db
def test_what_is_no_export_is_said(value: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="The file"):
        verify("--file", saved(tmp_path, value))


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        verify("--file", str(tmp_path / "none.json"))


@pytest.mark.django_db
def test_a_file_is_looked_at_alone(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="leave --organization and --head out"):
        verify("--file", "export.json", "--organization", "here")
