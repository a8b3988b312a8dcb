"""The OpenAPI document of each face: `/api/schema/KEY` (JSON), `/api/schema/KEY.yaml`, and its page `/api/docs/KEY`.

A document depends on the code alone, so it is made once a process, when somebody first asks for it.
"""

from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path, reverse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import get_lib_doc_excludes
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import correlation
from accounts.api.credentials import SECURITY
from accounts.api.dialect import StrictSerializer
from accounts.api.schema import LINKS
from accounts.faces import Face
from accounts.services.limits import WINDOWS

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LOCK = Lock()
"""drf-spectacular counts its warnings in a place that all threads share."""


def _header(schema: dict[str, Any], about: str, *, required: bool = False) -> dict[str, Any]:
    return {"description": about, "schema": schema, "required": required}


_COUNT = {"type": "integer", "minimum": 0}
HEADERS: dict[str, dict[str, Any]] = {
    correlation.HEADER: _header(
        {"type": "string", "minLength": 1, "maxLength": correlation.LENGTH},
        "Names this request in logs and in the audit trail: the request's own `X-Correlation-Id` if that is sane, else a new one.",
        required=True,
    ),
    **{
        f"X-RateLimit-{kind}-{window.title()}": _header(_COUNT, f"{about} in this {window}. Not sent where nothing is limited.")
        for window in WINDOWS
        for kind, about in {"Limit": "Requests allowed", "Remaining": "Requests left"}.items()
    },
}
"""What every answer carries."""
SOMETIMES = {
    "401": {"WWW-Authenticate": _header({"type": "string"}, "The kind of credential that is asked for.")},
    "429": {"Retry-After": _header({"type": "integer", "minimum": 1}, "Seconds until another try may succeed.", required=True)},
}
"""What answers of a code carry."""
CORRELATION = {
    "name": correlation.HEADER,
    "in": "header",
    "description": "An id of your own for this request: 1 to 64 letters, digits and `. _ : -`. Anything else is replaced by a new one.",
    "schema": {"type": "string"},
}


def _link(operation: str, parameter: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {parameter: "$response.body#/id"}}


class Generator(SchemaGenerator):
    """Of one face."""

    def __init__(self, face: Face) -> None:
        super().__init__(patterns=[path(face.path, include(urlconf)) for urlconf in face.urlconfs])  # type: ignore[no-untyped-call]  # untyped library
        self.face = face

    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:
        document: dict[str, Any] = super().get_schema(request, public)  # type: ignore[no-untyped-call]  # untyped library
        document["info"] = {
            "title": f"Strongroom: {self.face.title}",
            "version": settings.VERSION,
            "description": self.face.about or self.face.sentence,
        }
        components = document.setdefault("components", {})
        components["headers"] = {**HEADERS, **{name: header for found in SOMETIMES.values() for name, header in found.items()}}
        components["parameters"] = {"CorrelationId": CORRELATION}
        used = set()
        for operation in operations(document).values():
            operation["summary"] = operation.pop("description").removesuffix(".")
            used |= {name for requirement in operation.get("security", []) for name in requirement}
            operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/CorrelationId"})
            links = {name: _link(name, parameter) for name, parameter in operation.pop(LINKS, {}).items()}
            for code, answer in operation["responses"].items():
                if links and code.startswith("2"):
                    answer["links"] = links
                names = [*HEADERS, *SOMETIMES.get(code, ())]
                answer.setdefault("headers", {}).update({name: {"$ref": f"#/components/headers/{name}"} for name in names})
        components["securitySchemes"] = {name: SECURITY[name] for name in sorted(used)}
        return document


def without_descriptions() -> list[type]:
    """Classes whose docstrings say nothing about what derives from them."""
    return [*get_lib_doc_excludes(), StrictSerializer]


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """(path, METHOD) → operation."""
    paths = document["paths"].items()
    return {(where, name.upper()): item[name] for where, item in paths for name in METHODS if name in item}


def face_of(key: str) -> Face:
    """Raises Http404."""
    found = [face for face in settings.FACES if face.key == key]
    if not found:
        raise Http404
    return found[0]


@cache
def _made(face: Face) -> dict[str, Any]:
    return Generator(face).get_schema(public=True)


def document_of(face: Face) -> dict[str, Any]:
    with _LOCK:
        return _made(face)


@require_safe
def document(request: HttpRequest, key: str, form: str) -> HttpResponse:
    renderer = (OpenApiYamlRenderer2 if form == "yaml" else OpenApiJsonRenderer2)()
    return HttpResponse(renderer.render(document_of(face_of(key)), renderer_context={}), content_type=renderer.media_type)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    return render(request, "documents.html", {"faces": settings.FACES})


class Page(SpectacularSwaggerSplitView):
    """One document, to read and to try out."""

    def get(self, request: Request, key: str) -> Response:
        face = face_of(key)
        self.title, self.url = face.title, reverse("document", args=[key])
        answer: Response = super().get(request)  # type: ignore[no-untyped-call]  # its decorator loses the types
        return answer
