"""How version 10 stands in the OpenAPI document."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from exports.api.udm.v10.serializers import Failure

View = TypeVar("View", bound=Callable[..., Any])
Shape = type[serializers.BaseSerializer[Any]] | serializers.BaseSerializer[Any] | OpenApiTypes | None

_API_KEY = OpenApiParameter(
    "x-api-key", str, OpenApiParameter.HEADER, description="An API key of the organization. If sent, it must be valid."
)
_REASONS = {
    400: "Bad request: `errors` names each wrong field.",
    401: "The bearer token is missing, unknown, expired or revoked.",
    403: "The API key is not valid, or no role of the user allows this.",
    404: "There is no such thing in your organization.",
    415: "The body's media type is not the one that is expected.",
}


def operation(
    name: str,
    responses: dict[int, Shape],
    *,
    query: Shape = None,
    body: Shape = None,
    multipart: bool = False,
    failures: tuple[int, ...] = (),
    **kwargs: Any,
) -> Callable[[View], View]:
    """Describe one operation: its id, what it answers, what it takes, how it can fail beside 401 and 403."""
    documented: dict[int, Any] = {
        code: OpenApiResponse(shape, "") if shape else OpenApiResponse(description="") for code, shape in responses.items()
    }
    for code in (*failures, 401, 403, *((415,) if body else ())):
        documented.setdefault(code, OpenApiResponse(Failure, _REASONS[code]))
    return extend_schema(
        operation_id=f"udm_v10_{name}",
        tags=["User Data Management, version 10"],
        parameters=[_API_KEY, *([query] if query else [])],  # type: ignore[list-item]
        request=({"multipart/form-data": body} if multipart else body) if body else None,
        responses=documented,
        **kwargs,
    )
