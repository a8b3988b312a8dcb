"""The rows of tests/isolation_table.py for retention: its faces, its own resources, its pages."""


# ruff: noqa: ARG005 a cell of the table is a status or a function of the scene

from hashlib import sha256
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from exports.models import File, Run
from retention.models import Disposition, Hold, Preview, Purge, Restore, RetentionJob, Rule
from tests.console.retained import KEY_SET
from tests.console.scenes import Scene, new_file, new_job, new_run
from tests.isolation_rows import Sent, api, page, readable
from tests.retention.ledger import ended, written
from tests.retention.restoring import furnished_disposition

# --- Retention -------------------------------------------------------------------------------------------------------
DECRYPTED = b"PK the zip that openssl has decrypted"


def disposition(scene: Scene) -> Disposition:
    """Of a purge whose extract is the scene's run."""
    if found := Disposition.objects.filter(purge__run=scene.run).first():
        return found
    readable(scene)
    File.objects.filter(pk=scene.file.pk).update(zip_sha256=sha256(DECRYPTED).hexdigest())
    return furnished_disposition(scene.run, scene.dataset)


def of_disposition(scene: Scene) -> dict[str, Any]:
    return {"disposition": disposition(scene).number}


def with_disposition(scene: Scene) -> dict[str, Any]:
    disposition(scene)
    return {}


def restore_form(scene: Scene) -> dict[str, Any]:
    return {**of_disposition(scene), "parts": SimpleUploadedFile("part.zip", DECRYPTED)}


def restore(scene: Scene) -> Restore:
    terms: dict[str, Any] = {
        "disposition": disposition(scene),
        "organization": scene.organization,
        "user": scene.owner,
        "status": "completed",
    }
    return Restore.objects.get_or_create(**terms)[0]


def to_restore(scene: Scene) -> dict[str, object]:
    return {"restore_id": restore(scene).pk}


RESTORES = [
    api("api/v1/retention/restores", "GET", 200, 403, 200),
    api("api/v1/retention/restores", "POST", 201, 403, 404, args=with_disposition, data=restore_form),
    api("api/v1/retention/restores/preview", "GET", 200, 403, 404, query=of_disposition),
    api("api/v1/retention/restores/<str:restore_id>", "GET", 200, 403, 404, args=to_restore),
]


# --- Retention rules -------------------------------------------------------------------------------------------------
def to_rule(scene: Scene) -> dict[str, object]:
    return {"rule_id": Rule.objects.create(organization=scene.organization, author=scene.owner, maximum_age=30, mode="enforce").pk}


RULES = [
    api("retention/retentions", "GET", 200, 403, 200),
    api("retention/retentions", "POST", 201, 403, 201, data=lambda scene: {"dataType": "EVENT", "maximumAge": "30"}),
    api("retention/retentions/<str:rule_id>", "GET", 200, 403, 404, args=to_rule),
    api("retention/retentions/<str:rule_id>", "PUT", 200, 403, 404, args=to_rule, data=lambda scene: {"maximumAge": 31}),
    api("retention/retentions/<str:rule_id>", "DELETE", 204, 403, 404, args=to_rule),
]


# --- Retention jobs --------------------------------------------------------------------------------------------------
def retention_job(scene: Scene, status: str = RetentionJob.Status.PENDING) -> RetentionJob:
    return RetentionJob.objects.create(organization=scene.organization, owner=scene.owner, kind=RetentionJob.Kind.EXTRACT, status=status)


def to_retention_job(scene: Scene) -> dict[str, object]:
    """One that waits."""
    return {"job_uuid": retention_job(scene).pk}


def to_extract(scene: Scene) -> dict[str, object]:
    """One that has ended, with the file of its extract."""
    job = retention_job(scene, RetentionJob.Status.COMPLETED)
    run = new_run(new_job(scene.owner, scene.dataset, "Retention", kind="Retention"), Run.Status.COMPLETED, rows=7, done=7)
    terms = {"organization": scene.organization, "slot": run.slot, "terms": {}, "status": Purge.Status.COMPLETED, "extract_only": True}
    Purge.objects.create(job=job, dataset=scene.dataset, run=run, **terms)
    return {"job_uuid": job.pk, "filename": new_file(run, scene.certificate).name}


def retention_job_body(scene: Scene) -> dict[str, Any]:
    return {"jobType": "Extract", "criteria": {scene.dataset.name: "mediaTypeId eq 'chat'"}}


_RETENTION_JOBS = "orgs/<str:uuid>/retention/jobs"
RETENTION_JOBS = [
    api(_RETENTION_JOBS, "GET", 200, 403, 404),
    api(_RETENTION_JOBS, "POST", 204, 403, 404, args=readable, data=retention_job_body),
    api(f"{_RETENTION_JOBS}/<str:job_uuid>", "GET", 200, 403, 404, args=to_retention_job),
    api(f"{_RETENTION_JOBS}/<str:job_uuid>/cancel", "POST", 200, 403, 404, args=to_retention_job),
    api(f"{_RETENTION_JOBS}/<str:job_uuid>/files", "GET", 200, 403, 404, args=to_extract),
    api(f"{_RETENTION_JOBS}/<str:job_uuid>/files/<str:filename>", "GET", 303, 403, 404, args=to_extract),
]


# --- Retention's own resources ---------------------------------------------------------------------------------------
def hold(scene: Scene) -> dict[str, object]:
    why = {"matter": "Acme v. Smith", "reason": "Discovery order", "placed_by": scene.owner}
    return {"hold_id": Hold.objects.create(organization=scene.organization, dataset=scene.dataset, **why).pk}


def hold_body(scene: Scene) -> dict[str, object]:
    return {"source": scene.source.key, "dataset": scene.dataset.name, "matter": "Acme v. Smith", "reason": "Discovery order"}


def preview(scene: Scene) -> dict[str, object]:
    made = Preview.objects.create(organization=scene.organization, terms={}, exact=True, figures={"datasets": []}, user=scene.owner)
    return {"preview_id": made.pk}


def frozen_purge(scene: Scene) -> dict[str, object]:
    """One that waits for approval, and that somebody else than the owner ordered."""
    terms = {"status": Purge.Status.AWAITING_APPROVAL, "selected": 5, "key_set_sha256": "a" * 64}
    return {"purge_id": ended(scene.dataset, scene.teammate, **terms).pk}


def to_disposition(scene: Scene) -> dict[str, object]:
    return {"number": written(scene.dataset, scene.owner)[0].number}


def why(scene: Scene) -> dict[str, object]:
    return {"reason": "settled"}


OWN_RETENTION = [
    api("api/v1/holds", "GET", 200, 403, 200),
    api("api/v1/holds", "POST", 202, 403, 400, data=hold_body),  # what is not committed is not in force
    api("api/v1/holds/<str:hold_id>", "GET", 200, 403, 404, args=hold),
    api("api/v1/holds/<str:hold_id>/release", "POST", 200, 403, 404, args=hold, data=why),
    api("api/v1/retention/previews", "GET", 200, 403, 200),
    api("api/v1/retention/previews", "POST", 201, 403, 201, args=readable, data=lambda scene: {"terms": {"maximumAge": 30}}),
    api("api/v1/retention/previews/<str:preview_id>", "GET", 200, 403, 404, args=preview),
    api("api/v1/retention/purges", "GET", 200, 403, 200),
    api("api/v1/retention/purges/<str:purge_id>", "GET", 200, 403, 404, args=frozen_purge),
    api(
        "api/v1/retention/purges/<str:purge_id>/approve",
        *("POST", 200, 403, 404),
        args=frozen_purge,
        data=lambda scene: {"keySet": "a" * 64},
    ),
    api("api/v1/retention/purges/<str:purge_id>/cancel", "POST", 200, 403, 404, args=frozen_purge),
    api("api/v1/dispositions", "GET", 200, 403, 200),
    api("api/v1/dispositions/<str:number>", "GET", 200, 403, 404, args=to_disposition),
    api("api/v1/dispositions/<str:number>/certificate", "GET", 200, 403, 404, args=to_disposition),
]


# --- Retention in the console ----------------------------------------------------------------------------------------
def rule_terms(scene: Scene) -> dict[str, str]:
    return {"data_type": "Interaction", "maximum_age": "365", "mode": "enforce", "archive": "on"}


def retained(name: str, **more: object) -> Sent:
    return lambda scene: {"pk": getattr(scene.retention, name).pk, **more}


def numbered(scene: Scene) -> dict[str, object]:
    return {"number": scene.retention.disposition.number}


def shorter(scene: Scene) -> dict[str, str]:
    """Terms that the owner has seen the preview of."""
    return {"data_type": "Interaction", "maximum_age": "365", "archive": "on", "mode": "enforce", "confirmation": "enforce"}


def extracted(scene: Scene) -> dict[str, object]:
    """A purge that is over, with a file of its extract."""
    run = new_run(new_job(scene.owner, scene.dataset, "Retention", kind="Retention"), Run.Status.COMPLETED, rows=400, done=400)
    Purge.objects.filter(pk=scene.retention.purge.pk).update(run=run)
    return {"pk": scene.retention.purge.pk, "file": new_file(run, scene.certificate).pk}


def restorable(scene: Scene) -> dict[str, object]:
    """A disposition of which there is a file."""
    return {"number": disposition(scene).number}


def restore_upload(scene: Scene) -> dict[str, Any]:
    return {"parts": SimpleUploadedFile("part.zip", DECRYPTED)}


def hold_form(scene: Scene) -> dict[str, str]:
    return {"matter": "Case 8", "reason": "A claim.", "dataset": str(scene.dataset.pk), "scope": "all"}


RETENTION_PAGES = [
    page("retention", "GET", 200, 403, 200),
    page("rules", "GET", 200, 403, 200),
    page("rules/new", "GET", 200, 403, 200),
    page("rules/new", "POST", 302, 403, 200, data=rule_terms),
    page("rules/<int:pk>", "GET", 200, 403, 404, args=retained("rule")),
    page("rules/<int:pk>/change", "GET", 200, 403, 404, args=retained("rule")),
    page(
        "rules/<int:pk>/change", "POST", 302, 403, 404, args=retained("rule"), data=lambda scene: rule_terms(scene) | {"maximum_age": "400"}
    ),
    page("rules/<int:pk>/mode", "POST", 302, 403, 404, args=retained("rule"), data=lambda scene: {"mode": "off"}),
    page("rules/<int:pk>/preview", "POST", 200, 403, 404, args=retained("rule")),
    page("rules/<int:pk>/apply", "POST", 302, 403, 404, args=retained("rule"), data=shorter),
    page("rules/<int:pk>/delete", "GET", 200, 403, 404, args=retained("rule")),
    page("rules/<int:pk>/delete", "POST", 302, 403, 404, args=retained("rule")),
    page("previews/<int:pk>", "GET", 200, 403, 404, args=retained("preview")),
    page("purges", "GET", 200, 403, 200),
    page("purges/progress", "GET", 200, 403, 200, query=lambda scene: {"purge": scene.retention.purge.pk}),
    page("purges/<int:pk>", "GET", 200, 403, 404, args=retained("purge")),
    page("purges/<int:pk>/approve", "GET", 200, 403, 404, args=retained("waiting")),
    page(
        "purges/<int:pk>/approve", "POST", 302, 403, 404, args=retained("waiting"), data=lambda scene: {"rows": "1,200", "key_set": KEY_SET}
    ),
    page("purges/<int:pk>/cancel", "POST", 302, 403, 404, args=retained("waiting")),
    page("purges/<int:pk>/files/<int:file>", "GET", 302, 403, 404, args=extracted),
    page("holds", "GET", 200, 403, 200),
    page("holds/new", "GET", 200, 403, 200),
    page("holds/new", "POST", 302, 403, 200, data=hold_form),
    page("holds/<int:pk>", "GET", 200, 403, 404, args=retained("hold")),
    page("holds/<int:pk>/rows", "GET", 200, 403, 404, args=lambda scene: readable(scene) | {"pk": scene.retention.hold.pk}),
    page("holds/<int:pk>/release", "GET", 200, 403, 404, args=retained("hold")),
    page("holds/<int:pk>/release", "POST", 302, 403, 404, args=retained("hold"), data=lambda scene: {"reason": "It is settled."}),
    page("dispositions", "GET", 200, 403, 200),
    page("dispositions/csv", "GET", 200, 403, 200),
    page("dispositions/verify", "GET", 200, 403, 200),
    page("dispositions/<int:number>", "GET", 200, 403, 404, args=numbered),
    page("dispositions/<int:number>/restore", "GET", 200, 403, 404, args=restorable),
    page("dispositions/<int:number>/restore", "POST", 302, 403, 404, args=restorable, data=restore_upload),
    page("dispositions/<int:number>/certificate", "GET", 200, 403, 404, args=numbered),
    page("dispositions/<int:number>/certificate.json", "GET", 200, 403, 404, args=numbered),
    page("retention-jobs", "GET", 200, 403, 200),
    page("retention-jobs/<uuid:pk>", "GET", 200, 403, 404, args=retained("job")),
    page("retention-jobs/<uuid:pk>/cancel", "POST", 302, 403, 404, args=retained("job")),
]
