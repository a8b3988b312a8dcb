"""One sealed file in the making: pieces of rows → zip with one member → CMS, counted and hashed on the way.

A package takes pieces until they are used up or until the next one might make the sealed file larger than its limit.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from exports.formats.base import Buffer, Piece
from exports.sealing.cms import Recipient, seal
from exports.sealing.zipping import ZipStream

CHUNK_BYTES = 128 * 1024
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


class Package:
    """Iterate once over the sealed bytes; then rows, sizes (bytes) and SHA-256 (hex) tell what went in and came out."""

    def __init__(self, pieces: Pieces, member: str, modified_at: datetime, recipients: Sequence[Recipient], limit: int) -> None:
        self._pieces, self._recipients, self._limit = pieces, recipients, limit
        self._zip = ZipStream(member, modified_at, self._rows())
        self._zipped, self._sealed = hashlib.sha256(), hashlib.sha256()
        self.rows = self.plain_size = self.size = 0

    @property
    def zip_sha256(self) -> str:
        return self._zipped.hexdigest()

    @property
    def sha256(self) -> str:
        return self._sealed.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in seal(self._hashed(_gathered(self._zip)), self._recipients):
            self._sealed.update(chunk)
            self.size += len(chunk)
            yield chunk

    def _hashed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._zipped.update(chunk)
            yield chunk

    def _rows(self) -> Iterator[Buffer]:
        while (piece := self._pieces.next) is not None and self._has_room_for(piece):
            self._pieces.take()
            self.plain_size += len(piece.data)
            self.rows += piece.rows
            yield piece.data

    def _has_room_for(self, piece: Piece) -> bool:
        """Whether the sealed file stays within its limit even if the piece does not shrink. The first piece always goes in."""
        return self.rows == 0 or self._zip.written + len(piece.data) <= room(self._limit, len(self._recipients))


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of CHUNK_BYTES or a little more: each costs a call of every stage behind."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def room(limit: int, recipients: int) -> int:
    """How many bytes deflate may have given out when a file of at most `limit` sealed bytes must end."""
    envelope = 2048 + 1024 * recipients + limit // 50_000
    return limit - _HELD_BACK - envelope
