"""The registry of file formats: one module each."""

from exports.formats.base import Buffer, Format, Piece
from exports.formats.jsonl import JsonLines

FORMATS: dict[str, Format] = {"jsonl": JsonLines()}

__all__ = ["FORMATS", "Buffer", "Format", "Piece"]
