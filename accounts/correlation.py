"""The id that ties together what one request caused: its log lines, its audit entries, and the run that it made."""

import re
import uuid

from structlog.contextvars import get_contextvars

HEADER = "X-Correlation-Id"
LENGTH = 64
_SANE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{LENGTH - 1}}}")


def accepted(sent: str | None) -> str:
    """The client's own id if it is 1 to 64 letters, digits and `. _ : -`; a new one if it is not: an id goes into logs and tables."""
    return sent if sent and _SANE.fullmatch(sent) else str(uuid.uuid4())


def current() -> str:
    """The id of the request or run that is being worked on; a new one where there is neither."""
    return str(get_contextvars().get("correlation_id") or uuid.uuid4())
