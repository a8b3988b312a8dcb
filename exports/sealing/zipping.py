"""A zip archive as a stream: a member's sizes follow its data, in a ZIP64 data descriptor (APPNOTE 6.3, 4.3.9).

isal deflates and counts the CRC. The libraries that stream zip files count it with zlib: 13 % of the sealing thread's time.
"""

import struct
import zlib
from datetime import datetime

from isal import isal_zlib

from exports.formats.base import Buffer

_LEVEL = 2
_VERSION, _UNIX = 45, 3 << 8
_FLAGS = 1 << 3 | 1 << 11  # sizes in the data descriptor, names in UTF-8
_METHOD = 8
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_MODE = 0o100600 << 16


class Zip:
    """Each call gives the bytes to write next: for each member `begin`, `add` as often as there is data, `finish`; then `end`."""

    def __init__(self, modified_at: datetime) -> None:
        self._modified_at = _dos_time(modified_at)
        self._entries: list[bytes] = []
        self.size = 0
        """How many bytes were given out so far."""

    def begin(self, name: str, *, packed: bool = False) -> bytes:
        """A member. `packed`: its bytes are compressed already, so they are only stored, in deflate's own form of that."""
        self._name, self._start = name.encode(), self.size
        self._deflate = zlib.compressobj(0, zlib.DEFLATED, -15) if packed else isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
        self._crc = self._plain = self._deflated = 0
        extra = struct.pack("<HHQQ", 1, 16, 0, 0)
        local = b"PK\x03\x04" + struct.pack("<H", _VERSION) + self._header() + struct.pack("<III", 0, _FULL32, _FULL32)
        return self._counted(local + struct.pack("<HH", len(self._name), len(extra)) + self._name + extra)

    def add(self, chunk: Buffer) -> bytes:
        self._crc, self._plain = isal_zlib.crc32(chunk, self._crc), self._plain + len(chunk)
        data: bytes = self._deflate.compress(chunk)
        self._deflated += len(data)
        return self._counted(data)

    def finish(self) -> bytes:
        rest: bytes = self._deflate.flush()
        self._deflated += len(rest)
        self._entries.append(self._entry())
        return self._counted(rest + b"PK\x07\x08" + struct.pack("<IQQ", self._crc, self._deflated, self._plain))

    def end(self) -> bytes:
        """The directory."""
        count, entries = len(self._entries), b"".join(self._entries)
        sizes = struct.pack("<QQQQ", count, count, len(entries), self.size)
        end64 = b"PK\x06\x06" + struct.pack("<QHHII", 44, _UNIX | _VERSION, _VERSION, 0, 0) + sizes
        locator = b"PK\x06\x07" + struct.pack("<IQI", 0, self.size + len(entries), 1)
        end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, _FULL16, _FULL16, _FULL32, _FULL32, 0)
        return self._counted(entries + end64 + locator + end)

    def _counted(self, data: bytes) -> bytes:
        self.size += len(data)
        return data

    def _header(self) -> bytes:
        return struct.pack("<HH", _FLAGS, _METHOD) + self._modified_at

    def _entry(self) -> bytes:
        extra = struct.pack("<HHQQQ", 1, 24, self._plain, self._deflated, self._start)
        entry = b"PK\x01\x02" + struct.pack("<HH", _UNIX | _VERSION, _VERSION) + self._header()
        entry += struct.pack("<III", self._crc, _FULL32, _FULL32)
        return entry + struct.pack("<HHHHHII", len(self._name), len(extra), 0, 0, 0, _MODE, _FULL32) + self._name + extra


def _dos_time(moment: datetime) -> bytes:
    """MS-DOS time and date, of two seconds' precision, from 1980 on."""
    year = max(moment.year - 1980, 0)
    return struct.pack("<HH", moment.hour << 11 | moment.minute << 5 | moment.second // 2, year << 9 | moment.month << 5 | moment.day)
