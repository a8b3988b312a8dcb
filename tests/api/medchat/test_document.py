"""The face keeps to the table beside this file, written down from MedChat's document."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.api.documents import document_of, face_of, operations
from exports.models import File
from retention.models import RetentionJob
from tests.api.conformance.table import Face

TABLE = tomllib.loads(Path(__file__).with_name("document.toml").read_text())
FACE = Face("retention-jobs", TABLE)
BODY = {"jobType": "Extract", "criteria": {"Interaction": "mediaTypeId eq 'chat'"}}
OPERATIONS = pytest.mark.parametrize("operation", FACE.operations, ids=str)


def plain(path: str) -> str:
    return path.replace("{job_uuid}", "{id}")


def test_it_serves_exactly_these_methods_and_paths() -> None:
    served = {(method, plain(path)) for path, method in operations(document_of(face_of("retention-jobs")))}
    assert served == {(operation.method, TABLE["base"] + operation.path) for operation in FACE.operations}


@OPERATIONS
def test_its_own_document_lists_the_codes(operation: Any) -> None:
    said = operations(document_of(face_of("retention-jobs")))
    [found] = [one for (path, method), one in said.items() if (method, plain(path)) == (operation.method, TABLE["base"] + operation.path)]
    listed = set(operation["codes"]) | {"429", "503"}
    assert set(found["responses"]) == listed | ({"415"} if operation.method == "POST" else set())
    assert set(operation["documented"]) <= set(found["responses"])


def wrong(answer: Any, code: int, operation: Any) -> list[str]:
    assert answer.status_code == code, answer.content
    shape = operation["codes"][str(code)]
    return [] if shape == "none" and not answer.content else list(FACE.wrong(answer.json(), shape))


def ask(client: APIClient, operation: Any, address: str, job: RetentionJob, **more: Any) -> Any:
    path = address + operation.path.replace("{id}", str(job.pk)).replace("{filename}", File.objects.get().name)
    body = BODY if operation.method == "POST" and not operation.path else None
    return getattr(client, operation.method.lower())(path + more.pop("query", ""), body, **more)


@OPERATIONS
def test_what_succeeds_has_the_shape(ready: APIClient, operation: Any, address: str, waiting: RetentionJob, ended: RetentionJob) -> None:
    job = waiting if "cancel" in operation.path else ended
    code = min(map(int, operation["codes"]))
    assert wrong(ask(ready, operation, address, job), code, operation) == []


@OPERATIONS
def test_nobody_and_who_may_not_are_refused(operation: Any, teammate_api: APIClient, address: str, ended: RetentionJob) -> None:
    assert wrong(ask(APIClient(), operation, address, ended), 401, operation) == []
    assert wrong(ask(teammate_api, operation, address, ended), 403, operation) == []


@OPERATIONS
def test_another_organizations_uuid_and_a_malformed_one_are_404(
    operation: Any, ready: APIClient, outsider_api: APIClient, address: str, ended: RetentionJob
) -> None:
    assert wrong(ask(outsider_api, operation, address, ended), 404, operation) == []
    uuid = address.split("/")[2]
    for malformed in ("x", "%00", f"{{{uuid}}}", uuid.replace("-", "")):
        assert wrong(ask(ready, operation, address.replace(uuid, malformed), ended), 404, operation) == []


@pytest.mark.parametrize("operation", [one for one in FACE.operations if "{id}" in one.path], ids=str)
@pytest.mark.parametrize("job_id", ["00000000-0000-0000-0000-000000000000", "x", "1", "urn:uuid:{}", "%00"])
def test_an_id_that_is_none_is_404(operation: Any, ready: APIClient, address: str, ended: RetentionJob, job_id: str) -> None:
    ended.pk = job_id.format(ended.pk)
    assert wrong(ask(ready, operation, address, ended), 404, operation) == []


@OPERATIONS
def test_an_unknown_query_is_refused_with_what_is_known(operation: Any, ready: APIClient, address: str, ended: RetentionJob) -> None:
    answer = ask(ready, operation, address, ended, query="?nonsense=1")
    assert wrong(answer, 400, operation) == []
    known = re.fullmatch(r".* Known are: (.*)\.", answer.json()["errors"]["nonsense"])
    assert known
    assert set(filter(None, known[1].split(", "))) == set(operation["query"])


@OPERATIONS
def test_what_cannot_be_answered_in_is_406(operation: Any, ready: APIClient, address: str, ended: RetentionJob) -> None:
    answer = ask(ready, operation, address, ended, headers={"Accept": "application/xml"})
    assert wrong(answer, 406, operation) == []


@pytest.mark.parametrize("name", TABLE["request"]["needed"])
def test_what_the_body_must_have_is_named_if_it_lacks(ready: APIClient, address: str, name: str) -> None:
    answer = ready.post(address, {field: value for field, value in BODY.items() if field != name})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


@pytest.mark.parametrize("kind", TABLE["request"]["jobType"])
def test_each_documented_kind_is_taken(ready: APIClient, address: str, kind: str) -> None:
    answer = ready.post(address, {**BODY, "jobType": kind})
    assert (answer.status_code, answer.content) == (204, b"")
    assert ready.get(answer["Location"]).json()["jobType"] == kind


def test_an_undocumented_kind_is_refused(ready: APIClient, address: str) -> None:
    answer = ready.post(address, {**BODY, "jobType": "Purge"})
    assert answer.json()["errors"] == {"jobType": "jobType Purge is unknown. There are: Extract, ExtractPurge."}


def test_a_body_of_another_media_type_is_415(ready: APIClient, address: str) -> None:
    assert ready.post(address, "jobType=Extract", content_type="application/x-www-form-urlencoded").status_code == 415
