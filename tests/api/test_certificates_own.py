"""Strongroom's own /certificates: further recipients, and the proof that somebody can decrypt."""

import subprocess
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from accounts.roles import DATA_EXPORTER
from accounts.services.people import join
from exports.models import Certificate, Challenge
from tests.conftest import _client
from tests.keys import new_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, bytes]:
    return new_certificate(2048)


@pytest.fixture
def mine(api: APIClient, pair: tuple[bytes, bytes]) -> dict[str, Any]:
    """A certificate whose key is at hand."""
    made: dict[str, Any] = api.post("/api/v1/certificates", {"name": "Ana", "pem": pair[0].decode()}).json()
    return made


@pytest.fixture
def secret_of(pair: tuple[bytes, bytes], tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """What the command in a challenge prints."""

    def decrypt(challenge: dict[str, Any]) -> str:
        (tmp_path / "challenge.p7m").write_bytes(b64decode(challenge["sealed"]))
        (tmp_path / "KEY.pem").write_bytes(pair[1])
        return subprocess.run(challenge["decryptCommand"], shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    return decrypt


def url(certificate: dict[str, Any]) -> str:
    return f"/api/v1/certificates/{certificate['id']}/challenge"


def test_who_decrypts_the_secret_has_proven_it(api: APIClient, mine: dict[str, Any], secret_of: Callable[[dict[str, Any]], str]) -> None:
    challenge = api.post(url(mine))
    assert (challenge.status_code, mine["provenDate"]) == (201, None)
    answer = api.put(url(mine), {"secret": secret_of(challenge.json())})
    assert (answer.status_code, answer.json()["provenDate"] is not None) == (200, True)
    assert AuditEntry.objects.filter(action="certificate.prove").count() == 1


def test_secret_is_not_stored(api: APIClient, mine: dict[str, Any], secret_of: Callable[[dict[str, Any]], str]) -> None:
    secret = secret_of(api.post(url(mine)).json())
    assert secret not in str(Challenge.objects.values()) + str([entry.facts() for entry in AuditEntry.objects.all()])
    assert len(secret) == 43


def test_a_wrong_answer_uses_the_challenge_up(api: APIClient, mine: dict[str, Any], secret_of: Callable[[dict[str, Any]], str]) -> None:
    challenge = api.post(url(mine)).json()
    wrong = api.put(url(mine), {"secret": "x" * 43})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["secret"])
    assert api.put(url(mine), {"secret": secret_of(challenge)}).status_code == 409
    assert Certificate.objects.get(pk=mine["id"]).proven_at is None


def test_an_answer_counts_once(api: APIClient, mine: dict[str, Any], secret_of: Callable[[dict[str, Any]], str]) -> None:
    secret = secret_of(api.post(url(mine)).json())
    assert [api.put(url(mine), {"secret": secret}).status_code for _ in range(2)] == [200, 409]


def test_an_answer_that_is_late_does_not_count(api: APIClient, mine: dict[str, Any], secret_of: Callable[[dict[str, Any]], str]) -> None:
    secret = secret_of(api.post(url(mine)).json())
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api.put(url(mine), {"secret": secret}).status_code == 409


def test_a_later_challenge_voids_the_earlier(api: APIClient, mine: dict[str, Any], secret_of: Callable[[dict[str, Any]], str]) -> None:
    first = secret_of(api.post(url(mine)).json())
    api.post(url(mine))
    assert api.put(url(mine), {"secret": first}).status_code == 400


def test_a_challenge_is_for_who_asked(
    api: APIClient, teammate: User, mine: dict[str, Any], secret_of: Callable[[dict[str, Any]], str]
) -> None:
    organization = Certificate.objects.get(pk=mine["id"]).organization
    join(teammate, organization, [DATA_EXPORTER])
    secret = secret_of(api.post(url(mine)).json())
    assert _client(teammate, organization).put(url(mine), {"secret": secret}).status_code == 409


@pytest.mark.parametrize("body", [{}, {"secret": None}, {"secret": "x" * 201}, {"secret": "a", "more": 1}, ["a"]])
def test_what_is_no_answer_leaves_the_challenge_open(api: APIClient, mine: dict[str, Any], body: object) -> None:
    api.post(url(mine))
    assert (api.put(url(mine), body).status_code, Challenge.objects.count()) == (400, 1)


# --- Recipients ------------------------------------------------------------------------------------------------------
def test_a_further_recipient_leaves_the_udms_certificate(api: APIClient, certificate: Certificate, mine: dict[str, Any]) -> None:
    assert (mine["active"], mine["primary"], mine["key"]) == (True, False, "RSA 2048")
    assert "3072" in mine["warning"]
    assert api.get("/udm/v10/cipher").json()["name"] == certificate.name


def test_the_first_becomes_the_udms_certificate(api: APIClient, mine: dict[str, Any]) -> None:
    assert api.get("/udm/v10/cipher").json()["name"] == mine["name"] == "Ana"


def test_what_is_refused_is_said_of_the_field_that_was_sent(api: APIClient, pair: tuple[bytes, bytes]) -> None:
    refused = [
        api.post("/api/v1/certificates", body).json()["errors"]
        for body in ({"name": "a", "pem": pair[1].decode()}, {"name": "a/b", "pem": pair[0].decode()})
    ]
    assert [list(errors) for errors in refused] == [["pem"], ["name"]]
    assert "private key" in refused[0]["pem"]


def test_a_recipient_is_switched_off(api: APIClient, mine: dict[str, Any]) -> None:
    changed = api.patch(f"/api/v1/certificates/{mine['id']}", {"active": False})
    assert (changed.status_code, changed.json()["active"]) == (200, False)
