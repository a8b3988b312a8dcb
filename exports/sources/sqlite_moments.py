"""How a moment is compared with a SQLite column, which holds moments as text."""

import re
from datetime import UTC, datetime

from exports.sources.base import SourceError

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:([ T])\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]00:?00)?)?")


def bound(name: str, low: object, high: object, moment: datetime) -> str:
    """The least text of that moment in the column's own form; `low` and `high` are the column's least and greatest value.

    Without trailing zeros: '2024-01-01' is not greater than '2024-01-01 00:00:00' and not greater than '2024-01-01T00:00:00.000000',
    so one bound serves every length. Raises SourceError if the column is not ISO 8601 text in UTC.
    """
    separators = {_separator(name, value) for value in (low, high) if value is not None}
    if {" ", "T"} <= separators:
        raise SourceError(f"Column {name} holds moments in two forms, with a space and with a T.")
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    if naive.time().isoformat() == "00:00:00":
        return naive.date().isoformat()
    text = naive.isoformat(sep="T" if "T" in separators else " ", timespec="microseconds")
    return text.rstrip("0").removesuffix(".") if "." in text and text.endswith("0") else text


def _separator(name: str, value: object) -> str:
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise SourceError(
            f"Column {name} must hold moments as ISO 8601 text in UTC to choose rows by time; make a view that gives them so."
        )
    return found.group(1) or ""
