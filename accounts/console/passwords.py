"""Passwords: forgotten and set anew by a mailed link, or changed by who knows the old one."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView, PasswordResetDoneView, PasswordResetView
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse_lazy

from accounts.console.forms import ChangeForm, ForgottenForm, NewPasswordForm
from accounts.services import sessions, tokens


class RedirectThen(HttpResponseRedirect):
    """Does `work` once the answer is out, so that how long it takes tells the client nothing."""

    def __init__(self, to: str, work: Callable[[], object]) -> None:
        super().__init__(to)
        self.work = work

    def close(self) -> None:
        try:
            self.work()
        finally:
            super().close()


class Forgotten(PasswordResetView):
    """Asks for an address. The answer is the same, and as quick, whether anybody has it."""

    template_name = "console/password_forgotten.html"
    form_class = ForgottenForm
    email_template_name = "console/mail/password.txt"
    html_email_template_name = "console/mail/password.html"
    subject_template_name = "console/mail/password_subject.txt"
    success_url = reverse_lazy("password-mailed")

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.SENDS_MAIL:
            return render(self.request, "console/password_no_mail.html")
        return super().dispatch(*args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        def mail() -> None:
            form.save(
                request=self.request,
                use_https=self.request.is_secure(),
                email_template_name=self.email_template_name,
                html_email_template_name=self.html_email_template_name,
                subject_template_name=self.subject_template_name,
                extra_email_context={"minutes": settings.PASSWORD_RESET_TIMEOUT // 60},
            )

        return RedirectThen(str(self.success_url), mail)


class Mailed(PasswordResetDoneView):
    template_name = "console/password_mailed.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(minutes=settings.PASSWORD_RESET_TIMEOUT // 60, folder=settings.MAIL_FOLDER, **kwargs)


class Reset(PasswordResetConfirmView):
    """Where the mailed link leads. It works once, and not for long; afterwards all sessions and tokens of its user have ended."""

    template_name = "console/password_reset.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("sign-in")

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        tokens.revoke_all(form.user)
        sessions.note("user.reset-password", form.user)
        messages.success(self.request, "Your password is changed. Sign in with the new one.")
        return answer


class Change(PasswordChangeView):
    """For who knows the old password. Sessions in other browsers end, and so do all tokens."""

    template_name = "console/password_change.html"
    success_url = reverse_lazy("profile")
    form_class = ChangeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        tokens.revoke_all(form.user)
        sessions.note("user.change-password", form.user)
        messages.success(
            self.request, "Your password is changed. Other browsers and all bearer tokens are signed out; API keys keep working."
        )
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        if form.data.get("old_password") and "old_password" in form.errors:
            sessions.note("user.change-password-failed", form.user)
        return super().form_invalid(form)
