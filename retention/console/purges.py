"""Purges: the queue, one purge, how it goes, and the two things that can be done to one: approve what it has frozen, and cancel it."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django_htmx.http import HttpResponseClientRefresh

from accounts.console.access import MemberRequest, member_page
from accounts.roles import APPROVE_DISPOSITIONS
from exports.console.presentation import file_entries
from exports.services import files as file_services
from exports.services.errors import ServiceError
from exports.sources.base import Head
from retention.console.finding import found_or_404
from retention.console.presentation import LABELS, purge_entries, purges_of, watched
from retention.models import Purge
from retention.services import glance, ledger, purges, windows
from retention.services.job_figures import reasons
from retention.tasks import wake

PAGE, FILES_SHOWN = 50, 50


@member_page()
def purge_list(request: MemberRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    known = status in Purge.Status.values
    found = purges.listing(request.access, statuses=[status] if known else [])
    page = Paginator(purges_of(request.access).filter(pk__in=found.values("pk")), PAGE).get_page(request.GET.get("page"))
    context = {
        "purges": purge_entries(page.object_list),
        "page": page,
        "filter": urlencode({"status": status}) + "&",
        "status": status,
        "statuses": [(value.value, label) for value, label in LABELS.items()],
        "watched": watched(page.object_list),
    }
    return render(request, "console/retention/purges.html", context)


@member_page()
def purge_detail(request: MemberRequest, pk: int) -> HttpResponse:
    purge = _found(request, pk)
    gone = ledger.deleted_children(purge)
    settings = glance.settings(request.access)
    context = {
        "purge": purge,
        "entry": purge_entries([purge])[0],
        "kept": sorted(reasons(purge).items()),
        "along": glance.along(purge, gone),
        "files": file_entries(glance.files(request.access, purge)[:FILES_SHOWN]),
        "batches": purge.batches.order_by("-start")[:10],
        "watched": watched([purge]),
        "opens": None if windows.is_open(settings, timezone.now()) else windows.next_open(settings, timezone.now()),
        "disposition": getattr(purge, "disposition", None),
    }
    return render(request, "console/retention/purge.html", context)


@member_page()
def progress(request: MemberRequest) -> HttpResponse:
    """How the purges go that a page watches. Once one of them moves no more, the page is asked to load itself anew."""
    asked = [int(pk) for pk in request.GET.getlist("purge")[:PAGE] if pk.isascii() and pk.isdecimal() and len(pk) < 19]
    entries = purge_entries(purges_of(request.access).filter(pk__in=asked))
    if not entries or not all(entry.is_moving for entry in entries):
        return HttpResponseClientRefresh()
    return render(request, "console/retention/progress.html", {"entries": entries})


@member_page(["GET", "HEAD", "POST"])
def purge_approve(request: MemberRequest, pk: int) -> HttpResponse:
    """The frozen key set, and some of its rows, before it is let go."""
    request.access.need(APPROVE_DISPOSITIONS)
    purge = _found(request, pk)
    if request.method == "POST":
        return _approved(request, purge)
    if purge.status != Purge.Status.AWAITING_APPROVAL:
        return redirect("console-retention-purge", pk)
    return render(request, "console/retention/approve.html", _asked(request, purge))


def _asked(request: MemberRequest, purge: Purge) -> dict[str, object]:
    sample = glance.sample(request.access, purge)
    return {
        "purge": purge,
        "entry": purge_entries([purge])[0],
        "along": glance.along(purge, {}),
        "kept": sorted(purge.kept.items()),
        "sample": sample if isinstance(sample, Head) else None,
        "no_sample": sample if isinstance(sample, str) else "",
        "is_own": purge.author == request.user,
    }


def _approved(request: MemberRequest, purge: Purge) -> HttpResponse:
    typed = "".join(letter for letter in request.POST.get("rows", "") if letter not in " ,.'\u00a0\u202f")
    if typed != str(purge.selected) and purge.status == Purge.Status.AWAITING_APPROVAL and purge.author != request.user:
        messages.error(request, "Nothing was approved: the number that you typed is not the number of rows that would go.")
        return render(request, "console/retention/approve.html", _asked(request, purge))
    try:
        purges.approve(request.access, purge, request.POST.get("key_set", ""))
        wake()
        messages.success(request, "It is approved. The rows go while the window is open, after their files were verified once more.")
    except ServiceError as error:
        messages.error(request, str(error))
    return redirect("console-retention-purge", purge.pk)


@member_page(["POST"])
def purge_cancel(request: MemberRequest, pk: int) -> HttpResponse:
    purge = _found(request, pk)
    try:
        purges.cancel(request.access, purge)
        wake()
        messages.success(request, "It is cancelled. Rows that are gone already stay gone, and are on record.")
    except ServiceError as error:
        messages.error(request, str(error))
    return redirect("console-retention-purge", pk)


@member_page()
def file_download(request: MemberRequest, pk: int, file: int) -> HttpResponse:
    """A fresh signed link for each click."""
    found = glance.files(request.access, _found(request, pk)).filter(pk=file).first()
    if found is None:
        raise Http404
    [link] = file_services.give_links(request.access, [found], "")
    return HttpResponseRedirect(link)


def _found(request: MemberRequest, pk: int) -> Purge:
    return found_or_404(purges.find, request.access, pk)
