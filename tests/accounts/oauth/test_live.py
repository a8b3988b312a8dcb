"""The whole way with a client library that is not ours (authlib), over HTTP, and through a real browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from pytest_django.live_server_helper import LiveServer
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from accounts.models import Application, User
from tests.accounts.oauth.conftest import PASSWORD, SECRET
from tests.console.browsing import chromium
from tests.web_servers import serving

VERIFIER = "k" * 50

pytestmark = pytest.mark.django_db(transaction=True)


class _Callback(BaseHTTPRequestHandler):
    """The client's own page, on another origin than Strongroom."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>the client</title>")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 http.server's name
        """Quiet."""


@pytest.fixture
def callback() -> Iterator[str]:
    with serving(_Callback) as port:
        yield f"http://127.0.0.1:{port}/callback"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's server speaks no TLS, which authlib insists on."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "true")


@pytest.fixture
def consent(tmp_path: Path, callback: str, ana: User) -> Iterator[Callable[[str], str]]:
    """Sign in, allow, and come back to the client: from the address that it sends the browser to, to the one that it ends at."""

    def go(url: str) -> str:
        browser.get(url)
        browser.find_element(By.NAME, "username").send_keys("owner")
        browser.find_element(By.NAME, "password").send_keys(PASSWORD)
        browser.find_element(By.CSS_SELECTOR, "button[value=sign-in]").click()
        WebDriverWait(browser, 20).until(lambda page: page.find_elements(By.CSS_SELECTOR, "button[value=allow]"))
        browser.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
        WebDriverWait(browser, 20).until(lambda page: page.current_url.startswith(callback))
        assert browser.title == "the client"
        return str(browser.current_url)

    with contextmanager(chromium)(tmp_path) as browser:
        yield go


def test_public_client_signs_in_with_pkce_refreshes_and_is_caught_at_a_replay(
    live_server: LiveServer, consent: Callable[[str], str], callback: str, application: Application
) -> None:
    Application.objects.update(client_type=Application.CLIENT_PUBLIC, redirect_uris=callback, skip_authorization=False)
    endpoint = f"{live_server.url}/auth/v3/oauth/token"
    client = OAuth2Session("wallboard", scope="*", redirect_uri=callback, code_challenge_method="S256", token_endpoint_auth_method="none")
    url, state = client.create_authorization_url(f"{live_server.url}/auth/v3/oauth/authorize", code_verifier=VERIFIER)
    arrived = consent(url)
    first = client.fetch_token(endpoint, authorization_response=arrived, state=state, code_verifier=VERIFIER)
    assert client.get(f"{live_server.url}/auth/v3/userinfo").json()["username"] == "owner"

    second = client.refresh_token(endpoint, refresh_token=first["refresh_token"])
    assert second["access_token"] != first["access_token"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(endpoint, refresh_token=first["refresh_token"])
    client.token = second
    assert client.get(f"{live_server.url}/auth/v3/userinfo").status_code == 401


def test_server_side_client_exchanges_its_code_with_its_secret(
    live_server: LiveServer, consent: Callable[[str], str], callback: str, application: Application
) -> None:
    Application.objects.update(redirect_uris=callback, skip_authorization=False)
    client = OAuth2Session("wallboard", SECRET, redirect_uri=callback, token_endpoint_auth_method="client_secret_basic")
    url, state = client.create_authorization_url(f"{live_server.url}/auth/v3/oauth/authorize")
    arrived = consent(url)
    token = client.fetch_token(f"{live_server.url}/auth/v3/oauth/token", authorization_response=arrived, state=state)
    assert token["token_type"] == "bearer"
    assert client.get(f"{live_server.url}/auth/v3/ping").status_code == 200


def test_machine_gets_a_token_with_its_credentials(live_server: LiveServer, machine: Application) -> None:
    client = OAuth2Session("nightly", SECRET, scope="*")
    client.fetch_token(f"{live_server.url}/auth/v3/oauth/token", grant_type="client_credentials")
    assert client.get(f"{live_server.url}/udm/v10/data/sources").status_code == 204


def test_legacy_client_gets_a_token_with_name_and_password(live_server: LiveServer, legacy: Application, ana: User) -> None:
    client = OAuth2Session("old-desk", token_endpoint_auth_method="none")
    client.fetch_token(f"{live_server.url}/auth/v3/oauth/token", username="here\\owner", password=PASSWORD)
    assert client.get(f"{live_server.url}/auth/v3/userinfo").json()["username"] == "owner"
