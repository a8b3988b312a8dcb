"""How the operations of a face stand in its OpenAPI document.

A face makes one `Operations` and decorates each method of its views with `operation(…)`. What no operation can leave out (the
rate limit's 429, the headers of every answer) is added here and in documents.py, so that it is said once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

View = TypeVar("View", bound=Callable[..., Any])
Shape = type[serializers.BaseSerializer[Any]] | serializers.BaseSerializer[Any] | OpenApiTypes | OpenApiResponse | None
Code = int | tuple[int, str]
"""A status, or a status and the media type of its body."""

ISO_8601 = {
    "type": "string",
    "pattern": r"^([0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?)?$",
    "examples": ["2026-11-22", "2026-11-22T08:30:00Z"],
}
"""A date, or a date and time; without an offset UTC; empty text counts as absent."""
LINKS = "x-leads-to"
"""Where drf-spectacular, which knows no links, carries them for documents.py."""
REASONS = {
    400: "Bad request: the body says what is wrong.",
    401: "The bearer token is missing, unknown, expired or revoked.",
    403: "The API key is not valid, or no role of the user allows this.",
    404: "There is no such thing in your organization.",
    406: "The Accept header asks for something else than this answers with.",
    415: "The body's media type is not the one that is expected.",
    429: "Too many requests of this user, organization or address. Retry-After says in how many seconds to try again.",
    503: "Not available now, such as the provider whose keys verify the token. Try again later.",
}


@dataclass(frozen=True)
class Operations:
    """What the operations of one face have in common.

    `prefix` begins their ids; `failure` is the shape of a failure's body, but for the codes in `shapes`; `always` are the codes that each of them can answer
    with, `credential` those that only come where a credential is asked for. `reasons` are said instead of REASONS.
    """

    prefix: str
    tag: str
    failure: Shape
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    always: tuple[int, ...] = (406, 429)
    credential: tuple[int, ...] = (401, 403, 503)
    deprecated: bool = False

    def operation(
        self,
        name: str,
        responses: Mapping[Any, Shape],  # by Code
        *,
        query: Shape = None,
        body: Shape | Mapping[str, Shape] = None,
        media_type: str = "",
        parameters: tuple[OpenApiParameter, ...] = (),
        examples: tuple[OpenApiExample, ...] = (),
        failures: tuple[int, ...] = (),
        tokenless: bool = False,
        security: list[dict[str, list[str]]] | None = None,
        deprecated: bool | None = None,
        leads_to: Mapping[str, str] = MappingProxyType({}),
    ) -> Callable[[View], View]:
        """Describe one operation: its id, what it answers (None: without a body), what it takes, how else it can fail.

        `media_type` is the body's, if it is not what the view's parsers say; or `body` maps each media type to its shape. `parameters` are those of the path, headers that
        are sent, and with `response=[…]` headers of the answer. `tokenless`: a bearer token is not asked for. `security` says
        instead of the view's authentication classes which credentials are taken. `leads_to` names operations that take the `id` of
        the answer, each with the parameter that takes it.
        """
        documented = {code: self._answer(code, shape) for code, shape in responses.items()}
        codes = {*failures, *self.always, *(() if tokenless else self.credential), *((415,) if body else ())}
        for code in sorted(codes - {code if isinstance(code, int) else code[0] for code in documented}):
            documented[code] = OpenApiResponse(self.shapes.get(code, self.failure), self._reason(code))
        return extend_schema(
            operation_id=f"{self.prefix}_{name}",
            tags=[self.tag],
            parameters=[*([query] if query else []), *parameters],  # type: ignore[list-item]  # wants one kind of serializer only
            request=({media_type: body} if media_type else body) if body else None,
            responses=documented,
            examples=list(examples),
            auth=security,  # type: ignore[arg-type]  # wants names, and takes requirements
            deprecated=self.deprecated if deprecated is None else deprecated,
            extensions={LINKS: {f"{self.prefix}_{other}": parameter for other, parameter in leads_to.items()}} if leads_to else None,
        )

    def _answer(self, code: Code, shape: Shape) -> OpenApiResponse:
        if isinstance(shape, OpenApiResponse):
            return shape
        reason = self._reason(code if isinstance(code, int) else code[0])
        return OpenApiResponse(shape, reason) if shape else OpenApiResponse(description=reason)

    def _reason(self, code: int) -> str:
        return self.reasons.get(code) or REASONS.get(code) or HTTPStatus(code).phrase


class Strict(OpenApiSerializerExtension):
    """What a StrictSerializer does not know, it refuses."""

    target_class = "accounts.api.dialect.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Direction) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001 as drf-spectacular documents it
        if direction == "request":
            schema["additionalProperties"] = False
        return schema
