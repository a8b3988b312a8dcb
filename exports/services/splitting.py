"""How large a file may become: `64MB`, `1GB`, `512KB`, or a bare number of MB."""

import re

from exports.services.errors import Invalid

KB, MB, GB = 1024, 1024**2, 1024**3
DEFAULT_BYTES = 256 * MB
LOWEST_BYTES, HIGHEST_BYTES = MB, GB

_UNITS = {"": MB, "KB": KB, "MB": MB, "GB": GB}
_SIZE = re.compile(r"([0-9]{1,12}) ?(KB|MB|GB)?", re.IGNORECASE)


def split_bytes(text: str, field: str = "fileSplitSize") -> int:
    """Sealed bytes that a file may have at most (binary units: 1 MB is 1048576). Empty text is the default, 256 MB.

    Raises Invalid under the name `field`.
    """
    if not text.strip():
        return DEFAULT_BYTES
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise Invalid({field: f'fileSplitSize "{text[:40]}" is not a size. Write 64MB, 1GB, or a number of MB; leave it empty for 256MB.'})
    size = int(match[1]) * _UNITS[(match[2] or "").upper()]
    if not LOWEST_BYTES <= size <= HIGHEST_BYTES:
        raise Invalid({field: f'fileSplitSize "{text[:40]}" is out of bounds. It must be from 1MB to 1GB.'})
    return size
