"""Retention in the admin, as a superuser meets it."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from sqlalchemy import create_engine, text

from accounts.models import AuditEntry, Organization, User
from exports.models import Certificate, Dataset, Source
from retention.models import ForeignKeyPlan, Hold, Preview, Purge, RetentionSettings, Rule
from tests.console.conftest import signed_in
from tests.console.retained import new_purge, new_rule
from tests.keys import new_certificate

TERMS = {
    "data_type": "Interaction",
    "fragment_type": "*",
    "type": "*",
    "source": "*",
    "maximum_age": "365",
    "archive": "on",
    "editable": "on",
}
NO_ROWS = {f"{prefix}-{name}_FORMS": "0" for prefix in ("previews", "versions", "plans") for name in ("TOTAL", "INITIAL")}
SETTINGS = {
    "timezone": "Europe/Berlin",
    "daily_at": "01:00",
    "misfire": "once",
    "window_start": "22:00",
    "window_end": "05:00",
    "most_rows": "1000",
    "most_percent": "10",
    "batch_rows": "5000",
    "target_ms": "100",
    "lock_timeout_ms": "2000",
    "pause_ms": "10",
}


@pytest.fixture
def root(db: None, storage_folder: Path) -> Client:
    return signed_in(User.objects.create_superuser("root"))


@pytest.fixture
def rule(owner: User, organization: Organization, interaction: Dataset) -> Rule:
    return new_rule(organization, owner)


def change(rule: Rule) -> str:
    return reverse("admin:retention_rule_change", args=[rule.pk])


def errors(answer: object) -> str:
    return str(answer.context["adminform"].form.errors)  # type: ignore[attr-defined]  # a test client's answer


# --- Rules -----------------------------------------------------------------------------------------------------------
def test_rule_made_here_simulates(root: Client, organization: Organization, interaction: Dataset) -> None:
    root.post(reverse("admin:retention_rule_add"), {**TERMS, "organization": organization.pk, "mode": "enforce"})
    rule = Rule.objects.get()
    assert (rule.mode, rule.author.username, rule.versions.count()) == ("simulate", "root", 1)
    assert list(AuditEntry.objects.filter(target_kind="rule").values_list("action", flat=True)) == ["rule.create"]


def test_rule_says_at_the_field_what_is_wrong(root: Client, organization: Organization, interaction: Dataset) -> None:
    answer = root.post(reverse("admin:retention_rule_add"), {**TERMS, "organization": organization.pk, "data_type": "Interactions"})
    assert "unknown" in errors(answer)
    assert not Rule.objects.exists()


@pytest.mark.parametrize("terms", [{"mode": "enforce"}, {"maximum_age": "30", "mode": "simulate"}, {"data_type": "*", "mode": "simulate"}])
def test_rule_removes_no_more_without_a_preview(root: Client, rule: Rule, terms: dict[str, str]) -> None:
    answer = root.post(change(rule), {**TERMS, **NO_ROWS, **terms})
    assert "First look at a preview of exactly these terms" in errors(answer)
    assert Rule.objects.get().terms() == rule.terms()


def test_rule_enforces_once_its_preview_was_seen(root: Client, rule: Rule) -> None:
    typed = {**TERMS, **NO_ROWS, "mode": "enforce", "maximum_age": "30"}
    page = root.post(reverse("admin:retention_rule_preview", args=[rule.pk]), typed).content.decode()
    assert "rows would go" in page
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    assert root.post(change(rule), hidden).status_code == 302
    rule.refresh_from_db()
    assert (rule.mode, rule.maximum_age, rule.version, rule.asks) == ("enforce", 30, 2, True)


def test_preview_of_other_terms_does_not_count(root: Client, rule: Rule) -> None:
    root.post(reverse("admin:retention_rule_preview", args=[rule.pk]), {**TERMS, "mode": "enforce", "maximum_age": "31"})
    assert Preview.objects.count() == 1
    assert "First look" in errors(root.post(change(rule), {**TERMS, **NO_ROWS, "mode": "enforce", "maximum_age": "30"}))


def test_longer_age_needs_no_preview(root: Client, rule: Rule) -> None:
    assert root.post(change(rule), {**TERMS, **NO_ROWS, "mode": "simulate", "maximum_age": "400"}).status_code == 302


def test_whether_the_api_may_edit_it_is_recorded(root: Client, rule: Rule) -> None:
    root.post(change(rule), {**TERMS, **NO_ROWS, "mode": "simulate", "editable": ""})
    assert not Rule.objects.get().editable
    assert AuditEntry.objects.filter(action="rule.update").get().after == {"editable": False}


def test_deleted_rule_keeps_its_row(root: Client, rule: Rule) -> None:
    root.post(reverse("admin:retention_rule_delete", args=[rule.pk]), {"post": "yes"})
    assert Rule.objects.get().deleted_at is not None
    assert root.post(change(rule), {**TERMS, **NO_ROWS, "mode": "off"}).status_code == 403


# --- Settings --------------------------------------------------------------------------------------------------------
def test_key_for_restores_goes_in_and_never_comes_out(root: Client, organization: Organization, owner: User) -> None:
    pem, key = new_certificate()
    Certificate.objects.create(**certificate_fields(organization, owner, pem))
    root.post(reverse("admin:retention_retentionsettings_add"), {**SETTINGS, "organization": organization.pk, "restore_key": key.decode()})
    row = RetentionSettings.objects.get()
    assert row.restore_key.strip() == key.decode().strip()
    page = root.get(reverse("admin:retention_retentionsettings_change", args=[row.pk])).content.decode()
    assert "PRIVATE KEY-----\n" not in page
    root.post(reverse("admin:retention_retentionsettings_change", args=[row.pk]), {**SETTINGS, "forget_key": "on"})
    assert RetentionSettings.objects.get().restore_key == ""
    assert key.decode().splitlines()[3] not in str([entry.facts() for entry in AuditEntry.objects.all()])


def certificate_fields(organization: Organization, owner: User, pem: bytes) -> dict[str, object]:
    moments = {"not_before": "2026-01-01T00:00Z", "not_after": "2030-01-01T00:00Z"}
    return {
        "organization": organization,
        "name": "a",
        "pem": pem.decode(),
        "fingerprint": "0" * 64,
        "key_bits": 3072,
        "uploaded_by": owner,
        **moments,
    }


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"timezone": "Mars/Olympus"}, "valid choice"),
        ({"most_percent": "101"}, "100"),
        ({"batch_rows": "0"}, "1"),
        ({"restore_key": "not one"}, "no private key"),
        ({"restore_key": new_certificate(2048)[1].decode()}, "None of the organization"),
    ],
)
def test_settings_say_what_is_wrong(root: Client, organization: Organization, wrong: dict[str, str], words: str) -> None:
    answer = root.post(reverse("admin:retention_retentionsettings_add"), {**SETTINGS, "organization": organization.pk, **wrong})
    [field] = wrong
    assert words in str(answer.context["adminform"].form.errors[field])
    assert not RetentionSettings.objects.exists()


# --- Foreign keys ----------------------------------------------------------------------------------------------------
@pytest.fixture
def notes(source: Source, interaction: Dataset) -> None:
    """A table that refers to interactions."""
    engine = create_engine(source.url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, interaction TEXT REFERENCES interactions (id))"))
    engine.dispose()


def test_dataset_shows_what_refers_to_it(root: Client, interaction: Dataset, notes: None) -> None:
    page = root.get(reverse("admin:exports_dataset_change", args=[interaction.pk])).content.decode()
    assert "notes (interaction): <strong>skip</strong>" in page


def test_foreign_key_is_chosen_from_the_catalogue(root: Client, interaction: Dataset, notes: None) -> None:
    add = reverse("admin:retention_foreignkeyplan_add")
    offered = root.post(add, {"plan-dataset": interaction.pk, "plan-action": "block"})
    assert "Choose the foreign key" in errors(offered)
    chosen = next(
        value for value, words in offered.context["adminform"].form.fields["foreign_key"].choices if words == "notes (interaction)"
    )
    root.post(add, {"plan-dataset": interaction.pk, "plan-action": "block", "plan-foreign_key": chosen})
    plan = ForeignKeyPlan.objects.get()
    assert (plan.table, plan.columns, plan.action) == ("notes", ["interaction"], "block")
    assert AuditEntry.objects.get(action="foreign-key-plan.create").chain_id == interaction.source.organization_id
    assert "There is a plan" in errors(root.post(add, {"plan-dataset": interaction.pk, "plan-action": "skip", "plan-foreign_key": chosen}))


def test_unknown_foreign_key_is_refused(root: Client, interaction: Dataset, notes: None) -> None:
    sent = {"plan-dataset": interaction.pk, "plan-action": "skip", "plan-foreign_key": '["", "nothing", ["id"]]'}
    assert "valid choice" in errors(root.post(reverse("admin:retention_foreignkeyplan_add"), sent))


# --- Holds and purges ------------------------------------------------------------------------------------------------
def test_hold_is_placed_and_released(root: Client, interaction: Dataset) -> None:
    typed = {"dataset": interaction.pk, "matter": "Case 7", "reason": "A claim.", "keys": "[]"}
    typed |= {"starts_at_0": "2026-01-01", "starts_at_1": "00:00"}
    sent = {f"hold-{name}": value for name, value in typed.items()}
    assert root.post(reverse("admin:retention_hold_add"), sent).status_code == 302
    hold = Hold.objects.get()
    page = reverse("admin:retention_hold_change", args=[hold.pk])
    root.post(page, {"release_reason": "It is settled."})
    hold.refresh_from_db()
    assert (hold.placed_by.username, hold.release_reason, hold.released_at is not None) == ("root", "It is settled.", True)
    assert list(AuditEntry.objects.filter(target_kind="hold").values_list("action", flat=True)) == ["hold.place", "hold.release"]
    assert root.post(page, {"release_reason": "Again."}).status_code == 403


def test_approval_shows_what_it_is_of(root: Client, rule: Rule, interaction: Dataset) -> None:
    purge = new_purge(rule, interaction, Purge.Status.AWAITING_APPROVAL, selected=12, asks_because="It is much.")
    sent = {"action": "approve", "_selected_action": purge.pk}
    page = root.post(reverse("admin:retention_purge_changelist"), sent).content.decode()
    assert purge.key_set_sha256 in page
    root.post(reverse("admin:retention_purge_changelist"), {**sent, f"seen_{purge.pk}": "0" * 64})
    purge.refresh_from_db()
    assert purge.status == Purge.Status.AWAITING_APPROVAL
    root.post(reverse("admin:retention_purge_changelist"), {**sent, f"seen_{purge.pk}": purge.key_set_sha256})
    purge.refresh_from_db()
    assert (purge.status, purge.approved_by.username if purge.approved_by else "") == (Purge.Status.PURGING, "root")
