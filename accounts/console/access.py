"""The one place that decides for which organization a page acts, and what it may do there. Every page starts from it."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.models import Organization, User
from accounts.services.access import SESSION_KEY, Access, Denied, access_to

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request of a signed-in user who belongs to an organization."""

    user: User
    access: Access
    organization: Organization
    organizations: list[Organization]


def member_page(
    methods: Iterable[str] = ("GET", "HEAD"),
) -> Callable[[Callable[Concatenate[MemberRequest, P], HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For signed-in users of an organization; the view finds in `request.access` who they are there, and what they may do.

    Denied becomes a page that says its sentence (403). `request.organizations` are all that they belong to, in the order in which they joined: what the switcher offers.
    """

    def decorate(view: Callable[Concatenate[MemberRequest, P], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @require_http_methods(list(methods))
        @login_required
        @wraps(view)
        def page(request: MemberRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            request.organizations = list(request.user.organizations.order_by("membership__joined_at", "membership__id"))
            access = _current(request)
            if access is None:
                return render(request, "console/no_organization.html", status=403)
            request.access, request.organization = access, access.organization
            try:
                return view(request, *args, **kwargs)
            except Denied as denied:
                raise PermissionDenied(str(denied)) from None

        return page

    return decorate


def _current(request: MemberRequest) -> Access | None:
    """For the organization that the session names, or the one that was joined first."""
    wanted = request.session.get(SESSION_KEY)
    named = [organization for organization in request.organizations if str(organization.pk) == wanted]
    chosen = [*named, *request.organizations][:1]
    return access_to(request.user, chosen[0]) if chosen else None
