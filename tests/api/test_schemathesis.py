"""Every operation of every OpenAPI document, asked by schemathesis: the document is true, and no input is answered with 5xx.

Requests go through the whole WSGI application to a real database. Each is undone afterwards, so that every one of them meets
the same furnished world: a job that is deleted is there again for the next.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.schemas import OpenApiSchema

from accounts.api.documents import document_of
from accounts.faces import Face
from accounts.models import AccessToken, Organization, User
from exports.models import Dataset, File, Job, Run

DOCUMENTS = schemathesis.pytest.from_fixture("document")


@pytest.fixture
def _nothing_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as the environment can say so: the answers still carry the headers."""
    for windows in settings.LIMITS.values():
        for window in windows:
            monkeypatch.setitem(windows, window, 10**9)


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """Requests leave the test's own connection open, as those of Django's test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def world(
    organization: Organization,
    owner: User,
    file: File,
    contact: Dataset,
    make_job: Callable[..., Job],
    make_run: Callable[..., Run],
) -> dict[str, list[Any]]:
    """What ids and names there are, by the names of the parameters that take them."""
    waiting = make_run()
    suspended = make_job(cron="0 3 * * *", suspended=True, immediately=False)
    return {
        "job_id": [file.run.job_id, waiting.job_id, suspended.pk],
        "run_id": [file.run_id, waiting.pk],
        "jobIDs": [f"{waiting.pk}", f"{file.run_id},{waiting.pk}", f"{suspended.pk}"],
        "filename": [file.name],
        "certificatefilename": ["here.pem", "Übergabe 2.pem"],
        "source": ["contact-history"],
        "orderField": ["id", "createdDate"],
        "dataType": ["Interaction", "Contact"],
    }


@pytest.fixture
def document(
    face: Face, world: dict[str, list[Any]], owner: User, organization: Organization, request: pytest.FixtureRequest
) -> OpenApiSchema:
    request.node._nodeid = request.node.nodeid  # what schemathesis reads, and pytest has had no more since 9.2
    _, token = AccessToken.issue(owner, organization, lifetime=timedelta(hours=1))
    config = {
        "seed": 4,
        "generation": {
            "deterministic": True,
            "database": "none",
            "max-examples": 12,
            "no-shrink": True,
            "with-security-parameters": False,  # made-up API keys are refused before anything else is looked at
        },
        # A schema cannot say which jobs there are, nor which cron expression comes true: beside what is its default, 400.
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", 400, 401, 403, 404, 429, 503]}},
        "auth": {"openapi": {"bearer": {"bearer": token}}},
        "dictionaries": {name: {"values": values} for name, values in world.items()},
        "parameters": {name: {"dictionary": name, "probability": 0.8} for name in world},
    }
    found = schemathesis.openapi.from_dict(document_of(face), config=SchemathesisConfig.from_dict(config))
    found.app = get_wsgi_application()
    return found


@pytest.mark.usefixtures("_nothing_is_limited", "_one_connection")
@pytest.mark.parametrize("face", settings.FACES, ids=lambda face: face.key)
@DOCUMENTS.parametrize()
def test_every_operation_does_what_its_document_says(case: schemathesis.Case[Any]) -> None:
    with transaction.atomic():
        try:
            case.call_and_validate()
        finally:
            transaction.set_rollback(True)
