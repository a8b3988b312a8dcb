"""Credentials of /udm/v10: what is no token, a key beside a token, and the one route that needs neither."""

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

BASE = "/udm/v10/"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Bearer a b", "Basic eDp5", "Bearer 000000000000.x"])
def test_a_bad_token_is_401(db: None, header: str) -> None:
    assert APIClient().get(BASE + "export/jobs", HTTP_AUTHORIZATION=header).status_code == 401


def test_an_api_key_that_is_sent_must_be_valid(api: APIClient) -> None:
    answer = api.get(BASE + "export/jobs", HTTP_X_API_KEY="wrong")
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_version_needs_no_token(db: None) -> None:
    assert set(APIClient().get(BASE + "version").json()) == {"version", "buildNumber", "changeset", "name"}


def test_an_api_key_that_comes_to_version_must_be_valid(db: None, settings: LazySettings) -> None:
    assert APIClient().get(BASE + "version", HTTP_X_API_KEY="wrong").status_code == 403
    settings.API_KEY_REQUIRED = True
    assert APIClient().get(BASE + "version").status_code == 200
