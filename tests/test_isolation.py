"""Every address × every method × every persona, from the table in tests/isolation_table.py."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.apps import apps
from django.core.files.base import File as Upload
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from accounts.models import AccessToken, Organization, User
from exports.sealing.storage import keys_below
from tests.console.scenes import Scene, furnish, person
from tests.isolation_rows import PLACEHOLDERS, UNCOMPARED, UNCOMPARED_FIELDS, Row
from tests.isolation_table import TABLE

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
GUARDED = [row for row in TABLE if row.kind in {"api", "page"}]
SENT_TO_SIGN_IN: dict[str, set[str]] = {
    "api": set(),
    "open": set(),
    "page": {"anonymous"},
    "admin": {"anonymous", "outsider", "teammate", "owner"},
}


@pytest.fixture
def scene(db: None, storage_folder: object) -> Scene:
    return furnish()


# --- The URL conf ----------------------------------------------------------------------------------------------------
def routes() -> set[str]:
    return {_plain(route) for route in _walk(get_resolver(), "")}


def _walk(resolver: URLResolver, base: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = base + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _walk(pattern, route)


def _plain(route: str) -> str:
    """The admin's list of its apps would change with every app."""
    return re.sub(r"\^?\(\?P<app_label>[^)]*\)/\$", "<app_label>/", route)


def test_every_url_has_a_row() -> None:
    assert sorted(routes() - {row.route for row in TABLE}) == []


def test_every_row_has_a_url() -> None:
    assert sorted({row.route for row in TABLE} - routes()) == []


def test_no_row_stands_twice() -> None:
    assert sorted({str(row) for row in TABLE}) == sorted(str(row) for row in TABLE)


# --- Asking ----------------------------------------------------------------------------------------------------------
def address(row: Row, scene: Scene) -> str:
    given = row.args(scene)

    def fill(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return quote(str(given[name] if name in given else PLACEHOLDERS[name](scene)), safe="/")

    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)\$", fill, row.route)
    assert _plain(resolve(path).route) == row.route
    query = urlencode(row.query(scene))
    return f"{path}?{query}" if query else path


def ask(client: Client, row: Row, path: str, data: Mapping[str, Any] | None) -> HttpResponseBase:
    answer = client.generic(row.method, path, *_encoded(row, data))
    if answer.streaming:
        b"".join(answer)  # its end closes what it reads from
    return answer


def _encoded(row: Row, data: Mapping[str, Any] | None) -> tuple[Any, ...]:
    if data is None:
        return ()
    if row.kind != "api" or any(isinstance(value, Upload) for value in data.values()):
        return encode_multipart(BOUNDARY, dict(data)), MULTIPART_CONTENT
    return json.dumps(data), "application/json"


def client_of(scene: Scene, persona: str, *, session: bool, token: bool, **options: Any) -> Client:
    if persona == "anonymous":
        return Client(**options)
    user, organization = who(scene, persona)
    headers = {"Authorization": f"Bearer {bearer(user, organization)}"} if token else {}
    client = Client(headers=headers, **options)
    if session:
        client.force_login(user)
    return client


def who(scene: Scene, persona: str) -> tuple[User, Organization]:
    if persona in {"staff", "superuser"}:
        user = person(persona, scene.organization, superuser=persona == "superuser")
        User.objects.filter(pk=user.pk).update(is_staff=True)
        return user, scene.organization
    user = getattr(scene, persona)
    organization = user.default_organization()
    assert organization is not None
    return user, organization


def bearer(user: User, organization: Organization) -> str:
    return AccessToken.issue(user, organization, lifetime=timedelta(hours=1))[1]


@cache
def _statements() -> list[tuple[str, str]]:
    """(app.model, what reads its primary key and the fields that are compared), of every model."""
    quote_name = connection.ops.quote_name
    compared = [model._meta for model in apps.get_models() if model._meta.label_lower not in UNCOMPARED]
    return [
        (
            meta.label_lower,
            f"SELECT {', '.join(quote_name(name) for name in _columns(meta))} FROM {quote_name(meta.db_table)}",
        )
        for meta in compared
    ]


def _columns(meta: Any) -> list[str]:
    return [meta.pk.column, *[field.column for field in meta.concrete_fields if field.name not in UNCOMPARED_FIELDS]]


def state() -> dict[str, Any]:
    """Every row of the database and every stored object, as they are now."""
    rows: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for label, statement in _statements():
            cursor.execute(statement)
            rows |= {f"{label} {key}": tuple(values) for key, *values in cursor.fetchall()}
    return rows | dict.fromkeys(keys_below(default_storage, "."))


# --- The walk --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_persona_gets_what_the_table_says(scene: Scene, row: Row) -> None:
    path, given = address(row, scene), {}
    clients = {persona: client_of(scene, persona, session=row.kind != "api", token=row.kind in {"api", "open"}) for persona in row.statuses}
    before = state()
    for persona, client in clients.items():
        answer = ask(client, row, path, row.data(scene) if row.data else None)
        given[persona] = answer.status_code
        after = state()
        check_effect(row, persona, answer, before, after)
        before = after
    assert given == dict(row.statuses)


def check_effect(row: Row, persona: str, answer: HttpResponseBase, before: dict[str, Any], after: dict[str, Any]) -> None:
    before, after = _without(before, row.own), _without(after, row.own)
    if row.method == "GET" or answer.status_code >= 400 or persona == "anonymous":
        assert after == before, f"{persona} changed something"
    elif persona == "outsider":
        assert {name: after.get(name, "gone") for name in before} == before, "an outsider changed what others have"
    if answer.status_code == 302 and persona in SENT_TO_SIGN_IN[row.kind]:
        assert answer["Location"].startswith(("/sign-in", "/admin/")), f"{persona} is sent to {answer['Location']}"


def _without(state: dict[str, Any], models: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name.partition(" ")[0] not in models}


@pytest.mark.parametrize("row", GUARDED, ids=str)
def test_the_other_faces_credential_counts_for_nothing(scene: Scene, row: Row) -> None:
    """A cookie opens no API: no page of others can use it there. A token opens no page."""
    path, data, client = (
        address(row, scene),
        row.data(scene) if row.data else None,
        client_of(scene, "owner", session=row.kind == "api", token=row.kind == "page"),
    )
    before = state()
    assert ask(client, row, path, data).status_code == row.statuses["anonymous"]
    assert state() == before


@pytest.mark.parametrize("row", [row for row in TABLE if row.kind in {"page", "admin"} and row.method != "GET"], ids=str)
def test_pages_need_a_csrf_token(scene: Scene, row: Row) -> None:
    persona = "superuser" if row.kind == "admin" else "owner"
    path, client = address(row, scene), client_of(scene, persona, session=True, token=False, enforce_csrf_checks=True)
    before = state()
    assert ask(client, row, path, row.data(scene) if row.data else None).status_code == 403
    assert state() == before


@pytest.mark.parametrize("route", sorted({row.route for row in TABLE if row.kind != "admin"}), ids=lambda route: f"/{route}")
def test_methods_without_a_row_are_refused(scene: Scene, route: str) -> None:
    rows = [row for row in TABLE if row.route == route]
    path = address(rows[0], scene)
    persona = "anonymous" if rows[0].statuses["anonymous"] == 200 else "owner"
    client = client_of(scene, persona, session=True, token=True)
    answers = {method: client.generic(method, path).status_code for method in METHODS if method not in {row.method for row in rows}}
    assert answers == dict.fromkeys(answers, 405)
