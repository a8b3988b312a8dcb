"""One sealed file in the making: pieces of rows → a format's file → zip → CMS, counted and hashed on the way.

A package takes pieces until they are used up or until the next one might make the sealed file larger than its limit.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from exports.formats.base import PIECE_BYTES, Buffer, Framed, Piece, Writer
from exports.sealing.cms import Recipient, seal
from exports.sealing.zipping import Zip

CHUNK_BYTES = 512 * 1024
_HELD_BACK = 160 * 1024  # what isal's deflate may have taken in and not given out yet: 130 kB of random bytes were seen
_LEAST_PIECE = 64 * 1024  # a sixteenth of the smallest limit that a job can have
_MEMBER_BYTES = 256  # what a member takes in the zip beside its name, twice, and its data


class Pieces:
    """Pieces that can be looked at before they are taken. `writer`: begins a file of their format; called when there is a piece."""

    def __init__(self, pieces: Iterator[Piece], writer: Callable[[], Writer] = Framed) -> None:
        self._pieces = pieces
        self.writer = writer
        self.next = next(pieces, None)

    def take(self) -> Piece:
        assert self.next is not None, "take() is for when there is a next piece"
        taken, self.next = self.next, next(self._pieces, None)
        return taken


@dataclass(frozen=True)
class Contents:
    """What lies in the zip: the member of the rows (`packed`: compressed already), and small ones that stand behind it."""

    member: str
    modified_at: datetime
    packed: bool = False
    beside: tuple[tuple[str, bytes], ...] = ()

    @property
    def room(self) -> int:
        """How many bytes the small ones take at most."""
        return sum(2 * len(name.encode()) + len(data) + _MEMBER_BYTES for name, data in self.beside)


class Package:
    """Iterate once over the sealed bytes; then rows, sizes (bytes) and SHA-256 (hex) tell what went in and came out."""

    def __init__(self, pieces: Pieces, contents: Contents, recipients: Sequence[Recipient], limit: int) -> None:
        self._pieces, self._contents, self._recipients = pieces, contents, recipients
        self._room = room(limit, len(recipients)) - contents.room
        self._zip = Zip(contents.modified_at)
        self._zipped, self._sealed = hashlib.sha256(), hashlib.sha256()
        self.rows = self.plain_size = self.size = 0

    @property
    def zip_sha256(self) -> str:
        return self._zipped.hexdigest()

    @property
    def sha256(self) -> str:
        return self._sealed.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in seal(self._hashed(_gathered(self._archive())), self._recipients):
            self._sealed.update(chunk)
            self.size += len(chunk)
            yield chunk

    def _hashed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._zipped.update(chunk)
            yield chunk

    def _archive(self) -> Iterator[bytes]:
        yield self._zip.begin(self._contents.member, packed=self._contents.packed)
        for chunk in self._file():
            self.plain_size += len(chunk)
            yield self._zip.add(chunk)
        yield self._zip.finish()
        for name, data in self._contents.beside:
            yield self._zip.begin(name) + self._zip.add(data) + self._zip.finish()
        yield self._zip.end()

    def _file(self) -> Iterator[Buffer]:
        writer = self._pieces.writer()
        while (piece := self._pieces.next) is not None:
            if not self._has_room(writer, piece):
                yield from writer.flush()
                if not self._has_room(writer, piece):
                    break
            self._pieces.take()
            self.rows += piece.rows
            yield from writer.write(piece)
        yield from writer.end()

    def _has_room(self, writer: Writer, piece: Piece) -> bool:
        """Whether the sealed file stays within its limit even if the piece does not shrink. The first piece always goes in."""
        return self.rows == 0 or self._zip.size + writer.most(piece) <= self._room


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


def piece_bytes(limit: int) -> int:
    """How large pieces may be, so that a file of at most `limit` sealed bytes is not ended long before it is full."""
    return min(PIECE_BYTES, max(limit // 16, _LEAST_PIECE))


def room(limit: int, recipients: int) -> int:
    """How many bytes deflate may have given out when a file of at most `limit` sealed bytes must end."""
    envelope = 2048 + 1024 * recipients + limit // 50_000
    return limit - _HELD_BACK - envelope
