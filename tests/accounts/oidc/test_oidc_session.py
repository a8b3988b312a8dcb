"""A session that came from a provider: it ends there too, and may be asked about again."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.accounts.oidc.conftest import Configure
from tests.accounts.oidc.flow import client, past, sentence, signed_in, through, way_back
from tests.accounts.oidc.hostile import HostileProvider
from tests.accounts.oidc.provider import RealProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(provider: RealProvider, configure: Configure, settings: Settings, owner: User) -> Client:
    configure(provider, refresh_seconds=600)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "accounts.oidc.middleware.SessionRefresh"]
    return client()


# --- Signing out -----------------------------------------------------------------------------------------------------
def test_sign_out_leads_to_the_provider(browser: Client, provider: RealProvider) -> None:
    through(browser, "ana")
    id_token = browser.session["oidc_id_token"]
    page = browser.post("/sign-out").content.decode()
    address = page.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{provider.issuer}/session/end?")
    assert (asked["id_token_hint"], asked["post_logout_redirect_uri"]) == ([id_token], ["http://localhost/sign-in"])
    assert signed_in(browser) is None


def test_sign_out_of_a_password_session_stays_here(browser: Client, owner: User) -> None:
    browser.force_login(owner)
    assert browser.post("/sign-out")["Location"] == "/sign-in"


@pytest.mark.parametrize("metadata", [{}, {"end_session_endpoint": ""}])
def test_sign_out_stays_here_where_the_provider_has_none(
    liar: HostileProvider, configure: Configure, owner: User, metadata: dict[str, str]
) -> None:
    configure(liar)
    liar.metadata = metadata
    browser = client()
    past(browser, liar)
    assert browser.post("/sign-out")["Location"] == "/sign-in"
    assert signed_in(browser) is None


# --- Asking again ----------------------------------------------------------------------------------------------------
def later() -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(seconds=601))


def test_session_is_asked_about_when_it_is_due(browser: Client, provider: RealProvider) -> None:
    at_the_provider = requests.Session()
    through(browser, "ana", at_the_provider)
    assert browser.get("/profile").status_code == 200
    with later():
        asked = browser.get("/profile?page=2")["Location"]
    assert "prompt=none" in asked
    answer = at_the_provider.get(asked, allow_redirects=False, timeout=10)
    assert browser.get(way_back(answer.headers["location"]))["Location"] == "/profile?page=2"
    assert str(signed_in(browser)) == "ana"


def test_session_ends_here_when_it_has_ended_there(browser: Client) -> None:
    through(browser, "ana")
    with later():
        asked = browser.get("/profile")["Location"]
    answer = requests.get(asked, allow_redirects=False, timeout=10)  # another browser: the provider does not know it
    assert sentence(browser.get(way_back(answer.headers["location"]))) == "Your session at Example ID has ended. Sign in again."
    assert signed_in(browser) is None


def test_part_of_a_page_asks_for_the_whole(browser: Client) -> None:
    through(browser, "ana")
    with later():
        assert browser.get("/progress", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_session_from_the_password_form_is_not_asked_about(browser: Client, owner: User) -> None:
    browser.force_login(owner)
    with later():
        assert browser.get("/profile").status_code == 200


def test_who_asks_the_provider_for_somebody_else_becomes_them(browser: Client) -> None:
    """One sign-in after another in one browser: the second begins a session of its own."""
    through(browser, "ana")
    first = browser.session.session_key
    sign_in_again = through(browser, "machine")
    assert (sign_in_again.status_code, str(signed_in(browser))) == (302, "machine")
    assert browser.session.session_key != first
    assert browser.session["oidc_id_token"]
