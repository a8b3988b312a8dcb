"""One sealed file in the making: pieces of rows → zip with one member → CMS, counted and hashed on the way.

A package takes pieces until they are used up or until the next one might make the sealed file larger than its limit.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from isal import isal_zlib
from stream_zip import ZIP_64, stream_zip

from exports.formats.base import Buffer, Piece
from exports.sealing.cms import Recipient, seal

CHUNK_BYTES = 1024 * 1024
_DEFLATE_LEVEL = 2
_MODE = 0o600
_HELD_BACK = 160 * 1024  # what isal's deflate may have taken in and not given out yet: 130 kB of random bytes were seen


class Pieces:
    """Pieces that can be looked at before they are taken."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self.next = next(pieces, None)

    def take(self) -> Piece:
        assert self.next is not None, "take() is for when there is a next piece"
        taken, self.next = self.next, next(self._pieces, None)
        return taken


class _Deflate:
    """isal's deflate (raw, for zip), counting what comes out."""

    def __init__(self) -> None:
        self._deflate = isal_zlib.compressobj(_DEFLATE_LEVEL, isal_zlib.DEFLATED, -15)
        self.written = 0

    def compress(self, data: Buffer) -> bytes:
        out: bytes = self._deflate.compress(data)
        self.written += len(out)
        return out

    def flush(self) -> bytes:
        out: bytes = self._deflate.flush()
        self.written += len(out)
        return out


class Package:
    """Iterate once over the sealed bytes; then rows, sizes (bytes) and SHA-256 (hex) tell what went in and came out."""

    def __init__(self, pieces: Pieces, member: str, modified_at: datetime, recipients: Sequence[Recipient], limit: int) -> None:
        self._pieces, self._member, self._modified_at = pieces, member, modified_at
        self._recipients, self._limit = recipients, limit
        self._deflate = _Deflate()
        self._plain, self._sealed = hashlib.sha256(), hashlib.sha256()
        self.rows = self.plain_size = self.size = 0

    @property
    def plain_sha256(self) -> str:
        return self._plain.hexdigest()

    @property
    def sha256(self) -> str:
        return self._sealed.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        member = (self._member, self._modified_at, _MODE, ZIP_64, self._rows())
        zipped = stream_zip([member], get_compressobj=lambda: self._deflate, chunk_size=CHUNK_BYTES)
        for chunk in seal(zipped, self._recipients):
            self._sealed.update(chunk)
            self.size += len(chunk)
            yield chunk

    def _rows(self) -> Iterator[Buffer]:
        while (piece := self._pieces.next) is not None and self._has_room_for(piece):
            self._pieces.take()
            self._plain.update(piece.data)
            self.plain_size += len(piece.data)
            self.rows += piece.rows
            yield piece.data

    def _has_room_for(self, piece: Piece) -> bool:
        """Whether the sealed file stays within its limit even if the piece does not shrink. The first piece always goes in."""
        return self.rows == 0 or self._deflate.written + len(piece.data) <= room(self._limit, len(self._recipients))


def room(limit: int, recipients: int) -> int:
    """How many bytes deflate may have given out when a file of at most `limit` sealed bytes must end."""
    envelope = 2048 + 1024 * recipients + limit // 50_000
    return limit - _HELD_BACK - envelope
