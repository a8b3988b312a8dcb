"""Retention in the console, without a browser."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.roles import AUDITOR, DISPOSITION_APPROVER, RETENTION_ADMINISTRATOR, RETENTION_READER
from exports.models import Dataset
from retention.models import Batch, Day, Preview, Purge, Rule
from tests.console.asking import member, posted, text, told
from tests.console.conftest import signed_in
from tests.console.retained import KEY_SET, new_purge
from tests.console.scenes import ROWS, Scene

TERMS = {"data_type": "Interaction", "maximum_age": "365", "archive": "on"}


# --- Who sees what ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("role", "seen"), [(RETENTION_READER, True), (DISPOSITION_APPROVER, True), (AUDITOR, False), ("Data exporter", False)]
)
def test_menu_leads_to_retention_who_may(scene: Scene, role: str, *, seen: bool) -> None:
    page = member(scene, role).get(reverse("profile")).content.decode()
    assert (f'href="{reverse("console-retention")}"' in page) == seen


def test_overview_of_who_exports_nothing_leads_to_retention(scene: Scene) -> None:
    page = member(scene, DISPOSITION_APPROVER).get(reverse("console")).content.decode()
    assert "You have no role that exports" in page
    assert "To retention" in page


def test_auditor_sees_the_ledger_alone(scene: Scene) -> None:
    auditor = member(scene, AUDITOR)
    assert "number 1" in text(auditor, "console-retention-dispositions")
    assert auditor.get(reverse("console-retention-purges")).status_code == 403
    assert "Disposition 1" in text(auditor, "console-retention-disposition", 1)


def test_reader_is_offered_nothing_that_changes(scene: Scene) -> None:
    reader, rule = member(scene, RETENTION_READER), scene.retention.rule.pk
    pages = [text(reader, "console-retention-rule", rule), text(reader, "console-retention-rules"), text(reader, "console-retention-holds")]
    for name in ("console-retention-rule-new", "console-retention-hold-new"):
        assert not [page for page in pages if reverse(name) in page]
    assert reverse("console-retention-rule-mode", args=[rule]) not in pages[0]


# --- Overview --------------------------------------------------------------------------------------------------------
def test_overview_shows_what_waits_and_what_the_last_day_did(owner: Client, scene: Scene) -> None:
    place = {"dataset": "Interaction", "source": "contact-history"}
    bloat = {"reclaimable": 2**28, "bytes": 2**30, "statement": "VACUUM", "locks": True}
    summary = {"deleted": 1234, "forecast": [{**place, "text": "about 17 rows a day"}], "bloat": [{**place, **bloat}]}
    Day.objects.update(summary=summary)
    page = text(owner, "console-retention")
    for words in ("60.0 % of Interaction would go today", "1,234", "About 17 rows a day", "VACUUM", "Nobody can use the table meanwhile"):
        assert words in page


def test_overview_says_why_a_day_did_not_run(owner: Client, scene: Scene) -> None:
    Day.objects.update(status="skipped", message="Nobody began the day in time.")
    assert "Nobody began the day in time." in text(owner, "console-retention")


def test_empty_overview_says_what_to_do(scene: Scene) -> None:
    page = text(signed_in(scene.outsider), "console-retention")
    assert "Everything is kept for ever" in page
    assert "Connect a source" in page


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("console-retention-rules", "No dataset to keep rules for"),
        ("console-retention-purges", "Nothing was ever purged"),
        ("console-retention-holds", "No hold was ever placed"),
        ("console-retention-jobs", "No retention job yet"),
        ("console-retention-dispositions", "Nothing was disposed of yet"),
    ],
)
def test_empty_pages_say_what_to_do(scene: Scene, name: str, words: str) -> None:
    assert words in text(signed_in(scene.outsider), name)


# --- Rules -----------------------------------------------------------------------------------------------------------
def test_new_rule_simulates(owner: Client, scene: Scene) -> None:
    posted(owner, "console-retention-rule-new", **TERMS, mode="enforce", type="chat")
    rule = Rule.objects.latest("pk")
    assert (rule.mode, rule.type, rule.source, rule.author) == ("simulate", "chat", "*", scene.owner)


@pytest.mark.parametrize(
    ("wrong", "field"), [({"maximum_age": "0"}, "maximum_age"), ({"maximum_age": "3651"}, "maximum_age"), ({"data_type": "X"}, "data_type")]
)
def test_new_rule_says_at_the_field_what_is_wrong(owner: Client, scene: Scene, wrong: dict[str, str], field: str) -> None:
    answer = owner.post(reverse("console-retention-rule-new"), {**TERMS, **wrong})
    assert field in answer.context["form"].errors
    assert Rule.objects.count() == 1


def test_list_shows_what_the_last_preview_counted(owner: Client, scene: Scene) -> None:
    figures = {"datasets": [{"rows": 4321, "estimated": False, "oldest": "2020-02-03T04:05:06Z"}]}
    Preview.objects.update(figures=figures)
    page = text(owner, "console-retention-rules")
    assert "4,321" in page
    assert "2020-02-03 04:05 UTC" in page


def test_preview_of_terms_that_have_changed_since_is_not_shown_as_now(owner: Client, scene: Scene) -> None:
    Rule.objects.update(maximum_age=364)
    assert "not previewed" in text(owner, "console-retention-rules")


def test_preview_shows_figures_and_samples(owner: Client, filled: Scene) -> None:
    page = posted(owner, "console-retention-rule-preview", filled.retention.rule.pk)
    for words in ("Would go", f"of {ROWS} rows", "Some of the rows", "threadId"):
        assert words in page


def test_samples_are_for_who_may_export(filled: Scene) -> None:
    page = posted(member(filled, RETENTION_ADMINISTRATOR), "console-retention-rule-preview", filled.retention.rule.pk)
    assert "threadId" not in page
    assert "Rows are shown to whoever may export" in page


def test_preview_says_why_a_source_cannot_be_counted(owner: Client, scene: Scene) -> None:
    Dataset.objects.update(timestamp_column="")
    assert "has no timestamp column" in posted(owner, "console-retention-rule-preview", scene.retention.rule.pk)


def test_preview_can_be_looked_at_again(owner: Client, filled: Scene) -> None:
    posted(owner, "console-retention-rule-preview", filled.retention.rule.pk)
    page = text(owner, "console-retention-preview", Preview.objects.latest("pk").pk)
    assert "What would have gone" in page
    assert "threadId" not in page


def test_enforce_leads_to_what_would_go(owner: Client, filled: Scene) -> None:
    page = posted(owner, "console-retention-rule-mode", filled.retention.rule.pk, mode="enforce")
    assert "Type “enforce” to go on" in page
    assert Rule.objects.get().mode == "simulate"


def test_enforce_without_a_preview_is_refused(owner: Client, scene: Scene) -> None:
    Preview.objects.all().delete()
    sent = {**TERMS, "mode": "enforce", "confirmation": "enforce"}
    assert "First look at a preview" in told(owner, "console-retention-rule-apply", scene.retention.rule.pk, **sent)
    assert Rule.objects.get().mode == "simulate"


@pytest.mark.parametrize("age", [timedelta(hours=25), None])
def test_preview_counts_for_a_day_and_for_who_saw_it(owner: Client, scene: Scene, age: timedelta | None) -> None:
    changed = {"created_at": timezone.now() - age} if age else {"user": scene.retention.author}
    Preview.objects.update(**changed)
    sent = {**TERMS, "mode": "enforce", "confirmation": "enforce"}
    assert "First look at a preview" in told(owner, "console-retention-rule-apply", scene.retention.rule.pk, **sent)


def test_enforce_needs_its_word(owner: Client, filled: Scene) -> None:
    posted(owner, "console-retention-rule-apply", filled.retention.rule.pk, **TERMS, mode="enforce", confirmation="yes")
    assert Rule.objects.get().mode == "simulate"
    told(owner, "console-retention-rule-apply", filled.retention.rule.pk, **TERMS, mode="enforce", confirmation=" Enforce ")
    assert Rule.objects.get().mode == "enforce"


def test_shorter_age_leads_to_what_would_go(owner: Client, filled: Scene) -> None:
    page = posted(owner, "console-retention-rule-change", filled.retention.rule.pk, **{**TERMS, "maximum_age": "30"})
    assert "Save these terms" in page
    assert Rule.objects.get().maximum_age == 365
    told(owner, "console-retention-rule-apply", filled.retention.rule.pk, **{**TERMS, "maximum_age": "30"}, mode="simulate")
    assert (Rule.objects.get().maximum_age, Rule.objects.get().version) == (30, 2)


def test_longer_age_is_saved_at_once(owner: Client, scene: Scene) -> None:
    posted(owner, "console-retention-rule-change", scene.retention.rule.pk, **{**TERMS, "maximum_age": "400"})
    assert Rule.objects.get().maximum_age == 400


def test_rule_is_switched_off_at_once(owner: Client, scene: Scene) -> None:
    assert "switched to off" in told(owner, "console-retention-rule-mode", scene.retention.rule.pk, mode="off")
    assert "must be one of" in told(owner, "console-retention-rule-mode", scene.retention.rule.pk, mode="on")


def test_deleted_rule_is_gone_from_the_list_and_on_record(owner: Client, scene: Scene) -> None:
    posted(owner, "console-retention-rule-delete", scene.retention.rule.pk)
    assert "older than 365 days</a>" not in text(owner, "console-retention-rules")
    assert "(deleted)" in text(owner, "console-retention-purges")
    assert "(deleted)" in text(owner, "console-retention-disposition", 1)


# --- Purges ----------------------------------------------------------------------------------------------------------
def test_queue_is_filtered_by_status(owner: Client, scene: Scene) -> None:
    page = text(owner, "console-retention-purges", status="awaiting_approval")
    assert f"purge {scene.retention.waiting.pk} of" in page
    assert f"purge {scene.retention.purge.pk} of" not in page
    assert "No such purge" in text(owner, "console-retention-purges", status="cancelled")


def test_purge_says_why_rows_were_kept(owner: Client, scene: Scene) -> None:
    page = text(owner, "console-retention-purge", scene.retention.purge.pk)
    assert "Kept: the hold “Case 7”" in page
    assert KEY_SET in page


def test_progress_moves_with_the_batches(owner: Client, scene: Scene) -> None:
    purge = new_purge(scene.retention.rule, scene.dataset, "purging", slot=timezone.now() - timedelta(days=2), selected=200)
    Batch.objects.create(purge=purge, start=0, stop=50, token=1, status="done", deleted=48, kept={"already gone": [0, 1]})
    page = text(owner, "console-retention-purge-progress", purge=str(purge.pk))
    assert 'value="25"' in page
    assert "48 of 200 rows gone · 2 kept" in page


@pytest.mark.parametrize("purge", ["", "x", "-1", "99999999999999999999999", "²"])
def test_progress_of_nonsense_is_a_refresh(owner: Client, scene: Scene, purge: str) -> None:
    assert owner.get(reverse("console-retention-purge-progress"), {"purge": purge})["HX-Refresh"] == "true"


def test_approval_needs_the_number_of_rows(owner: Client, scene: Scene) -> None:
    waiting = scene.retention.waiting
    page = posted(owner, "console-retention-purge-approve", waiting.pk, rows="1,201", key_set=KEY_SET)
    assert "Nothing was approved" in page
    assert "is approved" in told(owner, "console-retention-purge-approve", waiting.pk, rows="1 200", key_set=KEY_SET)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.approved_by, waiting.approved_key_set) == ("purging", scene.owner, KEY_SET)


def test_approval_is_of_the_key_set_that_was_seen(owner: Client, scene: Scene) -> None:
    said = told(owner, "console-retention-purge-approve", scene.retention.waiting.pk, rows="1200", key_set="0" * 64)
    assert "What you saw is not what would go" in said


def test_nobody_approves_what_they_ordered(scene: Scene) -> None:
    Rule.objects.update(author=scene.owner)
    owner, waiting = signed_in(scene.owner), scene.retention.waiting.pk
    assert "somebody else must" in text(owner, "console-retention-purge-approve", waiting)
    assert "somebody else must" in told(owner, "console-retention-purge-approve", waiting, rows="1200", key_set=KEY_SET)
    assert Purge.objects.get(pk=waiting).status == "awaiting_approval"


def test_approval_needs_the_role(scene: Scene) -> None:
    administrator, waiting = member(scene, RETENTION_ADMINISTRATOR), scene.retention.waiting.pk
    assert administrator.post(reverse("console-retention-purge-approve", args=[waiting])).status_code == 403
    assert reverse("console-retention-purge-approve", args=[waiting]) not in text(administrator, "console-retention-purge", waiting)


def test_purge_is_cancelled(owner: Client, scene: Scene) -> None:
    assert "is cancelled" in told(owner, "console-retention-purge-cancel", scene.retention.waiting.pk)
    assert "has ended" in told(owner, "console-retention-purge-cancel", scene.retention.waiting.pk)


def test_what_pages_do_is_recorded(owner: Client, scene: Scene) -> None:
    told(owner, "console-retention-rule-mode", scene.retention.rule.pk, mode="off")
    told(owner, "console-retention-purge-cancel", scene.retention.waiting.pk)
    assert {"rule.update", "purge.cancel"} <= set(AuditEntry.objects.values_list("action", flat=True))
