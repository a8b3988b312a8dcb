"""What stands beside the document's table: media types as clients write them, paging and links, partial bodies, refusals."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import AccessToken, Organization, User
from exports.models import Dataset
from retention.models import Rule

URL = "/retention/retentions"
PREFIX = "application/vnd.com.nsn.cumulocity."
RULE, COLLECTION, ERROR = f"{PREFIX}retentionRule+json", f"{PREFIX}retentionRuleCollection+json", f"{PREFIX}error+json"


@pytest.fixture
def client(owner: User, organization: Organization) -> Client:
    _, token = AccessToken.issue(owner, organization, lifetime=timedelta(hours=1))
    return Client(headers={"Authorization": f"Bearer {token}"})


def post(client: Client, /, **body: object) -> Any:
    return client.post(URL, body, content_type=RULE)


def put(client: Client, pk: int, /, **body: object) -> Any:
    return client.put(f"{URL}/{pk}", body, content_type=RULE)


# --- Media types -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{ERROR}, {COLLECTION.lower()}", COLLECTION),
        (f"{COLLECTION};charset=UTF-8;ver=0.9", f"{COLLECTION};ver=0.9"),
        (f"{COLLECTION};ver=0.9;charset=UTF-8", f"{COLLECTION};ver=0.9"),
        (f"application/json;q=0.5, {COLLECTION};ver=1", f"{COLLECTION};ver=1"),
        (f"{COLLECTION};q=0.5, application/json", "application/json"),
        ("application/json", "application/json"),
        ("application/json;charset=utf-8", "application/json"),
        ("application/*", COLLECTION),
        ("*/*", COLLECTION),
    ],
)
def test_answer_is_of_the_type_that_is_asked_for(client: Client, accept: str, expected: str) -> None:
    answer = client.get(URL, headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, expected)


@pytest.mark.parametrize("accept", ["text/html", RULE, f"{COLLECTION};ver=\u00e9", f"{COLLECTION};ver={'9' * 21}", ERROR])
def test_what_this_does_not_answer_is_a_406(client: Client, accept: str) -> None:
    answer = client.get(URL, headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"], answer.json()["error"]) == (406, ERROR, "retention/notAcceptable")


def test_who_accepts_anything_is_answered_in_the_version_that_was_sent(client: Client) -> None:
    answer = client.post(URL, {"maximumAge": 1}, content_type=f"{RULE};charset=UTF-8;ver=0.9", headers={"Accept": "*/*"})
    assert answer["Content-Type"] == f"{RULE};ver=0.9"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", COLLECTION, f"{RULE};ver=a b"])
def test_body_of_another_type_is_a_415(client: Client, kind: str) -> None:
    answer = client.generic("POST", URL, b'{"maximumAge": 1}', content_type=kind)
    assert (answer.status_code, answer.json()["error"], Rule.objects.count()) == (415, "retention/unsupportedMediaType", 0)


def test_deletion_whose_client_accepts_errors_only_succeeds(client: Client) -> None:
    pk = post(client, maximumAge=1).json()["id"]
    assert client.delete(f"{URL}/{pk}", headers={"Accept": ERROR}).status_code == 204


# --- Lists -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def twelve(organization: Organization, owner: User) -> list[Rule]:
    return [Rule.objects.create(organization=organization, author=owner, maximum_age=age) for age in range(1, 13)]


def test_page_is_of_five_and_leads_to_the_next(client: Client, twelve: list[Rule]) -> None:
    page = client.get(URL).json()
    assert page["statistics"] == {"currentPage": 1, "pageSize": 5, "totalPages": 3}
    assert (page["self"], "prev" in page) == (f"http://testserver{URL}?pageSize=5&currentPage=1", False)
    assert [rule["maximumAge"] for rule in page["retentionRules"]] == [1, 2, 3, 4, 5]


def test_links_lead_through_all_pages_and_back(client: Client, twelve: list[Rule]) -> None:
    page = client.get(f"{URL}?pageSize=4&withTotalPages=true").json()
    forth = [page]
    while "next" in page:
        page = client.get(page["next"]).json()
        forth.append(page)
    assert [rule["id"] for one in forth for rule in one["retentionRules"]] == [rule.pk for rule in twelve]
    assert [client.get(one["prev"]).json() for one in forth[1:]] == forth[:-1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("withTotalPages=true", {"totalPages": 3}),
        ("withTotalPages=false", {}),
        ("withTotalPages=False&withTotalElements=True", {"totalElements": 12}),
        ("withTotalElements=true", {"totalPages": 3, "totalElements": 12}),
    ],
)
def test_totals_are_told_as_asked(client: Client, twelve: list[Rule], query: str, expected: dict[str, int]) -> None:
    assert client.get(f"{URL}?{query}").json()["statistics"] == {"currentPage": 1, "pageSize": 5, **expected}


def test_page_size_that_is_too_large_is_told(client: Client, twelve: list[Rule]) -> None:
    assert client.get(f"{URL}?pageSize=99999").json()["statistics"] == {"currentPage": 1, "pageSize": 2000, "totalPages": 1}


def test_page_behind_the_last_is_empty(client: Client, twelve: list[Rule]) -> None:
    page = client.get(f"{URL}?currentPage=4").json()
    assert (page["retentionRules"], "next" in page) == ([], False)
    assert client.get(page["prev"]).json()["retentionRules"][-1]["id"] == twelve[-1].pk


@pytest.mark.parametrize(
    "query", ["currentPage=0", "currentPage=x", "pageSize=-1", "withTotalPages=2", "dataType=ALARM", "pageSize=1&pageSize=2"]
)
def test_wrong_query_is_a_400_that_names_it(client: Client, query: str) -> None:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["message"]


# --- Making and changing ---------------------------------------------------------------------------------------------
def test_made_rule_matches_all_that_was_not_said_and_enforces(client: Client) -> None:
    answer = post(client, dataType="ALARM", maximumAge="12")
    rule = Rule.objects.get()
    self_ = f"http://testserver{URL}/{rule.pk}"
    shown = {"dataType": "ALARM", "fragmentType": "*", "type": "*", "source": "*", "maximumAge": 12, "editable": True}
    assert answer.json() == {"id": rule.pk, "self": self_, **shown}
    assert (answer["Location"], client.get(answer["Location"]).json()) == (self_, answer.json())
    assert (rule.mode, rule.archive, rule.asks) == ("enforce", True, False)


@pytest.mark.parametrize("age", [1, "1", 3650, "3650", 12.0, "0012"])
def test_age_is_a_number_or_its_digits(client: Client, age: object) -> None:
    assert post(client, maximumAge=age).json()["maximumAge"] == int(age)  # type: ignore[call-overload]


@pytest.mark.parametrize("age", [0, 3651, -1, 1.5, "", "x", "1.0", " 1", "-1", True, None, [], {}, "\u0661", 10**400, "9" * 400])
def test_wrong_age_is_a_422_that_names_it(client: Client, age: object) -> None:
    answer = post(client, maximumAge=age)
    assert (answer.status_code, answer.json()["error"], Rule.objects.count()) == (422, "retention/validationError", 0)
    assert "maximumAge" in answer.json()["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_what_is_no_number_in_json_is_refused(client: Client, number: str) -> None:
    answer = client.generic("POST", URL, f'{{"maximumAge": {number}}}'.encode(), content_type=RULE)
    assert (answer.status_code in {400, 422}, Rule.objects.count()) == (True, 0)


@pytest.mark.parametrize("field", ["dataType", "fragmentType", "type", "source"])
@pytest.mark.parametrize("value", ["", 5, True, [], "a\nb", "a\0b", "\ud800", "x" * 201])
def test_wrong_text_is_a_422_that_names_it(client: Client, field: str, value: object) -> None:
    answer = post(client, maximumAge=1, **{field: value})
    assert (answer.status_code, Rule.objects.count()) == (422, 0)
    assert field in answer.json()["message"]


def test_text_is_taken_as_it_is(client: Client) -> None:
    assert post(client, maximumAge=1, type=" c8y_\u00dcberhitzung ").json()["type"] == " c8y_\u00dcberhitzung "


@pytest.mark.parametrize("name", ["*", "ALARM", "AUDIT", "EVENT", "MEASUREMENT", "OPERATION", "Interaction", "Attachment"])
def test_data_type_is_a_documented_name_or_a_dataset(client: Client, interaction: Dataset, name: str) -> None:
    assert post(client, maximumAge=1, dataType=name).json()["dataType"] == name


@pytest.mark.parametrize("name", ["alarm", "Interactions", "Contact"])
def test_unknown_data_type_is_a_422(client: Client, interaction: Dataset, name: str) -> None:
    answer = post(client, maximumAge=1, dataType=name)
    assert (answer.status_code, f'dataType "{name}" is unknown' in answer.json()["message"]) == (422, True)


def test_datasets_of_others_are_unknown(client: Client, interaction: Dataset, elsewhere: Organization) -> None:
    interaction.source.organization = elsewhere
    interaction.source.save()
    assert "Interaction" not in post(client, maximumAge=1, dataType="x").json()["message"]
    assert post(client, maximumAge=1, dataType="Interaction").status_code == 422


def test_null_is_the_same_as_not_given(client: Client) -> None:
    """So the Java client of the product writes what was not set. A rule must not become wider by it."""
    unset = dict.fromkeys(["id", "self", "fragmentType", "type", "source", "editable"])
    pk = post(client, maximumAge=1, dataType="ALARM", **unset).json()["id"]
    assert put(client, pk, dataType=None, maximumAge=None, source="here", id=None).json()["dataType"] == "ALARM"


def test_rule_can_be_sent_back_as_it_was_read(client: Client) -> None:
    made = post(client, maximumAge=1, dataType="ALARM").json()
    answer = put(client, made["id"], **{**made, "self": f"https://elsewhere.example{URL}/{made['id']}", "maximumAge": 2})
    assert answer.json() == {**made, "maximumAge": 2}


@pytest.mark.parametrize(
    "changes", [{"id": 999}, {"self": f"{URL}/999"}, {"editable": False}, {"mode": "off"}, {"organization": 1}, {"x": None}]
)
def test_what_no_client_may_set_is_a_422_that_names_it(client: Client, changes: dict[str, Any]) -> None:
    pk = post(client, maximumAge=1).json()["id"]
    for answer in (put(client, pk, **changes), post(client, maximumAge=1, **changes)):
        assert (answer.status_code, next(iter(changes)) in answer.json()["message"]) == (422, True)
    assert Rule.objects.get().version == 1


@pytest.mark.parametrize(("body", "code"), [(b"", 422), (b"{", 400), (b"[]", 422), (b'"x"', 422), (b"\xff", 400), (b"[" * 99_999, 400)])
def test_body_that_is_no_rule_is_refused(client: Client, body: bytes, code: int) -> None:
    answer = client.generic("POST", URL, body, content_type=RULE)
    assert (answer.status_code, Rule.objects.count()) == (code, 0)


def test_failure_says_where_to_read_more(client: Client) -> None:
    answer = client.get(f"{URL}/1")
    assert answer.json() == {
        "error": "retention/notFound",
        "message": "There is no retention rule 1.",
        "info": "http://testserver/api/docs/retention-rules",
    }


def test_method_that_is_none_is_said_in_the_same_way(client: Client) -> None:
    answer = client.patch(f"{URL}/1")
    assert (answer.status_code, answer.json()["error"]) == (405, "retention/methodNotAllowed")
