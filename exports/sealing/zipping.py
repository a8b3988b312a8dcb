"""A zip archive with one member, as a stream: the sizes follow the data, in a ZIP64 data descriptor (APPNOTE 6.3, 4.3.9).

isal deflates and counts the CRC. The libraries that stream zip files count it with zlib: 13 % of the sealing thread's time.
"""

import struct
from collections.abc import Iterable, Iterator
from datetime import datetime

from isal import isal_zlib

from exports.formats.base import Buffer

_LEVEL = 2
_VERSION, _UNIX = 45, 3 << 8
_FLAGS = 1 << 3 | 1 << 11  # sizes in the data descriptor, names in UTF-8
_METHOD = 8
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_MODE = 0o100600 << 16


class ZipStream:
    """Iterate once. `written` is how many bytes deflate has given out so far."""

    def __init__(self, name: str, modified_at: datetime, data: Iterable[Buffer]) -> None:
        self._name, self._modified_at, self._data = name.encode(), _dos_time(modified_at), data
        self._deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
        self.written = 0

    def __iter__(self) -> Iterator[bytes]:
        header = struct.pack("<HH", _FLAGS, _METHOD) + self._modified_at
        local = b"PK\x03\x04" + struct.pack("<H", _VERSION) + header + struct.pack("<III", 0, _FULL32, _FULL32)
        extra = struct.pack("<HHQQ", 1, 16, 0, 0)
        yield local + struct.pack("<HH", len(self._name), len(extra)) + self._name + extra
        crc = size = 0
        for chunk in self._data:
            crc, size = isal_zlib.crc32(chunk, crc), size + len(chunk)
            yield self._counted(self._deflate.compress(chunk))
        yield self._counted(self._deflate.flush())
        yield b"PK\x07\x08" + struct.pack("<IQQ", crc, self.written, size)
        yield self._directory(header, crc, size, len(local) + 4 + len(self._name) + len(extra) + self.written + 24)

    def _counted(self, data: bytes) -> bytes:
        self.written += len(data)
        return data

    def _directory(self, header: bytes, crc: int, size: int, start: int) -> bytes:
        extra = struct.pack("<HHQQQ", 1, 24, size, self.written, 0)
        entry = b"PK\x01\x02" + struct.pack("<HH", _UNIX | _VERSION, _VERSION) + header + struct.pack("<III", crc, _FULL32, _FULL32)
        entry += struct.pack("<HHHHHII", len(self._name), len(extra), 0, 0, 0, _MODE, _FULL32) + self._name + extra
        end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, _UNIX | _VERSION, _VERSION, 0, 0, 1, 1, len(entry), start)
        locator = b"PK\x06\x07" + struct.pack("<IQI", 0, start + len(entry), 1)
        return entry + end64 + locator + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, _FULL16, _FULL16, _FULL32, _FULL32, 0)


def _dos_time(moment: datetime) -> bytes:
    """MS-DOS time and date, of two seconds' precision, from 1980 on."""
    year = max(moment.year - 1980, 0)
    return struct.pack("<HH", moment.hour << 11 | moment.minute << 5 | moment.second // 2, year << 9 | moment.month << 5 | moment.day)
