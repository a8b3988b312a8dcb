"""The OpenAPI documents: each face has one, it is valid, and it says what the routes do."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils.html import escape, escapejs
from openapi_spec_validator import OpenAPIV31SpecValidator
from rest_framework.views import APIView

from accounts.api.documents import Page, document_of, face_of, operations
from accounts.faces import Face

FACES = pytest.mark.parametrize("face", settings.FACES, ids=lambda face: face.key)


def test_the_documents_are_valid_and_without_warnings(tmp_path: Path) -> None:
    call_command("documents", str(tmp_path))
    assert {path.stem for path in tmp_path.iterdir()} == {face.key for face in settings.FACES}


@FACES
def test_an_independent_validator_finds_nothing(face: Face) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document_of(face)).iter_errors()] == []


@FACES
def test_each_document_is_served_as_json_and_as_yaml(db: None, client: Client, face: Face) -> None:
    served = client.get(f"/api/schema/{face.key}")
    assert served["Content-Type"] == "application/json"
    assert json.loads(served.content) == yaml.safe_load(client.get(f"/api/schema/{face.key}.yaml").content)
    assert served.json()["openapi"].startswith("3.1.")


def test_without_a_name_it_is_the_current_user_data_management(db: None, client: Client) -> None:
    assert client.get("/api/schema").json() == client.get("/api/schema/udm-v10").json()


@FACES
def test_the_pages_load_nothing_from_elsewhere(db: None, client: Client, face: Face) -> None:
    page = client.get(f"/api/docs/{face.key}").content.decode()
    script = client.get(f"/api/docs/{face.key}?script=").content.decode()
    assert escapejs(f"/api/schema/{face.key}") in script
    assert "https://" not in page + script


def test_the_list_leads_to_every_page(db: None, client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    links = [f'href="/api/docs/{face.key}">{escape(face.title)}</a>' for face in settings.FACES]
    assert [link for link in links if link not in page] == []


@pytest.mark.parametrize("path", ["/api/schema/none", "/api/schema/none.yaml", "/api/docs/none"])
def test_there_is_no_document_of_what_is_no_face(db: None, client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


@FACES
def test_every_answer_carries_the_limits_and_the_correlation_id(face: Face) -> None:
    for where, operation in operations(document_of(face)).items():
        for code, answer in operation["responses"].items():
            expected = {"X-Correlation-Id", "X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Hour"}
            expected |= {"Retry-After"} if code == "429" else set()
            assert expected <= answer["headers"].keys(), (where, code)
        assert "429" in operation["responses"], where


def test_no_operation_has_the_id_of_another() -> None:
    ids = [operation["operationId"] for face in settings.FACES for operation in operations(document_of(face)).values()]
    assert sorted(set(ids)) == sorted(ids)


def test_the_credentials_are_those_that_a_face_takes() -> None:
    udm, own, auth = (document_of(face_of(key)) for key in ("udm-v10", "api-v1", "auth-v3"))
    assert operations(udm)["/udm/v10/export/jobs", "GET"]["security"] == [{"bearer": []}, {"bearer": [], "apiKey": []}]
    assert {"apiKey": []} in operations(own)["/api/v1/audit", "GET"]["security"]
    assert operations(auth)["/auth/v3/oauth/token", "POST"]["security"][0] == {"client": []}
    key = udm["components"]["securitySchemes"]["apiKey"]
    assert (key["type"], key["in"], key["name"]) == ("apiKey", "header", "x-api-key")


# --- Every route -----------------------------------------------------------------------------------------------------
def answered(resolver: URLResolver, base: str = "") -> Iterator[tuple[str, str]]:
    """(path, METHOD) of every view of Django REST framework, but for the pages of the documents themselves."""
    for pattern in resolver.url_patterns:
        route = base + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from answered(pattern, route)
        elif (view := getattr(pattern.callback, "cls", None)) and issubclass(view, APIView) and view is not Page:
            path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
            yield from ((path, method) for method in view().allowed_methods if method != "OPTIONS")


def test_every_route_stands_in_one_document_with_every_method_it_answers() -> None:
    documented = Counter(where for face in settings.FACES for where in operations(document_of(face)))
    assert documented == Counter(answered(get_resolver()))


@FACES
def test_a_document_holds_what_is_below_its_path(face: Face) -> None:
    assert [path for path in document_of(face)["paths"] if not path.startswith(f"/{face.path}")] == []


@FACES
def test_a_deprecated_face_says_so_at_each_operation(face: Face) -> None:
    said = {operation.get("deprecated", False) for operation in operations(document_of(face)).values()}
    assert said == {face.deprecated}
