"""The credentials that requests carry, as the OpenAPI documents say them."""

from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension

SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from `/auth/v3/oauth/token` or `manage.py issue_token`; where the administrator has configured it, also an "
        "access token (JWT) of your OpenID provider.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "An API key of your organization. Beside a token it narrows what the token may do. If sent, it must be valid; the "
        "administrator may demand one with every request.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "`tenant/user` and password, the tenant being your organization's key; `user` alone is for the organization that the "
        "user joined first. The administrator may have switched this off.",
    },
    "client": {"type": "http", "scheme": "basic", "description": "The client's own id and secret, as it is registered in the admin."},
}
"""The credentials there are, by their names in the documents."""
TOKENLESS: list[dict[str, list[str]]] = [{}, {"apiKey": []}]
"""No token, and an API key only if the client likes: it must then be valid."""


class Taken(OpenApiAuthenticationExtension):
    """Which credentials an authentication class takes: one of `alternatives`. documents.py writes the definitions of all."""

    alternatives: ClassVar[tuple[dict[str, list[str]], ...]]
    name: list[str] = []

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return list(self.alternatives)

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return []
