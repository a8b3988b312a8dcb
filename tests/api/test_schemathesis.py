"""Every operation of every OpenAPI document, asked by schemathesis: the document is true, and no input is answered with 5xx.

Requests go through the whole WSGI application to a real database. Each is undone afterwards, so that every one of them meets
the same furnished world: a job that is deleted is there again for the next.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks
from schemathesis.specs.openapi.schemas import OpenApiSchema

from accounts.api.documents import document_of, face_of, operations
from accounts.faces import Face
from accounts.models import AccessToken, Organization, User
from exports.models import Certificate, Dataset, Delivery, File, Job, Notice, Part, Run, Webhook
from retention.models import Hold, Preview, Purge, Restore, RetentionJob, Rule
from tests.retention.ledger import ended, written
from tests.retention.restoring import furnished_disposition

NO_FAULT = ["2xx", "3xx", "400", "401", "403", "404", "409", "422", "429"]
"""What schemathesis expects of valid requests, and 400 or 422: no schema can say which jobs there are, nor which cron comes true."""
ON_STATUS = ("not_a_server_error", "positive_data_acceptance")
LINKED = ("udm-v10", "udm-v4", "retention-rules", "api-v1")
"""Whose documents have links: the others make nothing that has an id. (data-download-v4 is made of the views of udm-v4.)"""
WALKS: dict[str, Any] = {
    "max_examples": 6,
    "stateful_step_count": 6,
    "derandomize": True,
    "database": None,
    "deadline": None,
    "phases": [hypothesis.Phase.generate],
    "suppress_health_check": list(hypothesis.HealthCheck),
}
OF_ANSWERS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
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
    file: File, certificate: Certificate, contact: Dataset, make_job: Callable[..., Job], make_run: Callable[..., Run]
) -> dict[str, list[Any]]:
    """What ids and names there are, by the names of the parameters that take them."""
    waiting, suspended = make_run(), make_job(cron="0 3 * * *", suspended=True, immediately=False)
    delivery, jobs = delivered(file.organization), retention_jobs(file, make_run(Run.Status.COMPLETED, make_job(kind=Job.Kind.RETENTION)))
    disposition = furnished_disposition(make_run(Run.Status.COMPLETED), file.part.dataset)
    restore = Restore.objects.create(
        organization=file.organization, disposition=disposition, user=file.run.job.owner, status=Restore.Status.COMPLETED
    )
    return {
        "restore_id": [restore.pk],
        "disposition": [disposition.number],
        "job_id": [file.run.job_id, waiting.job_id, suspended.pk],
        "run_id": [file.run_id, waiting.pk],
        "jobIDs": [f"{waiting.pk}", f"{file.run_id},{waiting.pk}", f"{suspended.pk}"],
        "filename": [file.name, "Extract.zip.p7m"],
        "uuid": [str(file.organization_id)],
        "job_uuid": [str(job.pk) for job in jobs],
        "certificatefilename": ["here.pem", "Übergabe 2.pem"],
        "certificate_id": [certificate.pk],
        "webhook_id": [delivery.webhook_id],
        "delivery_id": [delivery.pk],
        "source": ["contact-history"],
        "entities": ["Interaction", "Contact,Interaction"],
        "dataType": ["Interaction", "Contact"],
        **retained(contact, file.run.job.owner),
        "rule_id": [Rule.objects.create(organization=file.organization, author=file.run.job.owner, maximum_age=30).pk],
    }


def retained(dataset: Dataset, owner: User) -> dict[str, list[Any]]:
    """Ids of retention's own resources."""
    here, waiting = dataset.source.organization, Purge.Status.AWAITING_APPROVAL
    why = {"matter": "Acme v. Smith", "reason": "Discovery order", "placed_by": owner}
    preview = Preview.objects.create(organization=here, terms={}, exact=True, figures={"datasets": []}, user=owner)
    return {
        "hold_id": [Hold.objects.create(organization=here, dataset=dataset, **why).pk],
        "preview_id": [preview.pk],
        "purge_id": [ended(dataset, owner).pk, ended(dataset, owner, status=waiting).pk],
        "number": [entry.number for entry in written(dataset, owner, 2)],
        "dataset": ["Contact"],
    }


def retention_jobs(file: File, run: Run) -> list[RetentionJob]:
    """One that waits, and one with a file."""
    own = {"organization": run.organization, "owner": run.job.owner}
    waits, ended = (RetentionJob.objects.create(**own, kind="Extract", status=status) for status in ("Pending", "Completed"))
    part = Part.objects.create(run=run, dataset=run.job.dataset, number=1, status=Part.Status.DONE)
    Purge.objects.create(
        organization=run.organization, job=ended, dataset=part.dataset, run=run, slot=run.slot, terms={}, status="completed"
    )
    ended.resources = [{"name": part.dataset.name, "dataset": part.dataset_id, "where": {}}]
    ended.save()
    extract = File.objects.get(pk=file.pk)
    extract.pk, extract.run, extract.part, extract.name, extract.storage_key = None, run, part, "Extract.zip.p7m", "extract"
    extract.save(force_insert=True)
    return [waits, ended]


def delivered(organization: Organization) -> Delivery:
    webhook = Webhook.objects.create(
        organization=organization, name="Pager", url="https://receiver.example/", secret="whsec_AAAA", events=["run.failed"]
    )
    notice = Notice.objects.create(
        organization=organization, event="ping", subject_kind="webhook", subject_id=webhook.pk, subject_name="Pager"
    )
    return Delivery.objects.create(organization=organization, notice=notice, webhook=webhook, status="delivered")


@pytest.fixture
def document(
    face: Face, world: dict[str, list[Any]], owner: User, organization: Organization, request: pytest.FixtureRequest
) -> OpenApiSchema:
    request.node._nodeid = request.node.nodeid  # what schemathesis reads, and pytest has had no more since 9.2
    _, token = AccessToken.issue(owner, organization, lifetime=timedelta(hours=1))
    config: dict[str, Any] = {
        "seed": 4,
        "generation": {
            "deterministic": True,
            "database": "none",
            "max-examples": 2 if face.deprecated else 6,  # their views are those of version 10
            "no-shrink": True,
            "with-security-parameters": False,  # made-up API keys are refused before anything else is looked at
        },
        "checks": {"positive_data_acceptance": {"expected-statuses": NO_FAULT}},
        # The links are those of the document: guessed ones take every `…Id` for one thing.
        "phases": {"stateful": {"inference": {"algorithms": []}}},
        "auth": {"openapi": {"bearer": {"bearer": token}}},
        "dictionaries": {name: {"values": values} for name, values in world.items()},
        "parameters": {name: {"dictionary": name, "probability": 0.8} for name in world},
    }
    config["operations"] = [
        # The one 5xx that is meant: a bulk deletion of the older versions names what it left.
        {"include-operation-id": operation["operationId"], "checks": {name: {"expected-statuses": [*NO_FAULT, 500]} for name in ON_STATUS}}
        for operation in operations(document_of(face)).values()
        if "500" in operation["responses"]
    ]
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


@pytest.mark.usefixtures("_nothing_is_limited", "_one_connection")
@pytest.mark.parametrize("face", [face_of(key) for key in LINKED], ids=lambda face: face.key)
def test_what_one_operation_answers_another_takes(document: OpenApiSchema) -> None:
    """Sequences: what is made can be asked for, changed and deleted, and is then gone."""

    class Walk(document.as_state_machine()):  # type: ignore[misc]  # published without types
        def setup(self) -> None:
            self.world = transaction.atomic()
            self.world.__enter__()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.world.__exit__(None, None, None)

    Walk.run(settings=hypothesis.settings(**WALKS))


@pytest.mark.usefixtures("_one_connection")
@pytest.mark.parametrize("face", settings.FACES, ids=lambda face: face.key)
def test_a_request_too_many_is_answered_as_documented(
    document: OpenApiSchema, world: dict[str, list[Any]], face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    for windows in settings.LIMITS.values():
        monkeypatch.setitem(windows, "minute", 1)
    path = min((path for path, method in operations(document_of(face)) if method == "GET"), key=lambda path: path.count("{"))
    case = document[path]["GET"].Case(path_parameters={name: world[name][0] for name in re.findall(r"\{(\w+)\}", path)})
    case.call()
    answer = case.call()
    assert answer.status_code == 429
    case.validate_response(answer, checks=OF_ANSWERS)
