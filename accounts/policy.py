"""How a view tells that its form leads on to another server: Chromium checks `form-action` at each redirect that follows."""

import re
from urllib.parse import urlsplit

from django.http import HttpResponseBase


def let_form_lead_to(response: HttpResponseBase, url: str) -> None:
    """The form on this page may be answered with a redirect to `url`, of which scheme and host are allowed.

    For pages such as OAuth's consent; `url` must have been checked before.
    """
    parts = urlsplit(url)
    target = f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*:(//[A-Za-z0-9.:\[\]-]+)?", target):
        raise ValueError("the address that a form leads to has no plain scheme and host")
    response.form_targets = [*form_targets(response), target]  # type: ignore[attr-defined]  # ours, on Django's response


def form_targets(response: HttpResponseBase) -> list[str]:
    return getattr(response, "form_targets", [])
