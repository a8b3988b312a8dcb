"""Signing out ends the provider's session too (OpenID Connect RP-Initiated Logout 1.0)."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.services.oidc.errors import ProviderDown
from accounts.services.oidc.provider import Provider, current


def leaving_page(request: HttpRequest) -> HttpResponse | None:
    """What sends the browser on to the provider, or None if the session is not from there. Ask before the session ends.

    A page, not a redirect: browsers hold redirects of a form to form-action, which allows this server only.
    """
    provider, id_token = current(), request.session.get("oidc_id_token")
    if provider is None or id_token is None:
        return None
    address = _end_session_address(request, provider, id_token)
    return render(request, "console/leaving.html", {"address": address, "name": provider.options.name}) if address else None


def _end_session_address(request: HttpRequest, provider: Provider, id_token: str) -> str | None:
    try:
        endpoint = provider.endpoints.end_session
    except ProviderDown:
        return None  # the session here ends in any case
    query = {
        "id_token_hint": id_token,
        "client_id": provider.options.client_id,
        "post_logout_redirect_uri": request.build_absolute_uri(reverse("sign-in")),
    }
    return f"{endpoint}?{urlencode(query)}" if endpoint else None
