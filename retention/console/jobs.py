"""Retention jobs: the list, one job with its purges and files, and the button that cancels it."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.console.access import MemberRequest, member_page
from exports.console.presentation import file_entries
from exports.services.errors import ServiceError
from retention.console.finding import found_or_404
from retention.console.presentation import purge_entries, purges_of, watched
from retention.models import RetentionJob
from retention.services import glance, retention_jobs, windows
from retention.services.job_figures import outcomes
from retention.tasks import wake

PAGE, SHOWN = 50, 50


@member_page()
def job_list(request: MemberRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    found = retention_jobs.listing(request.access).select_related("owner")
    if status in RetentionJob.Status.values:
        found = found.filter(status=status)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    figures = outcomes(page.object_list)
    context = {
        "jobs": [(job, figures[job.pk].total) for job in page.object_list],
        "page": page,
        "filter": urlencode({"status": status}) + "&",
        "status": status,
        "statuses": RetentionJob.Status.choices,
    }
    return render(request, "console/retention/jobs.html", context)


@member_page()
def job_detail(request: MemberRequest, pk: UUID) -> HttpResponse:
    job = found_or_404(retention_jobs.find, request.access, str(pk))
    found = list(purges_of(request.access).filter(job=job.pk).order_by("pk"))
    figures = outcomes([job])[job.pk]
    context = {
        "job": job,
        "total": figures.total,
        "purges": purge_entries(found),
        "files": [(purge, file_entries(glance.files(request.access, purge)[:SHOWN])) for purge in found],
        "watched": watched(found),
        "opens": windows.next_open(glance.settings(request.access), job.created_at) if job.status == RetentionJob.Status.PENDING else None,
    }
    return render(request, "console/retention/job.html", context)


@member_page(["POST"])
def job_cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    job = found_or_404(retention_jobs.find, request.access, str(pk))
    try:
        done = retention_jobs.cancel(request.access, job)
        wake()
        messages.success(request, done.message or "The job is cancelled.")
    except ServiceError as error:
        messages.error(request, str(error))
    return redirect("console-retention-job", pk)
