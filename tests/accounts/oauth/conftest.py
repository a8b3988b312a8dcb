"""Applications, people with passwords, and the short ways to a token."""

from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from accounts.models import Application, Organization, User

CALLBACK = "https://client.example/callback"
PASSWORD = "a long way to Tipperary"
SECRET = "s3cret-of-the-client"


@pytest.fixture
def ana(owner: User) -> User:
    """The owner, who can sign in."""
    owner.set_password(PASSWORD)
    owner.save()
    return owner


@pytest.fixture
def application(organization: Organization) -> Application:
    """Confidential, for the sign-in form, of no organization, without a question for consent."""
    return Application.objects.create(
        name="Wallboard",
        client_id="wallboard",
        client_secret=SECRET,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=CALLBACK,
        post_logout_redirect_uris="https://client.example/bye",
        allowed_origins="https://client.example",
        skip_authorization=True,
    )


@pytest.fixture
def legacy(organization: Organization) -> Application:
    """Public, marked for the password grant."""
    return Application.objects.create(
        name="Old desk",
        client_id="old-desk",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_PASSWORD,
        allows_password_grant=True,
    )


@pytest.fixture
def machine(organization: Organization, ana: User) -> Application:
    """Acts as Ana with client credentials."""
    return Application.objects.create(
        name="Nightly",
        client_id="nightly",
        client_secret=SECRET,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        organization=organization,
        user=ana,
    )


def basic(client_id: str, secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


def authorize_url(client_id: str = "wallboard", **changed: str) -> str:
    query = {"response_type": "code", "client_id": client_id, "redirect_uri": CALLBACK, "state": "xyz", **changed}
    return "/auth/v3/oauth/authorize?" + urlencode(query)


def ask_token(client: str = "", secret: str = SECRET, /, **form: str) -> Any:
    headers = basic(client, secret) if client else {}
    return Client(headers=headers).post("/auth/v3/oauth/token", urlencode(form), content_type="application/x-www-form-urlencoded")


def get_code(user: User, url: str | None = None) -> str:
    """As a browser that is signed in."""
    browser = Client()
    browser.force_login(user)
    location = browser.get(url or authorize_url())["Location"]
    return parse_qs(urlsplit(location).query)["code"][0]


def get_tokens(user: User) -> dict[str, Any]:
    answer = ask_token("wallboard", grant_type="authorization_code", code=get_code(user), redirect_uri=CALLBACK)
    return dict(answer.json())


def ask(path: str, token: str, **headers: str) -> Any:
    return Client(headers={"Authorization": f"Bearer {token}", **headers}).get(f"/auth/v3/{path}")
