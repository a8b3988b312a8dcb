"""Sign-in and sign-out."""

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import User
from accounts.oidc.leaving import leaving_page
from accounts.services import sessions


class SignIn(LoginView):
    """Afterwards on to `next`, if that is an address of this server without its host; else to the overview."""

    template_name = "console/sign_in.html"
    redirect_authenticated_user = True

    def get_success_url_allowed_hosts(self, request: HttpRequest | None = None) -> set[str]:
        return set()

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        sessions.note("user.sign-in", form.get_user())
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        if form.cleaned_data.get("username") and form.cleaned_data.get("password"):
            sessions.note_failure(form.cleaned_data["username"])
        return super().form_invalid(form)


class AdminSignIn(SignIn):
    """The admin's door is the same one, so that each sign-in is counted, locked and audited alike. Who is not staff may try as another."""

    redirect_authenticated_user = False

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if isinstance(request.user, User) and request.user.is_staff:
            return redirect("admin:index")
        return super().get(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")


class SignOut(LogoutView):
    """A click ends the session. A mere link asks first: whoever makes others follow it must not sign them out."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return render(request, "console/sign_out.html")

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        onwards = leaving_page(request)  # may ask the provider, so no transaction waits meanwhile
        with transaction.atomic():
            if isinstance(request.user, User):
                sessions.note("user.sign-out", request.user)
            response = super().post(request, *args, **kwargs)
        return onwards or response
