"""The media types of this face: which of them an Accept header asks for, and answers in them.

All of them are JSON. An answer says the very type that was asked for, with its parameters; failures are always application/json.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import NotAcceptable
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.api import dialect

JSON, MEDCHAT = "application/json", "application/vnd.medchat+json"
VERSIONS = ("1.0", "2.0", "latest")
ODATA = {"odata.metadata": ("minimal", "full", "none"), "odata.streaming": ("true", "false"), "IEEE754Compatible": ("false", "true")}
DEFAULT = f"{JSON};odata.metadata=minimal;odata.streaming=true"
"""Of a request that does not care."""
PLAIN = {
    "text/json": "text/json; charset=utf-8",
    "text/plain": "text/plain; charset=utf-8",
    "application/octet-stream": "application/octet-stream",
}
OFFERED = (DEFAULT, JSON, *(f"{MEDCHAT}; v={version}" for version in VERSIONS), *PLAIN)
"""What the document lists; application/json takes every combination of ODATA's parameters."""
_WILD = {"*/*": DEFAULT, "application/*": DEFAULT, "text/*": PLAIN["text/json"]}
_MOST = 64
"""Media types in one header."""
_COMPATIBLE = "IEEE754Compatible=true"


@dataclass(frozen=True)
class Asked:
    """One media type of an Accept header: in lower case, but for the parameters' values."""

    kind: str
    parameters: Mapping[str, str]
    quality: float


def choose(header: str) -> str | None:
    """The media type to answer with: of what is possible that with the highest quality, among equals the first. None if nothing is."""
    possible = [(asked.quality, answer) for asked in _asked(header) if (answer := _answer(asked))]
    return max(possible, key=lambda one: one[0])[1] if possible else None


def _asked(header: str) -> Iterator[Asked]:
    """Without what is refused (`q=0`) and what is none."""
    for text in header.split(",")[:_MOST]:
        try:
            kind, parameters = parse_header_parameters(text)
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            continue
        if 0 < quality <= 1:
            yield Asked(kind, parameters, quality)


def _answer(asked: Asked) -> str | None:
    """The type as it is said in Content-Type; None if there is no such one."""
    given = {name: value for name, value in asked.parameters.items() if (name, value.lower()) != ("charset", "utf-8")}
    if asked.kind == JSON:
        return _odata(given)
    if asked.kind == MEDCHAT:
        version = given.pop("v", VERSIONS[-1])
        return f"{MEDCHAT}; v={version}" if version in VERSIONS and not given else None
    return None if given else {**_WILD, **PLAIN}.get(asked.kind)


def _odata(given: Mapping[str, str]) -> str | None:
    known = {name.lower(): (name, values) for name, values in ODATA.items()}
    if any(name not in known or value.lower() not in known[name][1] for name, value in given.items()):
        return None
    return ";".join([JSON, *(f"{known[name][0]}={value.lower()}" for name, value in given.items())])


class Renderer(JSONRenderer):
    """JSON that calls itself `media_type`. With IEEE754Compatible=true whole numbers are texts, as OData has them."""

    def __init__(self, media_type: str = JSON) -> None:
        self.media_type = media_type

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None) -> Any:
        return super().render(_texts(data) if _COMPATIBLE in self.media_type else data, JSON, dict(renderer_context or {}))


def _texts(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _texts(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_texts(value) for value in data]
    return str(data) if isinstance(data, int) and not isinstance(data, bool) else data


class Negotiation(dialect.Negotiation):
    """By this module instead of the view's renderers, which are what its document lists."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        chosen = choose(request.headers.get("Accept") or "*/*")
        if chosen is None:
            odata = ", ".join(f"{name} ({', '.join(values)})" for name, values in ODATA.items())
            raise NotAcceptable(
                f"Nothing that the Accept header asks for is there. There are: {', '.join(OFFERED)}; with {JSON} also {odata}."
            )
        return Renderer(chosen), chosen
