"""What an audit entry holds, and what never gets into one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from structlog.contextvars import bound_contextvars

from accounts.models import AuditChain, AuditEntry, Organization, User
from accounts.models.audit import GENESIS, NOBODY, AppendOnly
from accounts.models.audit_guard import missing
from accounts.services.audit import MASK, by_command, record, values_of
from exports.models import Source

pytestmark = pytest.mark.django_db


def entry(**more: Any) -> AuditEntry:
    """The entry that is left by a `record` with these arguments."""
    record("job.create", more.pop("target", "a job"), **{"organization": None, "user": None, **more})
    return AuditEntry.objects.order_by("-pk")[0]


def test_an_entry_tells_who_did_what_to_what_and_when(organization: Organization, owner: User) -> None:
    with time_machine.travel(datetime(2026, 5, 1, 12, tzinfo=UTC), tick=False), bound_contextvars(ip="192.0.2.7", correlation_id="abc"):
        found = entry(target=organization, organization=organization, user=owner, after={"name": "Here"})
    assert found.facts() == {
        "organization": str(organization.pk),
        "number": 1,
        "at": "2026-05-01T12:00:00.000000Z",
        "actorId": owner.pk,
        "actor": "owner",
        "action": "job.create",
        "targetKind": "organization",
        "targetId": str(organization.pk),
        "targetLabel": "Here",
        "before": None,
        "after": {"name": "Here"},
        "address": "192.0.2.7",
        "correlationId": "abc",
        "previous": GENESIS,
    }


def test_entries_are_numbered_and_hold_the_hash_before(organization: Organization) -> None:
    first, second = entry(organization=organization), entry(organization=organization)
    assert (first.number, second.number, second.previous, second.hash) == (1, 2, first.hash, second.digest())
    head = AuditChain.objects.get(organization=organization)
    assert (head.count, head.hash) == (2, second.hash)


def test_each_organization_has_a_chain_and_so_has_nobody(organization: Organization, elsewhere: Organization) -> None:
    chains = [entry(organization=whose) for whose in (organization, elsewhere, None)]
    assert [(found.chain_id, found.number) for found in chains] == [(organization.pk, 1), (elsewhere.pk, 1), (NOBODY, 1)]


def test_only_what_differs_is_kept(organization: Organization) -> None:
    found = entry(before={"title": "Old", "cron": "", "gone": 1}, after={"title": "New", "cron": "", "come": 2})
    assert (found.before, found.after) == ({"gone": 1, "title": "Old"}, {"come": 2, "title": "New"})


def test_a_row_outlives_nothing_that_the_entry_names(organization: Organization, teammate: User) -> None:
    pk = teammate.pk
    found = entry(target=teammate, organization=organization, user=teammate)
    teammate.delete()
    found.refresh_from_db()
    assert (found.actor_id, found.actor, found.target_id, found.target_label) == (pk, "teammate", str(pk), "teammate")


def test_a_command_is_named_as_the_actor(organization: Organization) -> None:
    with by_command("create_user"):
        assert entry().actor.startswith("manage.py create_user (")


HARD_VALUES = [
    0.1, 1e300, float("nan"), 2**80, -(2**53), True, None, Decimal("1.10"), datetime(2026, 5, 1, tzinfo=UTC), "naïve", "\0", "\ud800", "🗝",
    "\u2028", "x" * 5000, ["a", {"b": {3, 1, 2}}], {"é": "\x7f\x1f", 1: 2}, b"bytes",
]  # fmt: skip


@pytest.mark.parametrize("value", HARD_VALUES, ids=lambda value: repr(value)[:20])
def test_every_value_comes_back_from_the_database_as_it_was_hashed(value: object) -> None:
    found = entry(target=f"{value}", after={"field": value})
    assert AuditEntry.objects.get(pk=found.pk).digest() == found.hash


# --- Secrets -------------------------------------------------------------------------------------------------------
CANARY = "Yellow-7bird"


@pytest.mark.parametrize(
    "values",
    [
        {"password": CANARY}, {"newPassword": CANARY}, {"client_secret": CANARY}, {"access_token": CANARY}, {"url": f"mysql://u:{CANARY}@h/d"},
        {"apiKey": CANARY}, {"deep": {"list": [{"passphrase": CANARY}]}}, {"note": f"postgres://me:{CANARY}@host/db failed"},
        {"text": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----"}, {"Authorization": f"Bearer {CANARY}"},
        {"password": [CANARY]}, {"credentials": {"any": CANARY}}, {"cut": f"-----BEGIN PRIVATE KEY-----\n{CANARY}"},
    ],
)  # fmt: skip
def test_a_secret_is_masked_wherever_it_stands(values: dict[str, Any]) -> None:
    found = entry(target=str(values.get("note", "a source")), before={"url": f"sqlite:///{CANARY}"}, after=values)
    assert CANARY not in f"{found.facts()}"
    assert MASK in f"{found.after}"


def test_that_a_secret_changed_is_seen(source: Source) -> None:
    before = values_of(source)
    source.url = f"postgresql://me:{CANARY}@host/db"
    found = entry(target=source, before=before, after=values_of(source))
    assert (found.before, found.after) == ({"url": MASK}, {"url": MASK})


# --- Append-only ---------------------------------------------------------------------------------------------------
def test_the_model_refuses_to_change_and_to_delete() -> None:
    found = entry()
    rows = AuditEntry.objects.filter(pk=found.pk)
    for act in (found.save, found.delete, rows.delete, lambda: rows.update(actor="x"), lambda: AuditEntry.objects.bulk_create([found])):
        with pytest.raises(AppendOnly):
            act()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET actor = 'x'",
        "DELETE FROM accounts_auditentry",
        "DELETE FROM accounts_auditchain",
        "UPDATE accounts_auditchain SET hash = 'x'",
        "UPDATE accounts_auditchain SET count = count - 1",
        "UPDATE accounts_auditchain SET count = count + 2",
    ],
)
def test_the_database_refuses_to_change_and_to_delete(statement: str) -> None:
    entry()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_refuses_what_deletes_in_other_words() -> None:
    entry()
    columns = "id, chain_id, number, at, actor, action, target_kind, target_id, target_label, address, correlation_id, previous, hash"
    statement = "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE accounts_auditentry"
    if connection.vendor == "sqlite":
        statement = f"INSERT OR REPLACE INTO accounts_auditentry ({columns}) SELECT {columns.replace('actor', 'upper(actor)')} FROM accounts_auditentry"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_guard_is_in_place() -> None:
    assert missing(connection) == set()


def test_an_organization_with_a_trail_cannot_be_deleted(organization: Organization) -> None:
    entry(organization=organization)
    with pytest.raises(IntegrityError):
        organization.delete()
