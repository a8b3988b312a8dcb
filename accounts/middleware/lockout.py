"""Sign-in that failed too often for an account from one address (django-axes): what is kept of it, and what is answered."""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.middleware.refusals import too_many
from accounts.services import sessions


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:
    """429. It is the same whether or not there is such an account, and whether or not the last password was right."""
    cool_off = get_cool_off(request)
    assert cool_off is not None, "AXES_COOLOFF_TIME is set"
    seconds = int(cool_off.total_seconds())
    sentence = f"Too many failed attempts to sign in to this account from here. Try again in {seconds // 60} minutes."
    return too_many(request, sentence, seconds, response)


def is_not_ours(request: HttpRequest, credentials: Any) -> bool:
    """A sign-in without a user name, such as a provider's answer: there is nothing to guess, and no account to count it for."""
    return not (credentials or {}).get("username")


class Handler(AxesDatabaseHandler):  # type: ignore[misc] # published without types
    """Keeps counts only. A failed attempt's form may hold client secrets or somebody's new password."""

    def user_login_failed(self, sender: Any, credentials: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
        with transaction.atomic():
            before = self.get_failures(request, credentials)
            super().user_login_failed(sender, credentials, request, **kwargs)
            AccessAttempt.objects.exclude(get_data="", post_data="").update(get_data="", post_data="")
            if before < settings.AXES_FAILURE_LIMIT <= self.get_failures(request, credentials):
                sessions.note_failure(str(credentials.get("username", "")), "user.lock-out")
