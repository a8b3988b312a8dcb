"""jobParams.filters: what a client may ask for, and what is said to the one who asks for something else."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from exports.models import Job
from tests.api.test_udm_v10_jobs import JOBS, body

FILTERS = [
    {"attribute": "status", "operator": "in", "value": [1, 2]},
    {"attribute": "subject", "operator": "contains", "value": "100%"},
    {"attribute": "endDate", "operator": "isNotNull"},
]

pytestmark = pytest.mark.usefixtures("interaction", "certificate")


def filtered(api: APIClient, *filters: object) -> Any:
    return api.post(JOBS, json.dumps(body(jobParams__filters=list(filters))), content_type="application/json")


def test_filters_are_kept_and_told(api: APIClient) -> None:
    answer = filtered(api, *FILTERS)
    assert (answer.status_code, answer.json()["filters"]) == (202, FILTERS)
    assert Job.objects.get().filters == FILTERS
    assert api.get(f"{JOBS}/{answer.json()['id']}").json()["filters"] == FILTERS


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"attribute": "startdat", "operator": "isNull"}, "[1].attribute", "Did you mean startDate, "),
        ({"attribute": "1=1; --", "operator": "isNull"}, "[1].attribute", "is unknown in Interaction"),
        ({"attribute": "\ud800", "operator": "isNull"}, "[1].attribute", "Surrogate characters"),
        ({"attribute": "status", "operator": "contains", "value": 1}, "[1].operator", "There are: eq, ne, lt,"),
        ({"attribute": "subject", "operator": "like", "value": "a"}, "[1].operator", "Did you mean"),
        ({"attribute": "allAttributes", "operator": "eq", "value": "a"}, "[1].operator", "There are: isNull, isNotNull."),
        ({"attribute": "status", "operator": "eq", "value": "open"}, "[1].value", "a whole number"),
        ({"attribute": "status", "operator": "eq", "value": True}, "[1].value", "a whole number"),
        ({"attribute": "status", "operator": "eq"}, "[1].value", "a whole number"),
        ({"attribute": "status", "operator": "in", "value": 1}, "[1].value", "a list of 1 to 1000"),
        ({"attribute": "status", "operator": "in", "value": []}, "[1].value", "a list of 1 to 1000"),
        ({"attribute": "status", "operator": "in", "value": [1, {}]}, "[1].value", "a whole number"),
        ({"attribute": "status", "operator": "isNull", "value": 1}, "[1].value", "takes no value"),
        ({"attribute": "subject", "operator": "eq", "value": "\0"}, "[1].value", "none of them NUL"),
        ({"attribute": "subject", "operator": "eq", "value": "\ud800"}, "[1].value", "a text"),
        ({"attribute": "startDate", "operator": "lt", "value": "yesterday"}, "[1].value", "ISO 8601"),
        ({"attribute": "cost", "operator": "lt", "value": "1e999"}, "[1].value", "at most 65 digits"),
        ({"attribute": "sentiment", "operator": "lt", "value": "nan"}, "[1].value", "a finite number"),
        ({"attribute": "status", "operator": "eq", "value": 1, "or": 1}, "[1].or", "is unknown here"),
        ({"operator": "isNull"}, "[1].attribute", "required"),
    ],
)
def test_what_cannot_be_asked_is_a_400_that_names_it_and_what_can(api: APIClient, wrong: dict[str, Any], field: str, said: str) -> None:
    answer = filtered(api, FILTERS[0], wrong)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [f"jobParams.filters{field}"]
    assert said in answer.json()["errors"][f"jobParams.filters{field}"]
    assert not Job.objects.exists()


def test_too_many_filters_are_refused(api: APIClient) -> None:
    answer = filtered(api, *[FILTERS[0]] * 21)
    assert answer.json()["errors"] == {"jobParams.filters": "jobParams.filters may hold at most 20 filters."}


def test_a_source_that_cannot_be_read_takes_no_filter(api: APIClient, interaction: Any) -> None:
    type(interaction.source).objects.update(url="sqlite:///gone.sqlite3")
    answer = filtered(api, FILTERS[0])
    assert (answer.status_code, Job.objects.count()) == (400, 0)
    assert "cannot be read" in answer.json()["message"]


def test_a_misspelled_medium_is_answered_with_the_known_ones(api: APIClient) -> None:
    answer = api.post(JOBS, body(jobParams__media=["chatt"]))
    assert answer.json()["errors"] == {
        "jobParams.media": 'jobParams.media "chatt" is unknown. There are: chat, email, voice, sms, workitem.'
    }
