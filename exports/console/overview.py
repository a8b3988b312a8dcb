"""The first page: is everything in order, what runs, what is ready to download."""

from django.db.models import Count, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.console.access import MemberRequest, member_page
from accounts.services.access import Access
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
from exports.services import visible

ACTIVE_SHOWN, FINISHED_SHOWN, FILES_SHOWN, FAILED_SHOWN = 10, 8, 5, 5


@member_page()
def overview(request: MemberRequest) -> HttpResponse:
    if not visible.may_export(request.access):
        return render(request, "console/no_role.html")
    return render(request, "console/overview.html", _state(request.access) | _runs(request.access))


def _state(access: Access) -> dict[str, object]:
    return {
        "certificates": certificate_health(access, timezone.now()),
        "kept": files_of(access).aggregate(count=Count("pk"), size=Sum("size")),
        "has_jobs": jobs_of(access).exists(),
        "has_sources": visible.sources(access).filter(datasets__isnull=False).exists(),
        "next_job": next_job(access),
    }


def _runs(access: Access) -> dict[str, object]:
    runs = runs_of(access)
    active = list(runs.filter(status__in=Run.ACTIVE)[:ACTIVE_SHOWN])
    finished = run_entries(runs.filter(status=Run.Status.COMPLETED).order_by("-finished_at")[:FINISHED_SHOWN])
    return {
        "running": runs.filter(status=Run.Status.IN_PROGRESS).count(),
        "pending": runs.filter(status=Run.Status.PENDING).count(),
        "active": run_entries(active),
        "watched": watched(active),
        "finished": with_files(finished, access, FILES_SHOWN),
        "failed": _unanswered_failures(access),
    }


def _unanswered_failures(access: Access) -> list[Run]:
    """The failed runs that no later run of the same job has made good."""
    latest: dict[int, Run] = {}
    done = runs_of(access).exclude(status__in=[*Run.ACTIVE, Run.Status.CANCELLED, Run.Status.SKIPPED])
    for run in done.filter(job__deleted_at=None)[:200]:
        latest.setdefault(run.job_id, run)
    return [run for run in latest.values() if run.status in TROUBLED][:FAILED_SHOWN]


TROUBLED = (Run.Status.FAILED, Run.Status.ERRORED)
