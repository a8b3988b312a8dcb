"""The admin: who may enter, what it never shows, and that it acts through services."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import AccessToken
from exports.models import Job, Run, Source
from exports.sources.base import SourceError
from tests.console.conftest import signed_in
from tests.console.scenes import CANARY, Scene, new_run

OURS = [model for app in ("accounts", "exports") for model in apps.get_app_config(app).get_models() if model in admin.site._registry]
SCHEDULES = [model for model in apps.get_app_config("django_celery_beat").get_models() if model in admin.site._registry]
READ_ONLY = {"accesstoken", "apikey", "auditentry", "certificate", "delivery", "job", "mailaddress", "notice", "run", "webhook"}


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def act(client: Client, row: Model, action: str) -> str:
    data = {"action": action, "_selected_action": [str(row.pk)], "index": "0"}
    answer = client.post(address(type(row), "changelist"), data, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def source_fields(scene: Scene, **changed: str) -> dict[str, str]:
    inline = {f"datasets-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}
    return {
        "organization": str(scene.organization.pk),
        "name": "Renamed",
        "key": "contact-history",
        "kind": "sql",
        "url": "",
        **inline,
        **changed,
    }


@pytest.mark.parametrize("model", [*OURS, *SCHEDULES], ids=lambda model: model.__name__)
def test_lists_are_for_superusers(scene: Scene, root: Client, model: type[Model]) -> None:
    assert root.get(address(model, "changelist")).status_code == 200
    scene.owner.is_staff = True
    scene.owner.save()
    assert signed_in(scene.owner).get(address(model, "changelist")).status_code == 403
    assert Client().get(address(model, "changelist")).status_code == 302


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_password_of_a_source_is_on_no_page(scene: Scene, root: Client, model: type[Model]) -> None:
    pages = [address(model, "changelist"), *(address(model, "change", row.pk) for row in model._default_manager.all())]
    pages += [address(model, "delete", row.pk) for row in model._default_manager.all()] if model._meta.model_name not in READ_ONLY else []
    pages += [address(model, "history", row.pk) for row in model._default_manager.all()]
    for page in pages:
        answer = root.get(page)
        assert answer.status_code in {200, 403}, page
        assert CANARY not in answer.content.decode(), page


@pytest.mark.parametrize("model", [model for model in OURS if model._meta.model_name in READ_ONLY], ids=lambda model: model.__name__)
def test_what_services_write_is_read_only(scene: Scene, root: Client, model: type[Model]) -> None:
    assert root.get(address(model, "add")).status_code == 403
    for row in model._default_manager.all():
        assert root.post(address(model, "change", row.pk), {}).status_code == 403
        assert root.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [*[m for m in OURS if m._meta.model_name not in READ_ONLY], *SCHEDULES], ids=lambda model: model.__name__)
def test_add_pages_open(root: Client, model: type[Model]) -> None:
    assert root.get(address(model, "add")).status_code == 200


def test_source_shows_where_it_is(scene: Scene, root: Client) -> None:
    assert "postgresql://db.example/history" in root.get(address(Source, "change", scene.source.pk)).content.decode()


def test_empty_url_keeps_the_old_one(scene: Scene, root: Client) -> None:
    assert root.post(address(Source, "change", scene.source.pk), source_fields(scene)).status_code == 302
    source = Source.objects.get()
    assert source.name == "Renamed"
    assert CANARY in source.url


def test_new_url_replaces_the_old_one(scene: Scene, root: Client) -> None:
    url = "postgresql://other:secret@db.example/elsewhere"
    root.post(address(Source, "change", scene.source.pk), source_fields(scene, url=url))
    assert Source.objects.get().url == url


def test_refused_url_is_not_echoed(scene: Scene, root: Client) -> None:
    url = f"nosuch://someone:{CANARY}@host/db"
    answer = root.post(address(Source, "change", scene.source.pk), source_fields(scene, url=url))
    assert "There is no reader for nosuch databases" in answer.content.decode()
    assert CANARY not in answer.content.decode()


def test_new_source_needs_a_url(scene: Scene, root: Client) -> None:
    answer = root.post(address(Source, "add"), source_fields(scene, key="another"))
    assert answer.status_code == 200
    assert Source.objects.count() == 1


@pytest.mark.parametrize(
    ("answer", "sentence"), [("", "the connection works."), ("The host db.example is unknown.", "The host db.example is unknown.")]
)
def test_connection_is_tested(scene: Scene, root: Client, monkeypatch: pytest.MonkeyPatch, answer: str, sentence: str) -> None:
    monkeypatch.setattr("exports.admin.catalogue.test_connection", lambda _: answer)
    assert act(root, scene.source, "test_connection") == f"Contact history: {sentence}"


def test_discovery_adds_what_is_new_and_keeps_what_was_edited(scene: Scene, root: Client) -> None:
    Source.objects.update(kind=Source.Kind.CONTACT_HISTORY)
    scene.dataset.timestamp_column = "modifiedDate"
    scene.dataset.save()
    assert "2 new datasets, 3 in all" in act(root, scene.source, "discover_datasets")
    assert scene.source.datasets.get(name="Interaction").timestamp_column == "modifiedDate"
    assert scene.source.datasets.get(name="Attachment").parent == scene.dataset
    assert "0 new datasets, 3 in all" in act(root, scene.source, "discover_datasets")


def test_failure_of_a_source_is_a_sentence(scene: Scene, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Source) -> None:
        raise SourceError("The database answers no more.")

    monkeypatch.setattr("exports.admin.catalogue.discover", fail)
    assert act(root, scene.source, "discover_datasets") == "Contact history: The database answers no more."


def test_job_is_suspended_and_resumed(scene: Scene, root: Client) -> None:
    assert act(root, scene.job, "suspend").endswith("suspended.")
    assert Job.objects.get().suspended
    assert act(root, scene.job, "resume").endswith("resumed.")
    assert "is not suspended" in act(root, scene.job, "resume")


def test_job_is_started_and_its_run_cancelled(scene: Scene, root: Client) -> None:
    assert act(root, scene.job, "run_now").endswith("started.")
    assert act(root, scene.job.runs.get(status=Run.Status.PENDING), "cancel").endswith("cancelled.")
    assert scene.job.runs.filter(status=Run.Status.CANCELLED).count() == 1


def test_run_shows_parts_and_files(scene: Scene, root: Client) -> None:
    page = root.get(address(Run, "change", scene.run.pk)).content.decode()
    assert scene.file.name in page
    assert scene.file.sha256 in page


def test_token_is_revoked_and_its_digest_hidden(scene: Scene, root: Client) -> None:
    token, _ = AccessToken.issue(scene.owner, scene.organization, lifetime=timedelta(days=1), name="for the night shift")
    page = root.get(address(AccessToken, "change", token.pk)).content.decode()
    assert "for the night shift" in page
    assert token.token_checksum not in page
    act(root, token, "revoke")
    assert not AccessToken.objects.exists()


def test_action_on_a_finished_run_says_why_not(scene: Scene, root: Client) -> None:
    assert "only one that is pending" in act(root, new_run(scene.job, Run.Status.FAILED, rows=1, done=0), "cancel")
