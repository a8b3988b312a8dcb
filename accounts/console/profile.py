"""The signed-in user's own page, their API keys, and the organization that they act for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.console.access import MemberRequest, member_page
from accounts.console.forms import KeyForm, scope_words
from accounts.models import ApiKey, User
from accounts.roles import ADMINISTER, PERMISSIONS
from accounts.services import keys
from accounts.services.access import SESSION_KEY
from accounts.services.people import choose_notices, roles_of

PAGE = 50
SOON = timedelta(days=14)


@dataclass
class KeyEntry:
    """A key as a page shows it."""

    key: ApiKey
    now: datetime

    @property
    def is_usable(self) -> bool:
        return self.key.is_good(self.now)

    @property
    def state(self) -> tuple[str, str]:
        """(the pill's class, its words)."""
        if self.key.revoked_at:
            return "revoked", "revoked"
        if not self.is_usable:
            return "expired", "expired"
        return ("soon", "expires soon") if self.key.expires_at - self.now < SOON else ("active", "active")

    @property
    def scopes(self) -> list[str]:
        return [scope_words(scope) for scope in self.key.scopes]


@member_page()
def profile(request: MemberRequest) -> HttpResponse:
    return _profile(request, KeyForm(request.access))


def _profile(request: MemberRequest, form: KeyForm) -> HttpResponse:
    page = Paginator(keys.own(request.access), PAGE).get_page(request.GET.get("page"))
    context = {
        "roles": list(roles_of(request.access)),
        "permissions": [scope_words(name) for name in PERMISSIONS if request.access.may(name)],
        "keys": [KeyEntry(key, timezone.now()) for key in page.object_list],
        "page": page,
        "form": form,
        "notices": User.Notices.choices,
        "may_see_all_keys": request.access.may(ADMINISTER),
    }
    return render(request, "console/profile.html", context)


@member_page(["POST"])
def notices(request: MemberRequest) -> HttpResponse:
    """What the user is told by e-mail."""
    try:
        choose_notices(request.access, request.POST.get("notices", ""))
        messages.success(request, "Saved.")
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("profile")


@never_cache
@member_page(["GET", "HEAD", "POST"])
def key_issue(request: MemberRequest) -> HttpResponse:
    """The key stands in this one answer, which no cache keeps. Sent again, it is refused: the name is taken."""
    if request.method != "POST":
        return redirect("profile")
    form = KeyForm(request.access, request.POST)
    made = form.issue() if form.is_valid() else None
    if made is None:
        return _profile(request, form)
    return render(request, "console/key_made.html", {"entry": KeyEntry(made[0], timezone.now()), "sent": made[1]})


@member_page(["POST"])
def key_revoke(request: MemberRequest, pk: int) -> HttpResponse:
    try:
        key = keys.revoke(request.access, pk)
    except keys.NoSuchKey as error:
        raise Http404(str(error)) from None
    messages.success(request, f"{key.name} is revoked. Requests that carry it are refused from now on.")
    return redirect("profile" if key.user_id == request.user.pk else "organization-keys")


@member_page()
def organization_keys(request: MemberRequest) -> HttpResponse:
    """Everybody's keys, for Administrators."""
    if not request.access.may(ADMINISTER):
        raise PermissionDenied
    page = Paginator(keys.visible(request.access), PAGE).get_page(request.GET.get("page"))
    entries = [KeyEntry(key, timezone.now()) for key in page.object_list]
    return render(request, "console/organization_keys.html", {"keys": entries, "page": page})


@member_page(["POST"])
def organization_switch(request: MemberRequest) -> HttpResponse:
    """From now on the session acts for another organization of its user. It leads to the overview: other pages show rows of the old one."""
    wanted = request.POST.get("organization", "")
    if wanted not in {str(organization.pk) for organization in request.organizations}:
        raise Http404
    request.session[SESSION_KEY] = wanted
    return redirect("console")
