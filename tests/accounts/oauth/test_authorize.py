"""GET and POST /oauth/authorize: the form, the question, and where the browser is sent."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import Application, AuditEntry, Grant, Organization, User
from accounts.services.people import join
from tests.accounts.oauth.conftest import CALLBACK, PASSWORD, SECRET, ask, ask_token, authorize_url, basic

pytestmark = pytest.mark.django_db


def sign_in(url: str, username: str = "owner", password: str = PASSWORD, **more: str) -> tuple[Client, Any]:
    browser = Client()
    return browser, browser.post(url, {"step": "sign-in", "username": username, "password": password, **more})


def answer_of(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def token_for(code: str) -> str:
    return str(ask_token("wallboard", grant_type="authorization_code", code=code, redirect_uri=CALLBACK).json()["access_token"])


def test_who_is_not_signed_in_sees_the_form(application: Application) -> None:
    page = Client().get(authorize_url())
    assert page.status_code == 200
    assert "Wallboard" in page.content.decode()
    assert 'name="tenant"' in page.content.decode()
    assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize(("value", "code", "shown"), [("true", 200, False), ("false", 200, True), ("maybe", 400, False)])
def test_tenant_field_can_be_hidden(application: Application, value: str, code: int, shown: bool) -> None:
    page = Client().get(authorize_url(hideTenant=value))
    assert page.status_code == code
    assert ('name="tenant"' in page.content.decode()) is shown


def test_signing_in_leads_back_to_the_client_with_code_and_state(ana: User, application: Application) -> None:
    browser, answer = sign_in(authorize_url())
    assert (answer.status_code, answer["Location"]) == (302, authorize_url())
    location = browser.get(authorize_url())["Location"]
    assert location.startswith(CALLBACK + "?")
    assert set(answer_of(location)) == {"code", "state", "iss"}
    assert answer_of(location)["state"] == "xyz"
    assert ask("userinfo", token_for(answer_of(location)["code"])).json()["username"] == "owner"


@pytest.mark.parametrize(
    "typed",
    [
        ("owner", "wrong", ""),
        ("nobody", PASSWORD, ""),
        ("owner", PASSWORD, "elsewhere"),
        ("owner", PASSWORD, "nowhere"),
        ("elsewhere\\owner", PASSWORD, ""),
        ("", "", ""),
        ("o\0wner", PASSWORD, ""),
    ],
)
def test_bad_credentials_are_one_and_the_same_401(
    ana: User, application: Application, elsewhere: Organization, typed: tuple[str, str, str]
) -> None:
    username, password, tenant = typed
    browser, answer = sign_in(authorize_url(), username, password, tenant=tenant)
    assert answer.status_code == 401
    assert "Tenant, username or password is not right." in answer.content.decode()
    assert browser.get(authorize_url()).status_code == 200


@pytest.mark.parametrize(("tenant", "username"), [("elsewhere", "owner"), ("", "elsewhere\\owner")])
def test_tenant_chooses_what_the_token_speaks_for(
    ana: User, application: Application, elsewhere: Organization, tenant: str, username: str
) -> None:
    join(ana, elsewhere)
    browser, _ = sign_in(authorize_url(), username, tenant=tenant)
    code = answer_of(browser.get(authorize_url())["Location"])["code"]
    assert ask("userinfo", token_for(code)).json()["contactCenterId"] == str(elsewhere.pk)


def test_application_of_an_organization_is_for_its_members(
    ana: User, outsider: User, application: Application, organization: Organization
) -> None:
    Application.objects.update(organization=organization)
    stranger = Client()
    stranger.force_login(outsider)
    assert stranger.get(authorize_url()).status_code == 200  # asked to sign in as somebody else
    assert not Grant.objects.exists()


def test_consent_is_asked_for_unless_the_application_skips_it(ana: User, application: Application) -> None:
    Application.objects.update(skip_authorization=False)
    browser, _ = sign_in(authorize_url())
    page = browser.get(authorize_url())
    assert page.status_code == 200
    assert "Allow Wallboard?" in page.content.decode()
    location = browser.post(authorize_url(), {"step": "allow"})["Location"]
    assert token_for(answer_of(location)["code"])


def test_denied_consent_is_told_to_the_client(ana: User, application: Application) -> None:
    Application.objects.update(skip_authorization=False)
    browser, _ = sign_in(authorize_url())
    told = answer_of(browser.post(authorize_url(), {"step": "deny"})["Location"])
    assert (told["error"], told["state"]) == ("access_denied", "xyz")
    assert not Grant.objects.exists()


def test_another_account_may_be_taken(ana: User, application: Application) -> None:
    Application.objects.update(skip_authorization=False)
    browser, _ = sign_in(authorize_url())
    browser.post(authorize_url(), {"step": "switch"})
    assert 'name="password"' in browser.get(authorize_url()).content.decode()


@pytest.mark.parametrize("step", ["allow", "sign-in", "switch"])
def test_forms_need_a_csrf_token(ana: User, application: Application, step: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)
    answer = browser.post(authorize_url(), {"step": step, "username": "owner", "password": PASSWORD})
    assert answer.status_code == 403
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unauthorized_client"),
        ({"scope": "read"}, "invalid_scope"),
        ({"code_challenge": "c" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "c" * 43}, "invalid_request"),
    ],
)
def test_bad_request_is_told_to_the_client(ana: User, application: Application, changed: dict[str, str], error: str) -> None:
    browser = Client()
    browser.force_login(ana)
    location = browser.get(authorize_url(**changed))["Location"]
    assert location.startswith(CALLBACK + "?")
    assert (answer_of(location)["error"], answer_of(location)["state"]) == (error, "xyz")


def test_public_client_must_use_pkce(ana: User, application: Application) -> None:
    Application.objects.update(client_type=Application.CLIENT_PUBLIC)
    told = answer_of(Client().get(authorize_url())["Location"])
    assert told["error"] == "invalid_request"


@pytest.mark.parametrize(
    "uri",
    [
        "//evil.example/callback",
        "\\\\evil.example\\callback",
        "/\\evil.example",
        "https://evil.example/callback",
        "https://client.example@evil.example/callback",
        "https://evil.example\\@client.example/callback",
        "https://user@client.example/callback",
        "https://client.example.evil.example/callback",
        "https://evil-client.example/callback",
        "https://client.example/callback/../evil",
        "https://client.example/callback/more",
        "https://client.example/callback?more=1",
        "https://client.example/callback#part",
        "https://client.example:8443/callback",
        "http://client.example/callback",
        "javascript:alert(1)",
        "https://client.example/callback\r\nSet-Cookie: a=b",
        "https://client.example/%63allback",
        " https://client.example/callback",
    ],
)
def test_redirect_uri_that_is_not_registered_is_never_gone_to(ana: User, application: Application, uri: str) -> None:
    browser = Client()
    browser.force_login(ana)
    answer = browser.get(authorize_url(redirect_uri=uri))
    assert answer.status_code == 400
    assert "Location" not in answer
    assert not Grant.objects.exists()


@pytest.mark.parametrize("client", ["nobody", "", "wall\0board"])
def test_unknown_client_is_unauthorized(application: Application, client: str) -> None:
    answer = Client().get(authorize_url(client_id=client))
    assert answer.status_code in {400, 401}
    assert "Location" not in answer


@pytest.mark.parametrize(("client", "secret", "code"), [("wallboard", SECRET, 200), ("wallboard", "wrong", 401), ("owner", PASSWORD, 401)])
def test_basic_credentials_are_the_clients_or_none(ana: User, application: Application, client: str, secret: str, code: int) -> None:
    assert Client(headers=basic(client, secret)).get(authorize_url()).status_code == code


def test_sign_in_is_audited(ana: User, application: Application) -> None:
    sign_in(authorize_url())
    assert [entry.action for entry in AuditEntry.objects.filter(actor="owner")] == ["user.sign-in"]


def test_page_is_not_for_frames(application: Application) -> None:
    assert Client().get(authorize_url())["X-Frame-Options"] == "DENY"
