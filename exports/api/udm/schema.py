"""How the views of all versions become those of one, and how these stand in its OpenAPI document."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers

from exports.api.udm.dialect import UdmView
from exports.api.udm.shapes import Failure
from exports.api.udm.version import Version

Method = TypeVar("Method", bound=Callable[..., Any])
Shape = type[serializers.BaseSerializer[Any]] | serializers.BaseSerializer[Any] | OpenApiTypes | None
Responses = Mapping[int, Shape]

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
    responses: Responses | Callable[[Version], Responses],
    *,
    query: Shape | Callable[[Version], Shape] = None,
    body: Shape | Callable[[Version], Shape] = None,
    multipart: bool = False,
    failures: tuple[int, ...] = (),
    **more: Any,
) -> Callable[[Method], Method]:
    """Describe one operation of all versions: its id, what it answers, what it takes, how it can fail beside 401 and 403.

    What differs between versions is a function of the Version.
    """

    def describe(version: Version) -> Callable[[Method], Method]:
        documented = {code: _answer(shape) for code, shape in _of(version, responses).items()}
        sent, asked = _of(version, body), _of(version, query)
        for code in (*failures, 401, 403, *((415,) if sent else ())):
            documented.setdefault(code, OpenApiResponse(Failure, _REASONS[code]))
        return extend_schema(
            operation_id=f"{version.prefix}_{name}",
            tags=[version.tag],
            parameters=[_API_KEY, *([asked] if asked else [])],
            request=({"multipart/form-data": sent} if multipart else sent) if sent else None,
            responses=documented,
            deprecated=version.deprecated,
            **more,
        )

    def mark(method: Method) -> Method:
        method.describe = describe  # type: ignore[attr-defined]  # read by serve()
        return method

    return mark


def serve(view: type[UdmView], version: Version) -> Callable[..., HttpResponseBase]:
    """`view` as `version` has it, for its URL conf."""
    made = cast("type[UdmView]", type(view.__name__, (view,), {"version": version, "__doc__": view.__doc__}))
    methods = {name: getattr(view, name) for name in view.http_method_names if hasattr(view, name)}
    described = {name: method.describe(version) for name, method in methods.items() if hasattr(method, "describe")}
    return extend_schema_view(**described)(made).as_view()


def _of(version: Version, given: Any) -> Any:
    """Shapes are classes or instances, functions of the version are functions."""
    return (
        given(version) if callable(given) and not isinstance(given, type) and not isinstance(given, serializers.BaseSerializer) else given
    )


def _answer(shape: Shape) -> OpenApiResponse:
    return OpenApiResponse(shape, "") if shape else OpenApiResponse(description="")
