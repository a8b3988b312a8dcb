"""The rules' face keeps to its document, from the table in retention_rules.toml."""

import tomllib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts.models import AccessToken, Membership, Organization, User
from retention.models import Rule
from tests.api.conformance.table import Face, Operation

FACE = Face("retention_rules", tomllib.loads(Path(__file__).with_name("retention_rules.toml").read_text()))
VERSIONS = ["", ";ver=0.9", ";ver=3.1-beta"]
Case = tuple[Operation, int, dict[str, Any], str, str]


def cases() -> Iterator[Case]:
    for operation in FACE.operations:
        for code, said in operation["codes"].items():
            yield from ((operation, int(code), said, when, body) for when in said["when"] for body in operation["bodies"] or [""])


def described(case: Case) -> str:
    operation, code, _, when, body = case
    return f"{operation} {code}: {when} {body}"


@pytest.fixture
def make_rule(organization: Organization, owner: User) -> Callable[..., Rule]:
    def make(**fields: object) -> Rule:
        return Rule.objects.create(organization=organization, author=owner, **{"maximum_age": 30, "mode": Rule.Mode.ENFORCE, **fields})

    return make


@pytest.fixture
def client(owner: User, organization: Organization) -> Client:
    _, token = AccessToken.issue(owner, organization, lifetime=timedelta(hours=1))
    return Client(headers={"Authorization": f"Bearer {token}"})


def situation(when: str, make_rule: Callable[..., Rule]) -> object:
    """Makes it, and gives the id to ask for."""
    if when in {"an unknown id", "nothing"}:
        return 999_999
    if when == "an id that is no number":
        return "x"
    state: dict[str, Any] = {"a rule that is not editable": {"editable": False}, "a deleted rule": {"deleted_at": timezone.now()}}
    return make_rule(**state.get(when, {})).pk


def ask(client: Client, operation: Operation, identity: object, body: dict[str, Any] | None, types: tuple[str, str]) -> Any:
    """`types`: those of Accept and of the body."""
    accept, kind = types
    path = FACE.base + operation.path.replace("{id}", str(identity))
    sent = {"data": body, "content_type": kind} if body is not None else {}
    return getattr(client, operation.method.lower())(path, headers={"Accept": accept}, **sent)


def body_of(name: str, when: str) -> dict[str, Any] | None:
    changed = {"maximumAge": "0"} if when == "a wrong age" else {}
    return {**FACE.table["requests"][name], **changed} if name else None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", list(cases()), ids=described)
def test_every_documented_code_comes_with_the_documented_body(
    client: Client, make_rule: Callable[..., Rule], case: Case, version: str
) -> None:
    operation, code, said, when, body = case
    media = FACE.table["media"]
    asked = media["RetentionRuleCollection" if str(operation) == "GET /retention/retentions" else "RetentionRule"]
    answer = ask(client, operation, situation(when, make_rule), body_of(body, when), (asked + version, media["RetentionRule"] + version))
    assert answer.status_code == code, answer.content
    if said["body"] == "none":
        assert answer.content == b""
    else:
        assert answer["Content-Type"] == media[said["body"]] + version
        assert list(FACE.wrong(answer.json(), said["body"])) == []


@pytest.mark.parametrize("case", list(cases()), ids=described)
def test_plain_json_is_spoken_too(client: Client, make_rule: Callable[..., Rule], case: Case) -> None:
    operation, code, said, when, body = case
    answer = ask(client, operation, situation(when, make_rule), body_of(body, when), ("application/json", "application/json"))
    assert answer.status_code == code, answer.content
    assert said["body"] == "none" or answer["Content-Type"] == "application/json"


@pytest.mark.parametrize("operation", FACE.operations, ids=str)
def test_each_operation_needs_its_role(client: Client, make_rule: Callable[..., Rule], owner: User, operation: Operation) -> None:
    """Without it 403, and with nothing but it success."""
    only, other = (Group.objects.create(name=name) for name in ("only", "other"))
    only.permissions.set(Permission.objects.filter(codename=operation["role"]))
    other.permissions.set(Permission.objects.exclude(codename=operation["role"]))
    body = body_of(next(iter(operation["bodies"]), ""), "")
    answers = []
    for role in (other, only):
        Membership.objects.get(user=owner).roles.set([role])
        answers.append(ask(client, operation, make_rule().pk, body, ("*/*", "application/json")))
    assert [answers[0].status_code, answers[1].status_code // 100] == [403, 2]
    assert answers[0].json()["error"] == "security/Forbidden"


@pytest.mark.parametrize("operation", FACE.operations, ids=str)
def test_without_credentials_it_is_a_401_that_asks_for_basic(db: None, operation: Operation) -> None:
    answer = ask(Client(), operation, 1, {} if operation["bodies"] else None, ("application/json", "application/json"))
    assert (answer.status_code, answer.json()["error"]) == (401, "security/Unauthorized")
    assert answer["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("operation", FACE.operations, ids=str)
def test_an_operation_takes_exactly_the_documented_query(client: Client, make_rule: Callable[..., Rule], operation: Operation) -> None:
    path = FACE.base + operation.path.replace("{id}", str(make_rule().pk))
    answer = client.generic(operation.method, f"{path}?nonsense=1", b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]) == (400, "retention/badRequest")
    assert answer.json()["message"] == f"nonsense is unknown here. Known are: {', '.join(operation['query'])}."
