"""Every route of /udm/v10 for a stranger and for another organization. A route without a case fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern
from rest_framework.test import APIClient

from exports.api.udm.v10.urls import urlpatterns
from exports.models import Certificate, File, Job, Run

BASE = "/udm/v10/"
OPEN = {"version"}
# What another organization gets: nothing of ours exists for it.
CASES: dict[str, dict[str, int]] = {
    "cipher": {"get": 404},
    "cipher/<str:certificatefilename>": {"post": 400},
    "data/job-statuses": {"get": 200},
    "data/sources": {"get": 204},
    "data/sub-types": {"get": 204},
    "data/types": {"get": 204},
    "export/history": {"get": 204, "delete": 404},
    "export/history/<str:run_id>": {"get": 404, "delete": 404},
    "export/history/<str:run_id>/progress": {"get": 404},
    "export/jobs": {"get": 204, "post": 400, "delete": 404},
    "export/jobs/<str:job_id>": {"get": 404, "put": 404, "delete": 404},
    "export/jobs/cancel/<str:job_id>": {"post": 404},
    "export/jobs/resume/<str:job_id>": {"post": 404},
    "export/jobs/suspend/<str:job_id>": {"post": 404},
    "file-metadatas": {"get": 204},
    "files": {"get": 404, "delete": 404},
    "files/<str:filename>": {"get": 404, "delete": 404},
}


def operations() -> Iterator[tuple[str, str]]:
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        route, view = str(pattern.pattern), pattern.callback.view_class  # type: ignore[attr-defined]
        yield from ((route, method) for method in ("get", "post", "put", "delete", "patch") if hasattr(view, method))


def address(route: str, method: str, file: File) -> str:
    run = file.run
    route = (
        route.replace("<str:run_id>", str(run.pk)).replace("<str:job_id>", str(run.job_id)).replace("<str:certificatefilename>", "c.pem")
    )
    route = route.replace("<str:filename>", file.name)
    if route == "files":
        route += f"?filename={file.name}"
    elif method == "delete" and route.startswith("export") and route.count("/") == 1:
        route += f"?jobIDs={run.pk if 'history' in route else run.job_id}"
    return BASE + route


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Job, Run, File, Certificate)]


@pytest.mark.parametrize(("route", "method"), list(operations()))
def test_a_stranger_gets_401(client: Any, file: File, route: str, method: str) -> None:
    answer = getattr(APIClient(), method)(address(route, method, file))
    assert answer.status_code == (200 if route in OPEN else 401)
    assert route in OPEN or (answer["WWW-Authenticate"].startswith("Bearer") and answer.json()["message"])


@pytest.mark.parametrize(("route", "method"), [case for case in operations() if case[0] not in OPEN])
def test_another_organization_finds_nothing_and_changes_nothing(outsider_api: APIClient, file: File, route: str, method: str) -> None:
    before = rows()
    answer = getattr(outsider_api, method)(address(route, method, file))
    assert answer.status_code == CASES[route][method]
    assert rows() == before


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Bearer a b", "Basic eDp5", "Bearer 000000000000.x"])
def test_a_bad_token_is_401(db: None, header: str) -> None:
    assert APIClient().get(BASE + "export/jobs", HTTP_AUTHORIZATION=header).status_code == 401


def test_an_api_key_that_is_sent_must_be_valid(api: APIClient) -> None:
    answer = api.get(BASE + "export/jobs", HTTP_X_API_KEY="wrong")
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_version_needs_no_token(db: None) -> None:
    assert set(APIClient().get(BASE + "version").json()) == {"version", "buildNumber", "changeset", "name"}
