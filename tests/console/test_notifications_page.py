"""The pages of notifications, of the proof that one can decrypt, and of what one is told by e-mail."""

import html
import re
import subprocess
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.services.access import access_to
from exports.models import Certificate, Delivery, MailAddress, Webhook
from exports.services import certificates, webhooks
from tests.console.scenes import Scene
from tests.keys import new_certificate

NEW = {"name": "Pager", "url": "https://receiver.example/T0KEN", "events": ["run.failed"]}


@pytest.fixture
def hook(scene: Scene) -> Webhook:
    access = access_to(scene.owner, scene.organization)
    assert access is not None
    return webhooks.create(access, name="Pager", url="https://receiver.example/T0KEN", events=["run.failed"])[0]


def text(client: Client, url: str, /, **data: object) -> str:
    return client.post(url, data, follow=True).content.decode()


# --- Webhooks --------------------------------------------------------------------------------------------------------
def test_webhooks_secret_is_shown_once_and_kept_by_no_cache(owner: Client, scene: Scene) -> None:
    answer = owner.post(reverse("console-webhook-new"), NEW)
    found = re.search(r'<code id="secret">(whsec_[^<]+)</code>', answer.content.decode())
    assert found
    assert "no-store" in answer["Cache-Control"]
    hook = Webhook.objects.get()
    assert html.unescape(found[1]) == hook.secret
    pages = [reverse("console-notifications"), reverse("console-webhook", args=[hook.pk])]
    assert not [page for page in pages if hook.secret in owner.get(page).content.decode()]


def test_secrets_are_in_no_admin_page_and_no_audit_entry(scene: Scene, hook: Webhook) -> None:
    root = User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    shown = [
        client.get(reverse(f"admin:exports_webhook_{page}", args=args)).content.decode()
        for page, args in (("changelist", []), ("change", [hook.pk]))
    ]
    shown += [str(entry.facts()) for entry in AuditEntry.objects.all()]
    assert not [words for words in shown if hook.secret in words or "T0KEN" in words]
    assert "https://receiver.example" in shown[0]


@pytest.mark.parametrize("url", ["http://receiver.example/", "ftp://x", "https://user:pass@receiver.example/"])
def test_url_that_is_no_good_is_refused_at_its_field(owner: Client, url: str) -> None:
    page = text(owner, reverse("console-webhook-new"), **{**NEW, "url": url})
    assert 'class="errorlist" id="webhook_url_error"' in page
    assert not Webhook.objects.exists()


def test_webhook_is_changed_and_switched_off(owner: Client, hook: Webhook) -> None:
    owner.post(reverse("console-webhook", args=[hook.pk]), {**NEW, "name": "Phone", "events": ["job.suspended"]})
    hook.refresh_from_db()
    assert (hook.name, hook.events, hook.is_active) == ("Phone", ["job.suspended"], False)


def test_test_is_sent_and_its_delivery_shown(owner: Client, hook: Webhook) -> None:
    page = text(owner, reverse("console-webhook-act", args=[hook.pk, "ping"]))
    assert "A test, sent on request" in page
    assert Delivery.objects.get().notice.event == "ping"


def test_new_secret_is_shown_and_the_page_says_until_when_both_sign(owner: Client, hook: Webhook) -> None:
    former = hook.secret
    page = text(owner, reverse("console-webhook-act", args=[hook.pk, "rotate"]))
    hook.refresh_from_db()
    assert html.escape(hook.secret) in page
    assert (hook.previous_secret, former in page) == (former, False)
    assert "the former one signs too" in owner.get(reverse("console-webhook", args=[hook.pk])).content.decode()


def test_delivery_on_its_way_is_not_sent_again(owner: Client, hook: Webhook) -> None:
    owner.post(reverse("console-webhook-act", args=[hook.pk, "ping"]))
    page = text(owner, reverse("console-delivery-resend", args=[Delivery.objects.get().pk]))
    assert "on its way already" in page
    assert Delivery.objects.count() == 1


def test_what_a_receiver_answers_is_shown_as_text(owner: Client, hook: Webhook) -> None:
    owner.post(reverse("console-webhook-act", args=[hook.pk, "ping"]))
    Delivery.objects.update(status="failed", response_text="<script>alert(1)</script>", response_code=500)
    page = owner.get(reverse("console-deliveries")).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


# --- Mail ------------------------------------------------------------------------------------------------------------
def test_address_is_added_and_removed(owner: Client) -> None:
    owner.post(reverse("console-address-new"), {"address": "team@company.example", "events": ["run.failed"]})
    assert "team@company.example" in owner.get(reverse("console-notifications")).content.decode()
    owner.post(reverse("console-address-remove", args=[MailAddress.objects.get().pk]))
    assert not MailAddress.objects.exists()


@pytest.mark.parametrize("address", ["nobody", "a@b\r\nBcc: c@d.example", "a@b.example, c@d.example"])
def test_what_is_no_address_is_refused(owner: Client, address: str) -> None:
    page = text(owner, reverse("console-address-new"), address=address, events=["run.failed"])
    assert "must be one for e-mail" in page
    assert not MailAddress.objects.exists()


def test_user_chooses_on_the_profile_what_they_are_told(owner: Client, scene: Scene) -> None:
    page = text(owner, reverse("profile-notices"), notices="problems")
    scene.owner.refresh_from_db()
    assert scene.owner.notices == "problems"
    assert 'value="problems" checked' in page
    assert "Choose one of" in text(owner, reverse("profile-notices"), notices="some")


# --- The proof -------------------------------------------------------------------------------------------------------
def test_who_runs_the_command_proves_that_they_can_decrypt(owner: Client, scene: Scene, tmp_path: Path) -> None:
    access = access_to(scene.owner, scene.organization)
    assert access is not None
    pem, key = new_certificate(2048)
    certificate = certificates.upload(access, "Ana", pem)
    (tmp_path / "KEY.pem").write_bytes(key)
    page = text(owner, reverse("console-certificate-challenge", args=[certificate.pk]))
    found = re.search(r"<code>(echo [^<]+)</code>", page)
    assert found
    printed = subprocess.run(html.unescape(found[1]), shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "Proven: you can open" in text(owner, reverse("console-certificate-prove", args=[certificate.pk]), secret=printed)
    assert Certificate.objects.get(pk=certificate.pk).proven_at is not None


def test_wrong_answer_proves_nothing(owner: Client, scene: Scene) -> None:
    owner.post(reverse("console-certificate-challenge", args=[scene.certificate.pk]))
    page = text(owner, reverse("console-certificate-prove", args=[scene.certificate.pk]), secret="guess")
    assert "not what was sealed" in page
    assert Certificate.objects.get(pk=scene.certificate.pk).proven_at is None
