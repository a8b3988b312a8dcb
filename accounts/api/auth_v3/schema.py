"""How this face stands in its OpenAPI document."""

from drf_spectacular.utils import PolymorphicProxySerializer

from accounts.api.auth_v3.serializers import ApiResponse, ErrorResponse, KeyRefused
from accounts.api.schema import Operations

CLIENT: list[dict[str, list[str]]] = [{"client": []}, {}, {"client": [], "apiKey": []}, {"apiKey": []}]
"""The client itself; a public one has no secret, and names itself in the body."""


def either(name: str, *shapes: type) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(component_name=name, serializers=list(shapes), resource_type_field_name=None)


FORBIDDEN = either("Forbidden", ErrorResponse, KeyRefused)
PASSWORD_REFUSED = either("PasswordRefused", ApiResponse, KeyRefused)

operation = Operations(
    prefix="auth_v3",
    tag="Authentication",
    failure=ErrorResponse,
    shapes={403: FORBIDDEN},
    reasons={400: "Bad request.", 401: "Unauthorized", 403: "Forbidden, or the API key is not valid.", 503: "Service unavailable"},
    always=(403, 429),
    credential=(401, 503),
).operation
