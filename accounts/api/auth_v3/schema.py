"""How this face stands in the OpenAPI document."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from accounts.api.auth_v3.serializers import ErrorResponse

View = TypeVar("View", bound=Callable[..., Any])

_API_KEY = OpenApiParameter("x-api-key", str, OpenApiParameter.HEADER, description="An API key. If sent, it must be valid.")
_REASONS = {
    302: "Found",
    400: "Bad request.",
    401: "Unauthorized",
    403: "Forbidden, or the API key is not valid.",
    503: "Service unavailable",
}


def operation(
    name: str,
    responses: dict[int, Any],
    *,
    query: Any = None,
    body: Any = None,
    form: bool = False,
    tokenless: bool = False,
    headers: tuple[OpenApiParameter, ...] = (),
    failures: tuple[int, ...] = (401, 403, 503),
) -> Callable[[View], View]:
    """Describe one operation. `responses`: shapes by code, None for no body; `tokenless`: it takes no bearer token."""
    documented: dict[int, Any] = {
        code: OpenApiResponse(shape, _REASONS.get(code, "")) if shape else OpenApiResponse(description=_REASONS.get(code, ""))
        for code, shape in responses.items()
    }
    for code in failures:
        documented.setdefault(code, OpenApiResponse(ErrorResponse, _REASONS[code]))
    return extend_schema(
        operation_id=f"auth_v3_{name}",
        tags=["Authentication"],
        parameters=[_API_KEY, *([query] if query else []), *headers],
        request=({"application/x-www-form-urlencoded": body} if form else body) if body else None,
        responses=documented,
        auth=[] if tokenless else None,
    )
