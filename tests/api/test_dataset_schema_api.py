"""/api/v1/datasets: the JSON Schema of a dataset."""

import jsonschema
from rest_framework.test import APIClient

from exports.models import Dataset

SCHEMA = "/api/v1/datasets/contact-history/Interaction/schema"


def test_a_schema_is_draft_7_and_names_every_column(api: APIClient, interaction: Dataset) -> None:
    answer = api.get(SCHEMA)
    assert answer.status_code == 200
    jsonschema.Draft7Validator.check_schema(answer.json())
    assert answer.json()["title"] == "Interaction"
    assert {"id", "startDate", "allAttributes"} <= set(answer.json()["required"])


def test_a_schema_can_be_asked_for_by_its_media_type(api: APIClient, interaction: Dataset) -> None:
    answer = api.get(SCHEMA, headers={"Accept": "application/schema+json"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/schema+json")


def test_there_is_none_of_what_is_unknown_or_another_organizations(api: APIClient, outsider_api: APIClient, interaction: Dataset) -> None:
    assert api.get(SCHEMA.replace("Interaction", "Nothing")).status_code == 404
    assert api.get(SCHEMA.replace("contact-history", "nowhere")).status_code == 404
    assert outsider_api.get(SCHEMA).status_code == 404


def test_a_source_that_cannot_be_read_is_a_conflict_with_a_sentence(api: APIClient, interaction: Dataset) -> None:
    interaction.table = "gone"
    interaction.save()
    answer = api.get(SCHEMA)
    assert (answer.status_code, answer.json()["message"]) == (409, "The schema of Interaction cannot be read: Table gone does not exist.")
