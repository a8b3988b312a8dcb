"""A JSON Schema (draft 7) of what a dataset's lines are in JSON Lines. Every line of every part is valid by it."""

from typing import Any

import pyarrow as pa

from exports.sources.base import is_binary, is_json, is_number

MEDIA_TYPE = "application/schema+json"

_NULL = {"type": "null"}
_OTHERWISE = {"pattern": "^(-?infinity$|[-+][0-9]{4,}-[0-9]{2}-[0-9]{2}|0000-|[0-9]{4}-[0-9]{2}-[0-9]{2}( |$))"}
"""Moments that no calendar has, and MySQL's own spelling of those that it lets stand: docs/formats.md."""
_WHOLE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{3,6})?$"
_DEFINITIONS: dict[str, Any] = {
    "boolean": {"type": ["boolean", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"anyOf": [{"type": ["number", "null"]}, {"enum": ["NaN", "Infinity", "-Infinity"]}]},
    "text": {"type": ["string", "null"]},
    "binary": {"type": ["string", "null"], "contentEncoding": "base64"},
    "document": {"description": "Any JSON."},
    "date": {"type": ["string", "null"], "anyOf": [_NULL, {"format": "date"}, _OTHERWISE]},
    "moment": {
        "description": "ISO 8601 without offset.",
        "type": ["string", "null"],
        "anyOf": [_NULL, {"pattern": _WHOLE}, _OTHERWISE],
    },
    "momentUtc": {"type": ["string", "null"], "anyOf": [_NULL, {"format": "date-time"}, _OTHERWISE]},
    "otherType": {
        "description": "SQLite lets a column hold values of other types than its own.",
        "anyOf": [
            {"type": ["number", "string"]},
            {"type": "object", "properties": {"$base64": {"type": "string"}}, "required": ["$base64"], "additionalProperties": False},
        ],
    },
}


def json_schema(schema: pa.Schema, title: str, *, loose: bool) -> dict[str, Any]:
    """`loose`: the source's columns may hold values of any type (exports.sources.base.Reader)."""
    kinds = {field.name: _kind(field) for field in schema}
    used = {*kinds.values(), *(["otherType"] if loose else [])}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "type": "object",
        "properties": {name: _reference(kind, loose=loose) for name, kind in kinds.items()},
        "required": list(kinds),
        "additionalProperties": False,
        "definitions": {name: definition for name, definition in _DEFINITIONS.items() if name in used},
    }


def _reference(kind: str, *, loose: bool) -> dict[str, Any]:
    own = {"$ref": f"#/definitions/{kind}"}
    return {"anyOf": [own, {"$ref": "#/definitions/otherType"}]} if loose and kind != "document" else own


def _kind(field: pa.Field) -> str:  # noqa: PLR0911 a table of types
    kind = field.type
    if is_number(field) or pa.types.is_floating(kind):
        return "number"
    if is_json(field):
        return "document"
    if is_binary(field):
        return "binary"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_date32(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "momentUtc" if kind.tz else "moment"
    return "text"
