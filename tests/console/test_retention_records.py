"""Holds, dispositions and retention jobs in the console, without a browser."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from retention.models import Disposition, Hold
from tests.console.asking import posted, text, told
from tests.console.conftest import signed_in
from tests.console.scenes import ROWS, Scene

# --- Holds -----------------------------------------------------------------------------------------------------------
HOLD = {"matter": "Case 8", "reason": "A claim."}


def test_hold_is_placed_on_every_row(owner: Client, scene: Scene) -> None:
    posted(owner, "console-retention-hold-new", **HOLD, dataset=str(scene.dataset.pk), scope="all", criteria="ignored")
    hold = Hold.objects.latest("pk")
    assert (hold.matter, hold.where, hold.criteria, hold.placed_by) == ("Case 8", None, "", scene.owner)


def test_hold_by_keys_covers_their_rows(owner: Client, filled: Scene) -> None:
    posted(owner, "console-retention-hold-new", **HOLD, dataset=str(filled.dataset.pk), scope="keys", keys='first\n["second"]\n\n')
    hold = Hold.objects.latest("pk")
    assert hold.keys == [["first"], ["second"]]
    assert '<span class="number">0</span>' in text(owner, "console-retention-hold-rows", hold.pk)


def test_hold_by_criteria_covers_what_they_choose(owner: Client, filled: Scene) -> None:
    sent = {**HOLD, "dataset": str(filled.dataset.pk), "scope": "criteria", "criteria": "startDate gt 1970-01-01T00:00:00Z"}
    posted(owner, "console-retention-hold-new", **sent)
    assert f'<span class="number">{ROWS}</span>' in text(owner, "console-retention-hold-rows", Hold.objects.latest("pk").pk)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scope": "criteria", "criteria": ""}, "criteria"),
        ({"scope": "criteria", "criteria": "nothing eq 1"}, "criteria"),
        ({"scope": "keys", "keys": '["a", "b"]'}, "keys"),
        ({"scope": "all", "ends_at": "2001-01-01T00:00"}, "ends_at"),
        ({"scope": "all", "matter": " "}, "matter"),
        ({"scope": "all", "dataset": "0"}, "dataset"),
    ],
)
def test_hold_says_at_the_field_what_is_wrong(owner: Client, filled: Scene, wrong: dict[str, str], field: str) -> None:
    answer = owner.post(reverse("console-retention-hold-new"), {**HOLD, "dataset": str(filled.dataset.pk), **wrong})
    assert field in answer.context["form"].errors
    assert Hold.objects.count() == 1


def test_hold_on_what_others_have_is_refused(scene: Scene) -> None:
    sent = {**HOLD, "dataset": str(scene.dataset.pk), "scope": "all"}
    assert "dataset" in signed_in(scene.outsider).post(reverse("console-retention-hold-new"), sent).context["form"].errors
    assert Hold.objects.count() == 1


def test_hold_is_released_with_a_reason(owner: Client, scene: Scene) -> None:
    hold = scene.retention.hold
    posted(owner, "console-retention-hold-release", hold.pk, reason="  ")
    assert Hold.objects.get().released_at is None
    assert "It is settled." in posted(owner, "console-retention-hold-release", hold.pk, reason="It is settled.")
    assert "No hold stands" in text(owner, "console-retention-holds")
    assert "Case 7" in text(owner, "console-retention-holds", show="all")
    assert "is released already" in posted(owner, "console-retention-hold-release", hold.pk, reason="Again.")


def test_hold_that_is_not_in_force_yet_says_so(owner: Client, scene: Scene) -> None:
    Hold.objects.update(in_force_at=None)
    assert "Not in force yet" in text(owner, "console-retention-holds")
    assert "1 not in force yet" in text(owner, "console-retention")
    assert "Batches that were under way" in text(owner, "console-retention-hold", scene.retention.hold.pk)


# --- Dispositions ----------------------------------------------------------------------------------------------------
def test_ledger_is_filtered(owner: Client, scene: Scene) -> None:
    assert "number 1" in text(owner, "console-retention-dispositions", dataset=str(scene.dataset.pk), rule=str(scene.retention.rule.pk))
    assert "No such disposition" in text(owner, "console-retention-dispositions", until="2001-01-01T00:00")
    assert owner.get(reverse("console-retention-dispositions"), {"since": "soon"}).status_code == 400


def test_ledger_as_csv(owner: Client, scene: Scene) -> None:
    answer = owner.get(reverse("console-retention-dispositions-csv"))
    lines = b"".join(answer).decode().splitlines()
    assert lines[0].startswith("organization,number")
    assert scene.retention.disposition.hash in lines[1]


def test_ledger_as_csv_has_what_the_filters_leave(owner: Client, scene: Scene) -> None:
    csv = reverse("console-retention-dispositions-csv")
    rule, later = scene.retention.rule.pk, {"since": "2100-01-01T00:00"}
    assert f"{csv}?rule={rule}" in owner.get(reverse("console-retention-dispositions"), {"rule": rule}).content.decode()
    assert len(b"".join(owner.get(csv, {"rule": rule})).splitlines()) == 2
    assert AuditEntry.objects.order_by("-pk")[0].after == {"rule": rule}
    assert len(b"".join(owner.get(csv, later)).splitlines()) == 1
    refused = owner.get(csv, {"since": "soon"})
    assert (refused.status_code, refused.content[:6]) == (400, b"since:")


def test_chain_is_verified(owner: Client, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "All 1 entry is there and as written" in text(owner, "console-retention-dispositions-verify")
    monkeypatch.setattr(Disposition, "digest", lambda _: "0" * 64)
    assert "The chain is broken." in text(owner, "console-retention-dispositions-verify")


def test_certificates_are_downloaded(owner: Client, scene: Scene) -> None:
    page = owner.get(reverse("console-retention-certificate", args=[1]))
    assert page["Content-Disposition"] == 'attachment; filename="disposition-1.html"'
    assert scene.retention.disposition.hash in page.content.decode()
    assert json.loads(owner.get(reverse("console-retention-certificate-json", args=[1])).content)["entry"]["number"] == 1


# --- Retention jobs --------------------------------------------------------------------------------------------------
def test_job_shows_its_criteria(owner: Client, scene: Scene) -> None:
    assert "mediaTypeId eq &#x27;chat&#x27;" in text(owner, "console-retention-job", scene.retention.job.pk)
    assert str(scene.retention.job.pk) in text(owner, "console-retention-jobs", status="Pending")
    assert "No such job" in text(owner, "console-retention-jobs", status="Failed")


def test_job_is_cancelled(owner: Client, scene: Scene) -> None:
    posted(owner, "console-retention-job-cancel", scene.retention.job.pk)
    scene.retention.job.refresh_from_db()
    assert scene.retention.job.status == "Cancelled"
    assert "nothing to cancel" in told(owner, "console-retention-job-cancel", scene.retention.job.pk)
