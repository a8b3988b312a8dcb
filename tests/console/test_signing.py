"""Signing in and out, without a browser: what is refused, and what becomes of the session."""

from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.services.access import SESSION_KEY
from accounts.services.people import join
from tests.console.conftest import signed_in
from tests.console.scenes import PASSWORD, Scene, person


def sign_in(client: Client, path: str) -> str:
    return client.post(reverse("sign-in"), {"username": "owner", "password": PASSWORD, "next": path})["Location"]


def test_next_leads_to_a_page_of_this_server(client: Client, scene: Scene) -> None:
    assert sign_in(client, "/jobs?page=2") == "/jobs?page=2"


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "http://testserver/jobs",
        "//evil.example",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "@evil.example",
        "\tjavascript:alert(1)",
    ],
)
def test_next_leads_nowhere_else(client: Client, scene: Scene, path: str) -> None:
    assert urlsplit(urljoin("http://testserver/sign-in", sign_in(client, path).replace("\\", "/"))).netloc == "testserver"


def test_session_key_changes_at_sign_in(client: Client, scene: Scene) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    sign_in(client, "")
    assert client.session.session_key != planted


def test_sign_in_needs_a_csrf_token(scene: Scene) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(reverse("sign-in"), {"username": "owner", "password": PASSWORD}).status_code == 403


def test_link_to_sign_out_asks_first(owner: Client) -> None:
    assert "Sign out?" in owner.get(reverse("sign-out")).content.decode()
    assert owner.get(reverse("console")).status_code == 200


def test_sign_out_ends_the_session(owner: Client) -> None:
    stolen = Client()
    stolen.cookies = owner.cookies
    owner.post(reverse("sign-out"))
    assert stolen.get(reverse("console")).status_code == 302


def test_page_acts_for_the_organization_of_the_session(scene: Scene) -> None:
    join(scene.owner, scene.outsider.organizations.get())
    client = signed_in(scene.owner)
    assert "Northwind" in client.get(reverse("console-jobs")).content.decode()
    session = client.session
    session[SESSION_KEY] = str(scene.outsider.organizations.get().pk)
    session.save()
    assert scene.job.title not in client.get(reverse("console-jobs")).content.decode()


def test_session_of_an_organization_that_was_left_falls_back(scene: Scene) -> None:
    client = signed_in(scene.owner)
    session = client.session
    session[SESSION_KEY] = str(scene.outsider.organizations.get().pk)
    session.save()
    assert scene.job.title in client.get(reverse("console-jobs")).content.decode()


# --- The audit trail -------------------------------------------------------------------------------------------------
def actions() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.filter(action__startswith="user.").order_by("pk").values_list("action", "actor", "target_label"))


def test_sign_in_and_out_are_audited(client: Client, scene: Scene) -> None:
    sign_in(client, "")
    client.post(reverse("sign-out"))
    assert actions() == [("user.sign-in", "owner", "owner"), ("user.sign-out", "owner", "owner")]


@pytest.mark.parametrize(("name", "label"), [("owner", "owner"), ("my password by mistake", "somebody unknown")])
def test_failed_sign_in_is_audited_without_what_was_typed(client: Client, scene: Scene, name: str, label: str) -> None:
    client.post(reverse("sign-in"), {"username": name, "password": "guess"})
    assert actions() == [("user.sign-in-failed", "", label)]
    assert not AuditEntry.objects.filter(after__icontains="guess").exists()


def test_sign_out_of_nobody_is_not_audited(client: Client, scene: Scene) -> None:
    client.post(reverse("sign-out"))
    assert actions() == []


# --- The admin's door ------------------------------------------------------------------------------------------------
@pytest.fixture
def root(scene: Scene) -> User:
    return person("root", scene.organization, superuser=True)


def test_admin_is_entered_by_the_same_door(client: Client, root: User) -> None:
    answer = client.get(reverse("admin:index"))
    assert answer["Location"] == f"{reverse('admin:login')}?next={reverse('admin:index')}"
    assert "Forgot password?" in client.get(answer["Location"]).content.decode()
    answer = client.post(answer["Location"], {"username": "root", "password": PASSWORD})
    assert answer["Location"] == reverse("admin:index")
    assert client.get(reverse("admin:login"))["Location"] == reverse("admin:index")
    client.post(reverse("admin:logout"))
    assert [action for action, *_ in actions()] == ["user.sign-in", "user.sign-out"]


def test_who_is_not_staff_may_enter_the_admin_as_another(owner: Client) -> None:
    text = owner.get(reverse("admin:login"), {"next": reverse("admin:index")}).content.decode()
    assert "You are signed in as owner, who may not use the admin." in text
