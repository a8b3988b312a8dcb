"""How this face stands in its OpenAPI document: each answer in the product's own media type, or in plain JSON."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter

from accounts.api.schema import Operations, Shape
from retention.api.cumulocity.media import ERROR, PLAIN
from retention.api.cumulocity.serializers import Failure

View = TypeVar("View", bound=Callable[..., Any])

RULE_ID = OpenApiParameter(
    "rule_id", {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}, OpenApiParameter.PATH, required=True, description="Id of a rule."
)
LOCATION = OpenApiParameter(
    "Location", {"type": "string", "format": "uri"}, OpenApiParameter.HEADER, response=[201], required=True, description="The rule."
)
_ALWAYS = (400, 401, 403, 406, 429, 503)
_REASONS = {
    400: "Bad request: the query is wrong, or the body is no JSON.",
    401: "The credentials are missing or wrong; the token is unknown, expired or revoked.",
    403: "No role of the user allows this, the API key is not valid, or the rule is not editable.",
    404: "There is no such rule in your organization.",
    422: "The body is no such rule; `message` names each wrong field.",
}
_FACE = Operations(prefix="retention_rules", tag="Retention rules", failure=Failure, reasons=_REASONS)


def operation(
    name: str, code: int, shape: Shape, media_type: str = "", *, body: Shape = None, failures: tuple[int, ...] = (), **more: Any
) -> Callable[[View], View]:
    """Describe one operation, as Operations.operation() does, which succeeds with `code` and a body of `media_type`."""
    codes = (*_ALWAYS, *failures, *((415, 422) if body else ()))
    answers: Mapping[Any, Shape] = {(code, media_type): shape, (code, PLAIN): shape} if shape else {code: None}
    failed: Mapping[Any, Shape] = {(failure, kind): Failure for failure in sorted(codes) for kind in (ERROR, PLAIN)}
    return _FACE.operation(name, {**answers, **failed}, body=body, **more)
