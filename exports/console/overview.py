"""The first page: is everything in order, what runs, what is ready to download."""

from django.db.models import Count, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import Organization
from exports.console.access import MemberRequest, member_page
from exports.console.presentation import (
    certificate_health,
    files_of,
    jobs_of,
    next_job,
    run_entries,
    runs_of,
    watched,
    with_files,
)
from exports.models import Run

ACTIVE_SHOWN, FINISHED_SHOWN, FILES_SHOWN, FAILED_SHOWN = 10, 8, 5, 5


@member_page()
def overview(request: MemberRequest) -> HttpResponse:
    organization = request.organization
    return render(request, "console/overview.html", _state(organization) | _runs(organization))


def _state(organization: Organization) -> dict[str, object]:
    return {
        "certificates": certificate_health(organization, timezone.now()),
        "kept": files_of(organization).aggregate(count=Count("pk"), size=Sum("size")),
        "has_jobs": jobs_of(organization).exists(),
        "has_sources": organization.sources.filter(datasets__isnull=False).exists(),
        "next_job": next_job(organization),
    }


def _runs(organization: Organization) -> dict[str, object]:
    runs = runs_of(organization)
    active = list(runs.filter(status__in=Run.ACTIVE)[:ACTIVE_SHOWN])
    finished = run_entries(runs.filter(status=Run.Status.COMPLETED).order_by("-finished_at")[:FINISHED_SHOWN])
    return {
        "running": runs.filter(status=Run.Status.IN_PROGRESS).count(),
        "pending": runs.filter(status=Run.Status.PENDING).count(),
        "active": run_entries(active),
        "watched": watched(active),
        "finished": with_files(finished, organization, FILES_SHOWN),
        "failed": _unanswered_failures(organization),
    }


def _unanswered_failures(organization: Organization) -> list[Run]:
    """The failed runs that no later run of the same job has made good."""
    latest: dict[int, Run] = {}
    done = runs_of(organization).exclude(status__in=[*Run.ACTIVE, Run.Status.CANCELLED, Run.Status.SKIPPED])
    for run in done.filter(job__deleted_at=None)[:200]:
        latest.setdefault(run.job_id, run)
    return [run for run in latest.values() if run.status in TROUBLED][:FAILED_SHOWN]


TROUBLED = (Run.Status.FAILED, Run.Status.ERRORED)
