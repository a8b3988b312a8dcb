"""Stored files, read back and compared with what was written."""

from collections.abc import Callable
from contextlib import closing

from django.core.files.storage import default_storage

from exports.models import File
from exports.sealing.storage import hash_of, reading
from exports.services.pipeline import ahead


def is_as_written(file: File, check: Callable[[], None]) -> bool:
    """Whether the storage gives back what was written. `check` is called meanwhile, and may raise. Raises StorageError."""
    with closing(ahead(reading(default_storage, file.storage_key), check)) as chunks:
        return hash_of(chunks) == (file.size, file.sha256)
