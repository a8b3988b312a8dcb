"""Keys of rows as JSON, so that a part's range survives in Strongroom's own database with its types."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from exports.sources.base import Key, SourceError

_DUMP: dict[type, tuple[str, Callable[[Any], str]]] = {
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
    bytes: ("bytes", lambda value: b64encode(value).decode()),
}
_LOAD: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "uuid": UUID,
    "bytes": b64decode,
}


def dump_key(key: Key | None) -> list[Any] | None:
    """The key as a list of JSON values: int and str as they are, other types as {type: text}."""
    return None if key is None else [_dump(value) for value in key]


def load_key(stored: list[Any] | None) -> Key | None:
    return None if stored is None else tuple(_load(value) for value in stored)


def _dump(value: Any) -> Any:
    if isinstance(value, int | str):
        return value
    if type(value) not in _DUMP:
        raise SourceError(
            f"A key column has values of type {type(value).__name__}, which cannot cut a table into parts. Choose another key."
        )
    name, dump = _DUMP[type(value)]
    return {name: dump(value)}


def _load(stored: Any) -> Any:
    if not isinstance(stored, dict):
        return stored
    ((name, text),) = stored.items()
    return _LOAD[name](text)
