"""The outermost layer: each request gets its correlation id, and each log line says for whom it was written."""

import logging
import re
from typing import TYPE_CHECKING

from django_structlog.middlewares import RequestMiddleware
from structlog.contextvars import bind_contextvars, clear_contextvars

from accounts import correlation
from accounts.middleware.addresses import client_address

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

# Download links, reset links and the like are credentials: as long as nothing else in a path is.
_CREDENTIAL = re.compile(r"[^/]{37,}")


def masked(path: str) -> str:
    return _CREDENTIAL.sub("…", path)


class MaskPaths(logging.Filter):
    """For the logger django.request, which puts whole paths into its lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(masked(value) if isinstance(value, str) else value for value in record.args)
        return True


class CorrelationMiddleware(RequestMiddleware):
    """Binds `correlation_id` and `ip` beside what django-structlog binds, and answers with `X-Correlation-Id`."""

    def prepare(self, request: "HttpRequest") -> None:
        clear_contextvars()
        bind_contextvars(correlation_id=correlation.accepted(request.headers.get(correlation.HEADER)))
        super().prepare(request)

    def handle_response(self, request: "HttpRequest", response: "HttpResponse") -> None:
        response[correlation.HEADER] = correlation.current()
        super().handle_response(request, response)

    @classmethod
    def bind_ip(cls, request: "HttpRequest") -> None:
        bind_contextvars(ip=client_address(request))

    @staticmethod
    def format_request(request: "HttpRequest") -> str:
        """Without the query, which may hold codes and tokens, and without what is a credential in the path."""
        return f"{request.method} {masked(request.path)}"
