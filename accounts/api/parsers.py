"""Bodies of requests, of a bounded size and depth."""

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser


class BoundedJSONParser(JSONParser):
    """JSON of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, or `most` if that is less, not nested deeper than Python can follow."""

    most: int | None = None

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        _check_length(parser_context, self.most)
        try:
            return super().parse(stream, media_type, cast("dict[str, Any]", parser_context))
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None


class BoundedMultiPartParser(MultiPartParser):
    """A form of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, its files included."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        _check_length(parser_context)
        return super().parse(stream, media_type, cast("dict[str, Any]", parser_context))


def _check_length(parser_context: Mapping[str, Any] | None, most: int | None = None) -> None:
    assert parser_context is not None
    length, highest = parser_context["request"].META.get("CONTENT_LENGTH") or "0", settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    if not length.isdecimal() or int(length) > min(highest, most or highest):
        raise _too_large(min(highest, most or highest))


def in_words(error: Exception) -> Exception:
    """For the faces' exception handlers: Django itself refuses a large body before a parser sees it, with a page of its own."""
    return _too_large(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) if isinstance(error, RequestDataTooBig) else error


def _too_large(most: int | None) -> ParseError:
    return ParseError(f"The body is too large: at most {most} bytes.")
