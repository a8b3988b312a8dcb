"""Legal holds: the list, one hold with the rows that it covers, placing and releasing."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.console.access import MemberRequest, member_page
from accounts.roles import ADMINISTER_RULES
from exports.services.errors import ServiceError
from retention.console.finding import found_or_404
from retention.console.forms import HoldForm, ReleaseForm
from retention.console.presentation import hold_entries
from retention.services import holds
from retention.services.words import hold_words

PAGE = 50


@member_page()
def hold_list(request: MemberRequest) -> HttpResponse:
    """Those that stand, or all that were ever placed."""
    shows_all = request.GET.get("show") == "all"
    found = holds.listing(request.access)
    if not shows_all:
        now = timezone.now()
        found = found.filter(released_at=None).exclude(ends_at__lte=now)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "holds": hold_entries(page.object_list),
        "page": page,
        "filter": urlencode({"show": "all"}) + "&" if shows_all else "",
        "shows_all": shows_all,
        "has_any": bool(page.object_list) or holds.listing(request.access).exists(),
    }
    return render(request, "console/retention/holds.html", context)


@member_page(["GET", "HEAD", "POST"])
def hold_new(request: MemberRequest) -> HttpResponse:
    request.access.need(ADMINISTER_RULES)
    form = HoldForm(request.access, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (hold := form.place()):
        say = messages.success if hold.in_force_at else messages.warning
        say(request, f"The hold is placed. {hold_words(hold, timezone.now())}")
        return redirect("console-retention-hold", hold.pk)
    return render(request, "console/retention/hold_new.html", {"form": form})


@member_page()
def hold_detail(request: MemberRequest, pk: int) -> HttpResponse:
    hold = found_or_404(holds.find, request.access, pk)
    return render(request, "console/retention/hold.html", {"hold": hold, "entry": hold_entries([hold])[0]})


@member_page()
def hold_rows(request: MemberRequest, pk: int) -> HttpResponse:
    """How many rows it covers now: a piece of a page."""
    hold = found_or_404(holds.find, request.access, pk)
    try:
        context: dict[str, object] = {"rows": holds.rows_covered(hold)}
    except ServiceError as error:
        context = {"error": str(error)}
    return render(request, "console/retention/covered.html", context)


@member_page(["GET", "HEAD", "POST"])
def hold_release(request: MemberRequest, pk: int) -> HttpResponse:
    request.access.need(ADMINISTER_RULES)
    hold = found_or_404(holds.find, request.access, pk)
    form = ReleaseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and form.release(request.access, hold):
        messages.success(request, "The hold is released. What it covered may go, unless another hold covers it.")
        return redirect("console-retention-hold", pk)
    return render(request, "console/retention/hold_release.html", {"hold": hold, "entry": hold_entries([hold])[0], "form": form})
