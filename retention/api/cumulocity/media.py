"""The media types of this face. Clients write them in any case, with or without a version (`;ver=0.9`), which the answer repeats."""

import re
from collections.abc import Iterable
from typing import Any

from django.http.request import MediaType
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.api.parsers import BoundedJSONParser

_PREFIX = "application/vnd.com.nsn.cumulocity."
RULE, COLLECTION, ERROR = f"{_PREFIX}retentionRule+json", f"{_PREFIX}retentionRuleCollection+json", f"{_PREFIX}error+json"
PLAIN = JSONRenderer.media_type
_VERSION = re.compile(r"[0-9A-Za-z._-]{1,20}")


class RuleParser(BoundedJSONParser):
    media_type = RULE


class RuleRenderer(JSONRenderer):
    media_type = RULE


class CollectionRenderer(JSONRenderer):
    media_type = COLLECTION


class ErrorRenderer(JSONRenderer):
    media_type = ERROR


class Negotiation(BaseContentNegotiation):
    """Whatever is accepted, an answer without a body is. Who accepts anything is given the type of the product, in the version that was sent."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        sent = MediaType(request.content_type or "")
        return next((parser for parser in parsers if _are_same(sent, parser.media_type)), None) if _version_is_sane(sent) else None

    def select_renderer(self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None) -> Any:
        there = list(renderers)
        for accepted in request.accepted_types:
            for renderer in there:
                if _fits(accepted, renderer.media_type) and _version_is_sane(accepted):
                    return _versioned(renderer, _version(request, accepted))
        if request.method == "DELETE":
            return _versioned(there[0], "")
        raise NotAcceptable(f"The Accept header must allow {' or '.join(renderer.media_type for renderer in there)}.")


def for_failure(request: Request) -> JSONRenderer:
    """What renders a failure: plain JSON for whoever is answered that."""
    chosen = getattr(request, "accepted_renderer", None)
    if chosen is not None and chosen.media_type == PLAIN:
        return JSONRenderer()
    renderer = ErrorRenderer()
    _versioned(renderer, chosen.media_type.partition(";ver=")[2] if chosen else "")
    return renderer


def _version(request: Request, accepted: MediaType) -> str:
    """Who accepts anything has said which version they speak by what they send."""
    named = accepted if "*" not in accepted.sub_type else MediaType(request.content_type or "")
    return str(named.params.get("ver", ""))


def _versioned(renderer: BaseRenderer, version: str) -> tuple[BaseRenderer, str]:
    if version and renderer.media_type != PLAIN and _VERSION.fullmatch(version):
        renderer.media_type = f"{renderer.media_type};ver={version}"
    return renderer, renderer.media_type


def _version_is_sane(given: MediaType) -> bool:
    return "ver" not in given.params or bool(_VERSION.fullmatch(str(given.params["ver"])))


def _are_same(given: MediaType, ours: str) -> bool:
    return f"{given.main_type}/{given.sub_type}" == ours.lower()


def _fits(accepted: MediaType, ours: str) -> bool:
    main, _, sub = ours.lower().partition("/")
    return accepted.main_type in {"*", main} and accepted.sub_type in {"*", sub}
