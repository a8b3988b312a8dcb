"""Credentials are taken from headers only, and what is too large or too odd is refused."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Organization, User
from accounts.roles import EXPORT_ALL
from accounts.services import keys
from accounts.services.access import access_to
from exports.models import Job

JOBS = "/udm/v10/export/jobs"


def test_a_session_is_no_credential_of_the_api(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert client.get(JOBS).status_code == 401
    assert client.post(JOBS, "{}", content_type="application/json").status_code == 401
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["access_token", "token", "x-api-key", "api_key", "authorization"])
def test_no_credential_is_read_from_the_address_or_a_cookie(owner: User, organization: Organization, api: APIClient, name: str) -> None:
    access = access_to(owner, organization)
    assert access is not None
    _, key = keys.issue(access, name="k", scopes=[EXPORT_ALL])
    token = str(api._credentials["HTTP_AUTHORIZATION"]).removeprefix("Bearer ")  # type: ignore[attr-defined]  # where DRF keeps them
    stranger = APIClient()
    for credential in (key, token, f"Bearer {token}"):
        assert stranger.get(JOBS, {name: credential}).status_code == 401
        stranger.cookies[name] = credential
        assert stranger.get(JOBS).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "", "localhost:80:80"])
def test_another_host_is_refused(db: None, client: Client, host: str) -> None:
    assert client.get("/sign-in", headers={"host": host}).status_code == 400


def test_a_forwarded_host_changes_nothing(db: None, client: Client) -> None:
    answer = client.get("/", headers={"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"})
    assert "evil.example" not in answer["Location"]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000])
def test_json_that_is_nested_deeply_is_a_400(api: APIClient, body: str) -> None:
    answer = api.generic("POST", JOBS, body, content_type="application/json")
    assert (answer.status_code, set(answer.json())) == (400, {"message"})


def test_a_large_body_is_a_400(api: APIClient) -> None:
    answer = api.generic("POST", JOBS, '{"title": "' + "x" * 1_048_576 + '"}', content_type="application/json")
    assert answer.status_code == 400
    assert "too large" in answer.json()["message"]


@pytest.mark.parametrize("size", ["1001", "99999999999999999999", "-1", "0"])
def test_a_page_has_bounds(api: APIClient, size: str) -> None:
    assert api.get(JOBS, {"size": size}).status_code == 400
