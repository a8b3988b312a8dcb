"""Runs: the list, one run, its progress, and the button that cancels it."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django_htmx.http import HttpResponseClientRefresh

from accounts.console.access import MemberRequest, member_page
from exports.console.overview import TROUBLED
from exports.console.presentation import by_both_clocks, file_entries, files_of, run_entries, runs_of, watched
from exports.models import Run
from exports.services import figures
from exports.services.errors import Conflict
from exports.services.runs import cancel_run
from exports.services.schedule import slots_of

PAGE = 50


@member_page()
def run_list(request: MemberRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    runs = runs_of(request.access)
    if status in Run.Status.values:
        runs = runs.filter(status=status)
    page = Paginator(runs, PAGE).get_page(request.GET.get("page"))
    context = {
        "runs": run_entries(page.object_list),
        "page": page,
        "filter": urlencode({"status": status}) + "&",
        "status": status,
        "statuses": Run.Status.choices,
        "watched": watched(page.object_list),
    }
    return render(request, "console/runs.html", context)


@member_page()
def run_detail(request: MemberRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(runs_of(request.access), pk=pk)
    page = Paginator(files_of(request.access).filter(run=run).order_by("part__number", "name"), PAGE).get_page(request.GET.get("page"))
    parts = list(run.parts.select_related("dataset").order_by("dataset__name", "number"))
    context = {
        "run": run,
        "entry": run_entries([run])[0],
        "files": file_entries(page.object_list),
        "page": page,
        "parts": parts,
        "left_out": sum(part.suppressed for part in parts),
        "removed": figures.removed([run]).get(run.pk, {}),
        "troubled": TROUBLED,
        "watched": watched([run]),
    }
    return render(request, "console/run.html", {**context, **_not_run(run, request.GET.get("page"))})


def _not_run(run: Run, page: str | None) -> dict[str, object]:
    """Of a record of slots that did not run: each of them, by pages."""
    if run.status != Run.Status.SKIPPED:
        return {}
    found = Paginator(list(slots_of(run)), PAGE).get_page(page)
    return {"not_run": by_both_clocks(found.object_list, run.job.timezone), "page": found}


@member_page()
def progress(request: MemberRequest) -> HttpResponse:
    """The bars of the runs that a page watches. Once one of them is over, the page is asked to load itself anew."""
    asked = [int(pk) for pk in request.GET.getlist("run")[:PAGE] if pk.isdecimal() and len(pk) < 19]
    runs = list(runs_of(request.access).filter(pk__in=asked))
    if not runs or not all(run.is_active for run in runs):
        return HttpResponseClientRefresh()
    return render(request, "console/progress.html", {"entries": run_entries(runs)})


@member_page(["POST"])
def run_cancel(request: MemberRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(runs_of(request.access), pk=pk)
    try:
        cancel_run(request.access, run)
        messages.success(request, "The run is cancelled.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("console-run", pk)
