"""The one place that decides which organization a page acts for. Every page starts its queries from it."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.models import Organization, User

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request of a signed-in user who belongs to an organization."""

    user: User
    organization: Organization


def member_page(
    methods: Iterable[str] = ("GET", "HEAD"),
) -> Callable[[Callable[Concatenate[MemberRequest, P], HttpResponse]], Callable[..., HttpResponse]]:
    """For signed-in users of an organization; the view finds it in `request.organization`."""

    def decorate(view: Callable[Concatenate[MemberRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
        @require_http_methods(list(methods))
        @login_required
        @wraps(view)
        def page(request: MemberRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            organization = request.user.default_organization()
            if organization is None:
                return render(request, "console/no_organization.html", status=403)
            request.organization = organization
            return view(request, *args, **kwargs)

        return page

    return decorate
