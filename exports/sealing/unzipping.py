"""The zip inside a sealed file, read as what it must be: one member of rows, whose name and size are known, and perhaps its JSON Schema.

Whoever made it, it cannot make this read more than that: no other member is looked at, and no more bytes than `size` are taken.
"""

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from exports.formats.base import Buffer

_HIGHEST_SCHEMA = 4 * 1024 * 1024
_HIGHEST_RATIO = 1100
"""Deflate gives at most 1032 bytes for one."""
_DEFLATED = 8
_READ = 256 * 1024


class ZipRefused(Exception):
    """The zip is not one that Strongroom has made of such a file. The text is for the user."""


def member_bytes(archive: IO[bytes], member: str, size: int) -> Iterator[Buffer]:
    """The member of rows, `size` bytes, in chunks. Raises ZipRefused, also at the very end."""
    try:
        with zipfile.ZipFile(archive) as opened:
            _check(opened, member, size)
            with opened.open(member) as stream:
                yield from _bounded(stream, size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise ZipRefused("The zip is damaged.") from error


def _check(opened: zipfile.ZipFile, member: str, size: int) -> None:
    names = [info.filename for info in opened.infolist()]
    if names not in ([member], [member, f"{member.rpartition('.')[0]}.jsonschema"]):
        raise ZipRefused(f"The zip must hold {member}, and its JSON Schema if it is the first of its dataset, and nothing else.")
    for info in opened.infolist():
        if info.compress_type != _DEFLATED or info.flag_bits & 1:
            raise ZipRefused(f"{info.filename} is encrypted, or not compressed as Strongroom does it.")
        if info.file_size > max(info.compress_size, 1) * _HIGHEST_RATIO:
            raise ZipRefused(f"{info.filename} says that it is larger than its bytes could become.")
    sizes = [info.file_size for info in opened.infolist()]
    if sizes[0] != size or sizes[1:] > [_HIGHEST_SCHEMA]:
        raise ZipRefused(f"{member} must have {size} bytes, not {sizes[0]}, and a JSON Schema at most {_HIGHEST_SCHEMA}.")


def _bounded(stream: IO[bytes], size: int) -> Iterator[bytes]:
    left = size
    while chunk := stream.read(min(_READ, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise ZipRefused(f"The zip's member is larger than the {size} bytes that it says.")
        yield chunk
    if left:
        raise ZipRefused(f"The zip's member is smaller than the {size} bytes that it says.")
