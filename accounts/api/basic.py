"""HTTP Basic: a user's name and password with each request. Only faces whose document demands it take this (semantics: the retention rules').

A wrong password counts as a failed sign-in, so that after too many the door is locked here too, as everywhere.
"""

import base64
import binascii

from django.contrib.auth import authenticate
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.api import api_keys
from accounts.api.credentials import Taken
from accounts.models import User
from accounts.oauth.people import access_by_tenant
from accounts.services import sessions
from accounts.services.access import Access

_LONGEST_NAME = 150  # of a user


class BasicAuthentication(BaseAuthentication):
    """`tenant/user:password`, the tenant being an organization's key; without one it is the organization that the user joined first."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"basic":
            return None
        access = _proved(request, words[1:])
        if access is None:
            raise AuthenticationFailed("The user name or the password is wrong.")
        return access.user, api_keys.narrow(request, access)

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="strongroom", charset="UTF-8"'


@sensitive_variables()
def _proved(request: Request, words: list[bytes]) -> Access | None:
    name, _, password = _decoded(words).partition(":")
    tenant, _, name = name.rpartition("/")  # names of users hold no slash
    if not (name.isprintable() and 0 < len(name) <= _LONGEST_NAME and password):
        return None
    user = authenticate(request._request, username=name, password=password)  # noqa: SLF001 sign-in's lock-out keeps its notes on Django's request
    access = access_by_tenant(user, tenant) if isinstance(user, User) else None
    if access is None:
        sessions.note_failure(name)
    return access


@sensitive_variables()
def _decoded(words: list[bytes]) -> str:
    """Empty if it is nothing of the kind."""
    try:
        return base64.b64decode(words[0], validate=True).decode() if len(words) == 1 else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""


class BasicScheme(Taken):
    target_class = "accounts.api.basic.BasicAuthentication"
    alternatives = ({"basic": []}, {"basic": [], "apiKey": []})
