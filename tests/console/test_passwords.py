"""Forgotten, reset and changed passwords: what is mailed to whom, and which links and sessions work afterwards."""

import re
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.console.passwords import Forgotten
from accounts.models import AccessToken, AuditEntry, User
from tests.console.conftest import signed_in
from tests.console.scenes import PASSWORD, Scene

NEW = "another rare sentence"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ana(scene: Scene) -> User:
    """Has an address, and is remembered by no earlier test's cache."""
    cache.clear()
    User.objects.filter(pk=scene.owner.pk).update(email="ana@example.org")
    return User.objects.get(pk=scene.owner.pk)


def ask(client: Client, address: str) -> Any:
    return client.post(reverse("password-forgotten"), {"email": address})


def link(message: object) -> str:
    assert isinstance(message, EmailMultiAlternatives)
    found = re.search(r"http://testserver(/password/reset/\S+)", str(message.body))
    assert found
    return found[1]


def mailed_link() -> str:
    ask(Client(), "ana@example.org")
    return link(mail.outbox[-1])


def set_password(client: Client, path: str, password: str = NEW) -> Any:
    form = client.get(path, follow=True)
    return client.post(form.request["PATH_INFO"], {"new_password1": password, "new_password2": password})


# --- Asking for a link -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["ana@example.org", "ANA@example.org", "nobody@example.org"])
def test_answer_is_the_same_whether_anybody_has_the_address(client: Client, ana: User, address: str) -> None:
    answer = ask(client, address)
    assert (answer.status_code, answer["Location"]) == (302, reverse("password-mailed"))
    assert [message.to for message in mail.outbox] == ([] if "nobody" in address else [["ana@example.org"]])


def test_mail_is_written_when_the_answer_is_out(ana: User, rf: RequestFactory) -> None:
    request = rf.post(reverse("password-forgotten"), {"email": "ana@example.org"})
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # the test's own attribute
    answer = Forgotten.as_view()(request)
    assert mail.outbox == []
    answer.close()  # what a server does after the last byte
    assert len(mail.outbox) == 1


def test_mail_is_text_and_html_with_the_same_link(ana: User) -> None:
    path = mailed_link()
    message = mail.outbox[0]
    assert isinstance(message, EmailMultiAlternatives)
    html, kind = message.alternatives[0]
    assert (message.subject, kind) == ("Set a new Strongroom password", "text/html")
    assert path in str(html)
    assert "for 60 minutes" in str(message.body)


def test_mailbox_is_not_flooded(client: Client, ana: User) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3):
            ask(client, "ana@example.org")
        assert len(mail.outbox) == 1
        clock.shift(timedelta(minutes=5))
        ask(client, "ana@example.org")
    assert len(mail.outbox) == 2


@pytest.mark.parametrize("field", [{"is_active": False}, {"password": "!"}])
def test_who_cannot_sign_in_with_a_password_gets_no_mail(client: Client, ana: User, field: dict[str, object]) -> None:
    User.objects.filter(pk=ana.pk).update(**field)
    ask(client, "ana@example.org")
    assert mail.outbox == []


def test_link_names_no_host_that_is_not_ours(ana: User) -> None:
    assert Client(headers={"host": "evil.example"}).post(reverse("password-forgotten"), {"email": ana.email}).status_code == 400
    assert mail.outbox == []


def test_asking_needs_a_csrf_token(ana: User) -> None:
    assert Client(enforce_csrf_checks=True).post(reverse("password-forgotten"), {"email": ana.email}).status_code == 403


def test_embedded_default_says_where_its_mail_lies(client: Client, settings: Settings, db: None) -> None:
    assert str(settings.MAIL_FOLDER) in client.get(reverse("password-mailed")).content.decode()
    settings.MAIL_FOLDER = None
    assert "folder" not in client.get(reverse("password-mailed")).content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_server_without_mail_says_so(client: Client, ana: User, settings: Settings, method: str) -> None:
    settings.SENDS_MAIL = False
    answer = getattr(client, method)(reverse("password-forgotten"), {"email": ana.email})
    assert "This server sends no mail" in answer.content.decode()
    assert mail.outbox == []


# --- The link --------------------------------------------------------------------------------------------------------
def test_link_sets_the_password(client: Client, ana: User) -> None:
    answer = set_password(client, mailed_link())
    assert answer["Location"] == reverse("sign-in")
    assert "Your password is changed" in client.get(reverse("sign-in")).content.decode()
    assert client.post(reverse("sign-in"), {"username": "owner", "password": NEW})["Location"] == reverse("console")


def test_link_works_once(client: Client, ana: User) -> None:
    path = mailed_link()
    set_password(client, path)
    assert "does not work any more" in Client().get(path).content.decode()
    assert "does not work any more" in client.get(path).content.decode()


def test_link_expires(client: Client, ana: User) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        path = mailed_link()
        clock.shift(timedelta(minutes=60))
        assert client.get(path).status_code == 302
        clock.shift(timedelta(seconds=1))
        assert "does not work any more" in client.get(path).content.decode()


@pytest.mark.parametrize(
    "path", ["/password/reset/MQ/x", "/password/reset/!/set-password", "/password/reset/OTk5OTk5OTk5OTk5OTk5OTk5OTk/x-y"]
)
def test_made_up_link_does_not_work(client: Client, ana: User, path: str) -> None:
    assert "does not work any more" in client.get(path).content.decode()


def test_token_is_not_in_the_address_of_the_form(client: Client, ana: User) -> None:
    assert client.get(mailed_link())["Location"].endswith("/set-password")


def test_weak_password_is_refused_with_a_sentence(client: Client, ana: User) -> None:
    answer = set_password(client, mailed_link(), "password")
    assert "too common" in answer.content.decode()
    assert User.objects.get(pk=ana.pk).password == ana.password


def test_reset_ends_all_sessions(client: Client, ana: User) -> None:
    thief = signed_in(ana)
    set_password(client, mailed_link())
    assert thief.get(reverse("console")).status_code == 302


# --- Change ----------------------------------------------------------------------------------------------------------
def change(client: Client, old: str = PASSWORD) -> Any:
    return client.post(reverse("password-change"), {"old_password": old, "new_password1": NEW, "new_password2": NEW})


def test_change_keeps_this_session_and_ends_the_others(ana: User) -> None:
    here, elsewhere = signed_in(ana), signed_in(ana)
    assert change(here)["Location"] == reverse("profile")
    assert "Other browsers and all bearer tokens are signed out" in here.get(reverse("profile")).content.decode()
    assert elsewhere.get(reverse("profile")).status_code == 302


@pytest.mark.parametrize("how", ["change", "reset"])
def test_tokens_end_with_the_password(client: Client, ana: User, scene: Scene, how: str) -> None:
    _, token = AccessToken.issue(ana, scene.organization, lifetime=timedelta(hours=1))
    change(signed_in(ana)) if how == "change" else set_password(client, mailed_link())
    assert AccessToken.find(token) is None


def test_change_needs_the_old_password(ana: User) -> None:
    assert "entered incorrectly" in change(signed_in(ana), "guess").content.decode()
    assert User.objects.get(pk=ana.pk).password == ana.password


def test_changes_are_audited_without_the_password(client: Client, ana: User) -> None:
    change(signed_in(ana))
    set_password(client, mailed_link())
    entries = list(
        AuditEntry.objects.filter(action__startswith="user.").order_by("pk").values("action", "actor", "target_label", "before", "after")
    )
    assert [entry["action"] for entry in entries] == ["user.change-password", "user.reset-password"]
    assert NEW not in str(entries)


# --- A mail server ---------------------------------------------------------------------------------------------------
class Postbox(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as one message needs; what it got stands in its server's `letters`."""

    def handle(self) -> None:
        self.wfile.write(b"220 postbox\r\n")
        for line in self.rfile:
            command = line.split()[0].upper()
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.letters.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())  # type: ignore[attr-defined]  # the test's own attribute
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")


@pytest.fixture
def letters(settings: Settings) -> Iterator[list[str]]:
    """What arrives at an SMTP server on this machine that settings name."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postbox) as server:
        server.letters = []  # type: ignore[attr-defined]  # the test's own attribute
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.letters  # type: ignore[attr-defined]  # the test's own attribute
        server.shutdown()


def test_mail_goes_out_by_smtp(client: Client, ana: User, letters: list[str]) -> None:
    ask(client, "ana@example.org")
    assert "To: ana@example.org" in letters[0]
    assert "/password/reset/" in letters[0]


def test_dead_mail_server_changes_no_answer(client: Client, ana: User, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert ask(client, "ana@example.org").status_code == 302
    assert "Failed to send password reset email" in caplog.text
