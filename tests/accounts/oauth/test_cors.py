"""A browser may call from registered origins, without cookies."""

import pytest
from django.test import Client

from accounts.models import Application
from tests.accounts.oauth.conftest import ask_token

pytestmark = pytest.mark.django_db
ORIGIN = "https://client.example"


def preflight(path: str, origin: str) -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    return dict(Client(headers=headers).options(path).items())


@pytest.mark.parametrize("path", ["/auth/v3/ping", "/udm/v10/export/jobs"])
def test_registered_origin_may_call_with_a_token(application: Application, path: str) -> None:
    answer = preflight(path, ORIGIN)
    assert answer["access-control-allow-origin"] == ORIGIN
    assert "authorization" in answer["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer
    assert "origin" in answer["Vary"].lower()


def test_registered_origin_may_read_answers_and_failures(application: Application) -> None:
    answer = Client(headers={"Origin": ORIGIN}).get("/auth/v3/userinfo")
    assert (answer.status_code, answer["access-control-allow-origin"]) == (401, ORIGIN)
    assert "X-GWS-User" in answer["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://client.example",
        "https://client.example.evil.example",
        "https://client.exampl",
        "null",
        "https://",
        "",
        "*",
    ],
)
def test_other_origins_may_not(application: Application, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight("/auth/v3/ping", origin)
    assert "access-control-allow-origin" not in Client(headers={"Origin": origin}).get("/auth/v3/ping").headers


@pytest.mark.parametrize("path", ["/", "/sign-in", "/admin/"])
def test_pages_are_for_no_other_origin(application: Application, path: str) -> None:
    assert "access-control-allow-origin" not in Client(headers={"Origin": ORIGIN}).get(path).headers


def test_token_answer_has_the_origin_once(machine: Application, application: Application) -> None:
    answer = ask_token("nightly", grant_type="client_credentials")
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
