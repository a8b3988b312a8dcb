"""What browsers may do with our pages: the Content-Security-Policy and its lesser companions."""

from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse

from accounts.policy import form_targets

_COMPANIONS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), "
        "payment=(), usb=()"
    ),
}


class PolicyMiddleware(CSPMiddleware):
    """settings.CONTENT_SECURITY_POLICY for all, widened only for what cannot work without (docs/security.md)."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        for name, value in _COMPANIONS.items():
            response.setdefault(name, value)
        return super().process_response(request, response)

    def get_policy_parts(self, request: HttpRequest, response: Any, report_only: bool = False) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        parts.update = {"form-action": form_targets(response), **_admins_needs(request, response)}
        return parts


def _admins_needs(request: HttpRequest, response: HttpResponse) -> dict[str, list[str]]:
    """django-unfold's Alpine makes functions from attributes of its templates; its JSON fields are coloured by style attributes."""
    if request.resolver_match is None or request.resolver_match.app_names != ["admin"]:
        return {}
    return {"script-src": ["'unsafe-eval'"], "style-src-attr": ["'unsafe-inline'"]}
