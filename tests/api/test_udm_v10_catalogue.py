"""/udm/v10/data/attributes, /resources/labels, and the key in the query of /file-metadatas."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiKey
from accounts.roles import EXPORT_ALL
from accounts.services import keys
from accounts.services.access import Access
from exports.models import Dataset, File
from exports.services.jobs import SCHEDULE_TYPES

ATTRIBUTES, LABELS, FILES = "/udm/v10/data/attributes", "/udm/v10/resources/labels", "/udm/v10/file-metadatas"


# --- Attributes ----------------------------------------------------------------------------------------------------
def test_attributes_are_the_columns_that_the_source_has(api: APIClient, interaction: Dataset, contact: Dataset) -> None:
    found = {item["entity"]: item for item in api.get(ATTRIBUTES).json()}
    assert set(found) == {"Interaction", "Contact"}
    assert found["Interaction"]["source"] == "contact-history"
    named = {attribute["name"]: attribute for attribute in found["Interaction"]["attributes"]}
    assert named["startDate"]["type"] == "timestamp"
    assert {"eq", "contains", "isNull"} <= set(named["subject"]["operators"])


def test_entities_choose_types(api: APIClient, interaction: Dataset, contact: Dataset) -> None:
    assert [item["entity"] for item in api.get(f"{ATTRIBUTES}?entities=Contact").json()] == ["Contact"]
    assert [item["entity"] for item in api.get(f"{ATTRIBUTES}?entities=Interaction, Contact").json()] == ["Contact", "Interaction"]


def test_an_unknown_entity_is_a_400_with_the_nearest(api: APIClient, interaction: Dataset) -> None:
    answer = api.get(f"{ATTRIBUTES}?entities=Interactoin")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["entities"])
    assert "Interaction" in answer.json()["message"]


def test_without_types_there_is_nothing_to_filter_on(api: APIClient) -> None:
    assert (api.get(ATTRIBUTES).status_code, api.get(ATTRIBUTES).json()) == (200, [])


# --- Labels --------------------------------------------------------------------------------------------------------
def test_labels_are_of_what_the_api_answers(api: APIClient, interaction: Dataset) -> None:
    labels = api.get(LABELS).json()
    assert labels["sources"] == api.get("/udm/v10/data/sources").json() == [{"label": "Contact history", "value": "contact-history"}]
    assert labels["jobStatuses"] == api.get("/udm/v10/data/job-statuses").json()
    assert {item["value"] for item in labels["scheduleTypes"]} == set(SCHEDULE_TYPES)
    assert {"label": "Chat", "value": "chat"} in labels["subTypes"]
    assert labels["types"] == [{"label": "Interaction", "value": "Interaction"}]


def test_labels_name_nothing_of_others(outsider_api: APIClient, interaction: Dataset) -> None:
    labels = outsider_api.get(LABELS).json()
    assert (labels["sources"], labels["types"], labels["subTypes"]) == ([], [], [])


# --- The key in the query ------------------------------------------------------------------------------------------
@pytest.fixture
def make_key(access: Access) -> Callable[..., str]:
    def make(*scopes: str) -> str:
        return keys.issue(access, name=f"key {ApiKey.objects.count()}", scopes=scopes)[1]

    return make


def test_a_key_in_the_query_of_file_metadatas_must_be_valid(api: APIClient, file: File, make_key: Callable[..., str]) -> None:
    assert api.get(FILES, {"x-api-key": make_key(EXPORT_ALL)}).json()["count"] == 1
    assert (api.get(FILES, {"x-api-key": "wrong"}).status_code, api.get(FILES, {"x-api-key": ""}).status_code) == (403, 403)


def test_a_key_in_the_query_narrows(api: APIClient, file: File, make_key: Callable[..., str]) -> None:
    key = make_key("read_audit")
    assert api.get(FILES, {"x-api-key": key}).status_code == api.get(FILES, headers={"x-api-key": key}).status_code == 403


def test_two_keys_that_differ_are_none(api: APIClient, file: File, make_key: Callable[..., str]) -> None:
    sent: dict[str, Any] = {"headers": {"x-api-key": make_key(EXPORT_ALL)}}
    assert api.get(FILES, {"x-api-key": make_key(EXPORT_ALL)}, **sent).status_code == 403


@pytest.mark.parametrize("address", ["/udm/v10/export/jobs", "/udm/v3/file-metadatas"])
def test_elsewhere_a_key_in_the_query_is_an_unknown_parameter(api: APIClient, make_key: Callable[..., str], address: str) -> None:
    assert api.get(address, {"x-api-key": make_key(EXPORT_ALL)}).status_code == 400
    assert ApiKey.objects.get().last_used_at is None
