"""Each version of User Data Management and Cloud Data Download keeps to its document, from the tables beside this file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import AccessToken, Organization, User
from accounts.roles import PERMISSIONS
from accounts.services import keys
from accounts.services.access import Access
from exports.models import Job, Run
from tests.api.conformance import situations
from tests.api.conformance.situations import Asked, Get
from tests.api.conformance.table import FACES, Face, Operation

OPERATIONS = [operation for face in FACES for operation in face.operations]


@dataclass(frozen=True)
class Case:
    operation: Operation
    code: int
    said: Mapping[str, Any]
    when: str

    def __str__(self) -> str:
        return f"{self.operation} {self.code}: {self.when}"


CASES = [
    Case(operation, int(code), said, when) for operation in OPERATIONS for code, said in operation["codes"].items() for when in said["when"]
]


@pytest.fixture
def get(request: pytest.FixtureRequest, storage_folder: object, access: Access) -> Get:
    return request.getfixturevalue


@pytest.fixture
def client(owner: User, organization: Organization, access: Access) -> Client:
    """Every header that a document lists."""
    _, token = AccessToken.issue(owner, organization, lifetime=timedelta(hours=1))
    _, key = keys.issue(access, name="mine", scopes=list(PERMISSIONS))
    return Client(headers={"Authorization": f"Bearer {token}", "x-api-key": key})


def ask(client: Client, operation: Operation, asked: Asked) -> Any:
    """The answer to the operation, with what is asked in its path, its query, its form or its body."""
    path = re.sub(r"\{id\}", lambda _: str(asked.ids[0]), operation.path)
    path = re.sub(r"\{(filename|certificatefilename)\}", lambda _: asked.names[0], path)
    query: dict[str, Sequence[object]] = {"jobIDs": asked.ids, "filename": asked.names}
    listed = {name: ",".join(map(str, values)) for name, values in query.items() if name in operation["query"]}
    sent: dict[str, Any] = {"QUERY_STRING": "&".join(f"{name}={value}" for name, value in (listed | asked.query).items())}
    if asked.files:
        return client.post(operation.face.base + path, asked.files, **sent)
    how = getattr(client, operation.method.lower())
    if operation.method == "GET":
        return how(operation.face.base + path, **sent)
    return how(operation.face.base + path, asked.body, content_type="application/json", **sent)


# --- Codes and bodies ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_documented_code_comes_with_the_documented_body(client: Client, get: Get, case: Case) -> None:
    asked = getattr(situations, case.when.replace(" ", "_"))(get, case.operation)
    answer = ask(client, case.operation, asked)
    assert answer.status_code == case.code, answer.content
    assert wrong(case.operation.face, answer, case.said) == []
    assert answer.has_header("Deprecation") == case.operation.face.table["deprecated"]


def wrong(face: Face, answer: Any, said: Mapping[str, Any]) -> list[str]:
    if said["body"] == "none":
        return [f"a body: {answer.content!r}"] if answer.content else []
    body = answer.json()
    items = face.wrong(body["items"], f"[{said['items']}]") if "items" in said else ()
    return [*face.wrong(body, said["body"]), *items]


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "303" in one["codes"]], ids=str)
def test_a_303_leads_to_the_file(client: Client, get: Get, operation: Operation) -> None:
    location = ask(client, operation, situations.a_file(get, operation))["Location"]
    assert Client().get(location).status_code == 200


# --- Parameters ----------------------------------------------------------------------------------------------------
def known(answer: Any, at: str = "nonsense") -> set[str]:
    """The names that the refusal of an unknown one says are known."""
    assert answer.status_code == 400
    names = re.fullmatch(r".* Known are: (.*)\.", answer.json()["errors"][at])
    assert names
    return set(filter(None, names[1].split(", ")))


def routes(face: Face) -> Iterator[tuple[str, str]]:
    """(method, path) of each operation in the URL conf."""
    for pattern, path in _below(get_resolver(), "/"):
        if path.startswith(f"{face.base}/"):
            made = re.sub(r"<str:(\w+)>", lambda match: "{id}" if match[1].endswith("_id") else f"{{{match[1]}}}", path)
            methods = pattern.callback.cls().allowed_methods  # type: ignore[attr-defined]  # a view of DRF's
            yield from ((method, made.removeprefix(face.base)) for method in methods if method != "OPTIONS")


def _below(resolver: URLResolver, base: str) -> Iterator[tuple[URLPattern, str]]:
    for pattern in resolver.url_patterns:
        here = base + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield pattern, here
        else:
            yield from _below(pattern, here)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_a_version_serves_exactly_the_documented_methods_and_paths(face: Face) -> None:
    assert sorted(routes(face)) == sorted((operation.method, operation.path) for operation in face.operations)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_operation_takes_exactly_the_documented_query(client: Client, operation: Operation) -> None:
    answer = ask(client, operation, Asked(ids=[1], names=["x"], query={"nonsense": 1}, body={}))
    assert known(answer) == set(operation["query"])


@pytest.mark.parametrize(
    ("operation", "name"), [(operation, name) for operation in OPERATIONS for name in operation["required"]], ids=str
)  # fmt: skip
def test_what_the_query_must_have_is_named_if_it_lacks(client: Client, operation: Operation, name: str) -> None:
    answer = getattr(client, operation.method.lower())(operation.face.base + operation.path)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one["form"]], ids=str)
def test_a_form_takes_exactly_the_documented_fields(client: Client, operation: Operation) -> None:
    answer = ask(client, operation, Asked(names=["x"], files={"nonsense": "1"}))
    assert known(answer) == {*operation["form"], *operation.face.table["own_form"]}


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one["body"]], ids=str)
def test_a_body_takes_exactly_the_documented_fields(client: Client, get: Get, operation: Operation) -> None:
    documented = operation.face.table["requests"][operation["body"]]
    objects = {name: value for name, value in documented.items() if isinstance(value, dict)}
    asked = situations.a_suspended_job(get, operation)
    top = known(ask(client, operation, Asked(asked.ids, body={"nonsense": 1})))
    asked.body = documented | {name: {"nonsense": 1} for name in objects}
    answer = ask(client, operation, asked)
    below = {f"{name}.{field}" for name in objects for field in known(answer, f"{name}.nonsense")}
    assert top | below == {*documented, *(f"{name}.{field}" for name, value in objects.items() for field in value)} | {
        *operation.face.table["own_fields"]
    }


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one["body"]], ids=str)
def test_what_a_body_must_have_is_named_if_it_lacks(client: Client, get: Get, operation: Operation) -> None:
    for path in operation.face.table["needed"][operation["body"]]:
        asked = situations.a_suspended_job(get, operation) if operation.method == "PUT" else situations.a_job_to_create(get, operation)
        *parents, name = path.split(".")
        del reduce(lambda inner, parent: inner[parent], parents, asked.body or {})[name]
        answer = ask(client, operation, asked)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [path])


# --- Lists ---------------------------------------------------------------------------------------------------------
LISTS = [operation for operation in OPERATIONS if "orderField" in operation["query"]]
FILTERS = [(operation, name) for operation in LISTS for name in operation.face.table["filters"][f"{operation.method} {operation.path}"]]
NO_FILTERS = {"from", "size", "orderField", "field", "descAsc", "bgUpdate", "x-api-key"}


def count(answer: Any) -> int:
    assert answer.status_code in {200, 204}, answer.content
    return int(answer.json()["count"]) if answer.content else 0


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_every_filter_has_values_in_the_table(operation: Operation) -> None:
    assert {name for one, name in FILTERS if one is operation} == set(operation["query"]) - NO_FILTERS


@pytest.mark.parametrize(("operation", "name"), FILTERS, ids=str)
def test_a_filter_finds_what_it_says(client: Client, get: Get, operation: Operation, name: str) -> None:
    run: Run = get("file").run
    values = operation.face.table["filters"][f"{operation.method} {operation.path}"][name]
    found = [count(ask(client, operation, Asked(query={name: value.format(run=run.pk, job=run.job_id)}))) for value in values]
    assert found == [1, 0]


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_a_list_is_ordered_and_cut_as_the_query_says(client: Client, get: Get, operation: Operation) -> None:
    """Two of each, the second with the title that comes first."""
    titles = [second(get, get("completed_run")).title, "All chats"]
    items = ask(client, operation, Asked()).json()
    assert (items["count"], items["from"], items["size"]) == (2, 0, operation.face.table["page_size"])
    title = "jobTitle" if "jobTitle" in operation["query"] else "title"
    for name in {"orderField", "field"} & set(operation["query"]):
        up = ask(client, operation, Asked(query={name: title, "descAsc": "false"})).json()["items"]
        down = ask(client, operation, Asked(query={name: title, "descAsc": "true"})).json()["items"]
        assert [item[title] for item in up] == [item[title] for item in reversed(down)] == titles
    cut = ask(client, operation, Asked(query={"orderField": title, "from": 1, "size": 1})).json()
    assert (cut["count"], cut["from"], cut["size"], [item[title] for item in cut["items"]]) == (2, 1, 1, titles[1:])


def second(get: Get, run: Run) -> Job:
    """A job whose title comes before that of the run's, with a finished run and a file of its own."""
    job: Job = get("make_job")(title="A second one")
    Run.objects.filter(pk=run.pk).update(slot=timezone.now() - timedelta(days=1))
    file, part = run.files.get(), run.parts.get()
    run.pk, run.job, run.slot = None, job, timezone.now()
    run.save(force_insert=True)
    part.pk, part.run = None, run
    part.save(force_insert=True)
    file.pk, file.run, file.part, file.name, file.storage_key = None, run, part, "Second.zip.p7m", "second"
    file.save(force_insert=True)
    run.refresh_from_db()
    return job


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "bgUpdate" in one["query"]], ids=str)
def test_a_background_refresh_is_no_use_of_the_token(client: Client, get: Get, operation: Operation) -> None:
    ask(client, operation, Asked(query={"bgUpdate": "true"}))
    assert AccessToken.objects.get().last_used_at is None
    ask(client, operation, Asked(query={"bgUpdate": "false"}))
    assert AccessToken.objects.get().last_used_at is not None
