"""Media types of the retention-jobs face: which are answered, in which words, and what is said of others."""

import json
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from accounts.models import Organization
from retention.api.medchat.media import DEFAULT, choose
from retention.models import RetentionJob

SEED = (Path(__file__).parent / "media_types.txt").read_text().splitlines()
"""Those that the document of MedChat lists, one a line."""


@pytest.mark.parametrize("media_type", SEED)
def test_each_documented_media_type_is_answered_in_itself(media_type: str) -> None:
    answered = choose(media_type)
    assert answered is not None
    assert answered.removesuffix("; charset=utf-8") == media_type


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", DEFAULT),
        ("application/vnd.medchat+json;v=2.0", "application/vnd.medchat+json; v=2.0"),
        ("application/vnd.medchat+json", "application/vnd.medchat+json; v=latest"),
        ("Application/JSON; ODATA.metadata=None", "application/json;odata.metadata=none"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", DEFAULT),
        ("text/plain;q=0.5, application/json;q=0.9", "application/json"),
        ("application/vnd.medchat+json; v=3.0, application/json", "application/json"),
        ("text/*", "text/json; charset=utf-8"),
        ("application/json;q=0, text/plain", "text/plain; charset=utf-8"),
    ],
)
def test_what_is_answered(accept: str, answered: str) -> None:
    assert choose(accept) == answered


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.medchat+json; v=3.0",
        "application/vnd.medchat+json; v=1.0; w=2",
        "application/json;odata.metadata=verbose",
        "application/json;indent=4",
        "application/xml",
        "application/json;q=0",
        "application/json;q=x",
        "x" * 9000,
        ",;,=,",
        "a," * 5000 + "application/json",
    ],
)
def test_what_is_not_there_is_a_406_that_says_what_is(api: APIClient, address: str, accept: str) -> None:
    answer = api.get(address, headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (406, "application/json")
    assert "application/vnd.medchat+json; v=1.0" in answer.json()["message"]


@pytest.mark.parametrize("accept", [None, "", "*/*", "application/vnd.medchat+json; v=1.0", "text/plain", "application/octet-stream"])
def test_the_body_is_the_same_json_in_each(api: APIClient, address: str, accept: str | None) -> None:
    answer = api.get(address, headers={"Accept": accept} if accept is not None else {})
    assert answer["Content-Type"] == choose(accept or "*/*")
    assert (answer.status_code, json.loads(answer.content)) == (200, {"value": []})
    assert "Accept" in answer["Vary"]


def test_failures_are_plain_json_whatever_was_asked_for(api: APIClient, address: str) -> None:
    answer = api.get(f"{address}/none", headers={"Accept": "text/plain"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


def test_whole_numbers_are_texts_where_ieee754_is_asked_for(
    api: APIClient, address: str, access: object, organization: Organization
) -> None:
    RetentionJob.objects.create(organization=organization, owner=access.user, kind="Extract")  # type: ignore[attr-defined]
    asked = "application/json;odata.metadata=minimal;IEEE754Compatible={}"
    counts = {
        said: api.get(f"{address}?$count=true", headers={"Accept": asked.format(said)}).json()["@odata.count"] for said in ("true", "false")
    }
    assert counts == {"true": "1", "false": 1}
