"""Jobs as this face shows them."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from exports.models import File
from retention.models import Purge, RetentionJob
from retention.services.job_criteria import full_name
from retention.services.job_figures import Figures, Outcome, job_files, outcomes, reasons
from retention.services.ledger import deleted_children
from retention.services.retention_jobs import begins_at


def job_infos(jobs: Iterable[RetentionJob]) -> list[dict[str, Any]]:
    """JobInfo of jobs of one organization."""
    found = list(jobs)
    known = outcomes(found)
    return [_job(job, known[job.pk]) for job in found]


def job_detail(job: RetentionJob) -> dict[str, Any]:
    """JobDetailInfo."""
    outcome = outcomes([job])[job.pk]
    names = {resource["dataset"]: resource["name"] for resource in job.resources}
    resources = [_resource(names[purge.dataset_id], purge, outcome.by_purge[purge.pk]) for purge in outcome.purges]
    return {**_job(job, outcome), "resources": resources, "files": job_files(job)}


def linked(files: list[File], links: list[str]) -> list[File]:
    """For LinkedFile."""
    for file, link in zip(files, links, strict=True):
        file.link, file.decryptCommand = link, file.decrypt_command  # type: ignore[attr-defined]  # read by the serializer
    return files


def _job(job: RetentionJob, outcome: Outcome) -> dict[str, Any]:
    return {
        "id": job.pk,
        "jobType": job.kind,
        "status": job.status,
        "message": job.message or _waits_for(outcome),
        "criteria": job.criteria,
        "createdBy": job.owner.get_username(),
        "createdDateTime": job.created_at,
        "windowDateTime": begins_at(job, timezone.now()),
        "startedDateTime": job.started_at,
        "completedDateTime": job.finished_at,
        **_rows(outcome.total),
    }


def _waits_for(outcome: Outcome) -> str:
    waiting = [purge for purge in outcome.purges if purge.status == Purge.Status.AWAITING_APPROVAL]
    return " ".join(f"{purge.dataset.name} waits for approval: {purge.asks_because}" for purge in waiting)


def _resource(name: str, purge: Purge, figures: Figures) -> dict[str, Any]:
    return {
        "name": name,
        "dataset": full_name(purge.dataset),
        "status": purge.status,
        "message": purge.message,
        "keptBecause": reasons(purge),
        **_rows(figures),
        "childRowsExtracted": figures.child_rows_extracted,
        "childRowsPurged": sum(deleted_children(purge).values()),
    }


def _rows(figures: Figures) -> dict[str, int]:
    return {"rowsExtracted": figures.rows_extracted, "rowsPurged": figures.rows_purged, "rowsKept": figures.rows_kept}
