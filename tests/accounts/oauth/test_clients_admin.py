"""Registering clients in the admin: the secret is shown once, and what cannot work is refused."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Application, Organization, User
from tests.accounts.oauth.conftest import CALLBACK, SECRET, ask_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def register(root: Client, **changed: str) -> str:
    """What the admin says then."""
    fields = {
        "name": "Wallboard",
        "client_type": "confidential",
        "authorization_grant_type": "authorization-code",
        "redirect_uris": CALLBACK,
        **changed,
    }
    return root.post(reverse("admin:accounts_application_add"), fields, follow=True).content.decode()


def test_secret_is_shown_once_and_works(root: Client, organization: Organization, ana: User) -> None:
    machine = {"authorization_grant_type": "client-credentials", "organization": str(organization.pk), "user": str(ana.pk)}
    page = register(root, redirect_uris="", **machine)
    application = Application.objects.get()
    secret = page.partition("shown this once: ")[2].partition("<")[0].strip()
    assert ask_token(application.client_id, secret, grant_type="client_credentials").status_code == 200
    again = root.get(reverse("admin:accounts_application_change", args=[application.pk])).content.decode()
    assert secret not in again
    assert application.client_secret not in again


def test_new_secret_replaces_the_old_one(root: Client, machine: Application) -> None:
    data = {"action": "new_secret", "_selected_action": [str(machine.pk)], "index": "0"}
    answer = root.post(reverse("admin:accounts_application_changelist"), data, follow=True)
    (message,) = answer.context["messages"]
    assert ask_token("nightly", SECRET, grant_type="client_credentials").status_code == 401
    assert ask_token("nightly", str(message).rpartition(" ")[2], grant_type="client_credentials").status_code == 200


def test_public_client_is_shown_no_secret(root: Client) -> None:
    assert "shown this once" not in register(root, client_type="public")
    assert Application.objects.exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"redirect_uris": ""}, "redirect_uris cannot be empty"),
        ({"redirect_uris": "javascript:alert(1)"}, "redirect uri URI"),
        ({"redirect_uris": "https://client.example/#x"}, "redirect uri URI"),
        ({"redirect_uris": "https://*.example/"}, "redirect uri URI"),
        ({"post_logout_redirect_uris": "//evil.example"}, "sign-out URI"),
        ({"allowed_origins": "*"}, "allowed origin URI"),
        ({"allowed_origins": "https://client.example/path"}, "allowed origin URI"),
        ({"authorization_grant_type": "client-credentials"}, "name one, and an organization that they belong to"),
        ({"authorization_grant_type": "client-credentials", "client_type": "public"}, "need a confidential client"),
        ({"authorization_grant_type": "password"}, "must be allowed to"),
        ({"authorization_grant_type": "implicit"}, "implicit is not one of the available choices"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(root: Client, changed: dict[str, str], sentence: str) -> None:
    assert sentence in register(root, **changed)
    assert not Application.objects.exists()
