"""How the views of all versions become those of one, and how these stand in its OpenAPI document."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema_view
from rest_framework import serializers

from accounts.api.schema import Operations, Shape
from exports.api.udm.dialect import UdmView
from exports.api.udm.shapes import Failure
from exports.api.udm.version import Version


def _path(name: str, shape: dict[str, Any], about: str) -> OpenApiParameter:
    return OpenApiParameter(name, shape, OpenApiParameter.PATH, required=True, description=about)


_ID = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
JOB_ID = _path("job_id", _ID, "Id of a job.")
RUN_ID = _path("run_id", _ID, "Id of a history record.")
FILE_NAME = _path("filename", {"type": "string", "pattern": "^[^/]+$"}, "Name of a file, from /file-metadatas.")
CERTIFICATE_NAME = _path("certificatefilename", {"type": "string", "pattern": "^[^/]+$"}, "What the certificate is to be called.")
LINK = OpenApiParameter(
    "Location", {"type": "string", "format": "uri"}, OpenApiParameter.HEADER, response=[303], required=True, description="The link."
)
WARNING = OpenApiParameter(
    "Warning", str, OpenApiParameter.HEADER, response=[201], description="What would be better, such as a longer key."
)

Method = TypeVar("Method", bound=Callable[..., Any])
Responses = Mapping[int, Shape]

_REASONS = {
    400: "Bad request: `errors` names each wrong field.",
    500: "These could not be deleted; all others were.",
}
_DEPRECATION = OpenApiParameter(
    "Deprecation",
    str,
    OpenApiParameter.HEADER,
    response=True,
    required=True,
    description="Since when this version is deprecated (RFC 9745).",
)


def operation(
    name: str,
    responses: Responses | Callable[[Version], Responses],
    *,
    query: Shape | Callable[[Version], Shape] = None,
    body: Shape | Callable[[Version], Shape] = None,
    **more: Any,
) -> Callable[[Method], Method]:
    """Describe one operation of all versions, as Operations.operation() does. What differs between them is a function of the Version."""

    def describe(version: Version) -> Callable[[Method], Method]:
        face = Operations(version.prefix, version.tag, Failure, reasons=_REASONS, deprecated=version.deprecated)
        shown = (*more.get("parameters", ()), *((_DEPRECATION,) if version.deprecated else ()))
        asked = {"query": query, "body": body, **more, "parameters": shown}
        return face.operation(name, _of(version, responses), **{word: _of(version, given) for word, given in asked.items()})

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
