"""Jobs: the list, one job with its runs, a new one, and what can be done to one."""

from collections.abc import Callable
from itertools import islice

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.console.access import MemberRequest, member_page
from accounts.services.access import Access
from exports.console.forms import JobForm, WatermarkForm
from exports.console.presentation import by_both_clocks, cron_words, job_entries, jobs_of, misfire_words, run_entries, runs_of, watched
from exports.formats import LABELS
from exports.models import Job
from exports.services import jobs as job_services
from exports.services import visible
from exports.services.attributes import attributes_of
from exports.services.errors import Invalid, ServiceError
from exports.services.schedule import check_cron, check_timezone, occurrences, slots
from exports.tasks import wake

PAGE, PREVIEWED = 50, 10


def _run(access: Access, job: Job) -> Job:
    return job_services.run_now(access, job).job


ACTIONS: dict[str, tuple[Callable[[Access, Job], Job], str]] = {
    "run": (_run, "{} starts."),
    "cancel": (job_services.cancel_job, "{} is cancelled."),
    "suspend": (job_services.suspend_job, "{} is suspended: it does not run until it is resumed."),
    "resume": (job_services.resume_job, "{} is resumed."),
    "clone": (job_services.clone, "{} is a suspended copy: it runs once you resume it."),
}


@member_page()
def job_list(request: MemberRequest) -> HttpResponse:
    page = Paginator(jobs_of(request.access), PAGE).get_page(request.GET.get("page"))
    entries = job_entries(page.object_list)
    active = [entry.active.run for entry in entries if entry.active]
    return render(request, "console/jobs.html", {"jobs": entries, "page": page, "watched": watched(active)})


@member_page()
def job_detail(request: MemberRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(jobs_of(request.access), pk=pk)
    page = Paginator(runs_of(request.access).filter(job=job), PAGE).get_page(request.GET.get("page"))
    entry = job_entries([job])[0]
    active = [entry.active.run] if entry.active else []
    context = {"job": job, "entry": entry, "runs": run_entries(page.object_list), "page": page, "watched": watched(active)}
    return render(request, "console/job.html", {**context, **_schedule(job), "format_label": LABELS.get(job.format, job.format)})


def _schedule(job: Job) -> dict[str, object]:
    ahead = occurrences(job, PREVIEWED) if job.cron and not job.suspended else []
    return {
        "occurrences": by_both_clocks(ahead, job.timezone),
        "misfire": misfire_words(job),
        "failures_limit": settings.FAILURES_BEFORE_SUSPENSION,
    }


@member_page(["GET", "HEAD", "POST"])
def job_new(request: MemberRequest) -> HttpResponse:
    form = JobForm(request.access, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (job := form.create()):
        wake()
        messages.success(request, f"{job.title} is created.")
        return redirect("console-job", job.pk)
    return render(request, "console/job_new.html", {"form": form})


@member_page()
def job_preview(request: MemberRequest) -> HttpResponse:
    """The next ten moments of a schedule, by its own clock and in UTC, or what is wrong with it."""
    visible.check(request.access)
    try:
        cron = check_cron(request.GET.get("cron", ""), "cron")
        zone = check_timezone(request.GET.get("timezone") or "UTC", "timezone")
    except Invalid as error:
        return render(request, "console/preview.html", {"error": str(error)})
    shown = by_both_clocks(islice(slots(cron, zone, timezone.now()), PREVIEWED), zone)
    return render(request, "console/preview.html", {"slots": shown, "words": cron_words(cron), "timezone": zone})


@member_page()
def job_attributes(request: MemberRequest) -> HttpResponse:
    """What rows of the dataset can be filtered by, to be chosen from."""
    visible.check(request.access)
    chosen = request.GET.get("dataset", "")
    if not (chosen.isascii() and chosen.isdecimal() and len(chosen) < 19):
        return render(request, "console/attributes.html", {})
    dataset = get_object_or_404(visible.datasets(request.access).select_related("source"), pk=int(chosen))
    try:
        found = attributes_of([dataset])[dataset.pk]
    except ServiceError as error:
        return render(request, "console/attributes.html", {"error": str(error)})
    return render(request, "console/attributes.html", {"attributes": found})


@member_page(["POST"])
def job_act(request: MemberRequest, pk: int, action: str) -> HttpResponse:
    """One of ACTIONS; where it leads is the job it is about (for a clone, the new one)."""
    job = get_object_or_404(jobs_of(request.access), pk=pk)
    if action not in ACTIONS:
        raise Http404
    act, sentence = ACTIONS[action]
    try:
        job = act(request.access, job)
        wake()
        messages.success(request, sentence.format(job.title))
    except ServiceError as error:
        messages.error(request, str(error))
    return redirect("console-job", job.pk)


@member_page(["GET", "HEAD", "POST"])
def job_delete(request: MemberRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(jobs_of(request.access), pk=pk)
    if request.method != "POST":
        return render(request, "console/job_delete.html", {"job": job, "entry": job_entries([job])[0]})
    try:
        job_services.delete_job(request.access, job)
    except ServiceError as error:
        messages.error(request, str(error))
        return redirect("console-job", pk)
    messages.success(request, f"{job.title} is deleted. Its runs and files remain.")
    return redirect("console-jobs")


@member_page(["GET", "HEAD", "POST"])
def job_watermark(request: MemberRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(jobs_of(request.access), pk=pk, kind=Job.Kind.DATA_SYNC)
    form = WatermarkForm(job, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and form.move(request.access):
        messages.success(request, f"The watermark of {job.title} is moved.")
        return redirect("console-job", pk)
    return render(request, "console/watermark.html", {"job": job, "form": form})
