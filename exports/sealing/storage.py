"""Where sealed files are put: django-storages' API, so that nothing is listed before it is whole and on the disk."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage

READ_BYTES = 1024 * 1024
_BEGUN_BYTES = 16 * 1024 * 1024
"""After so much more of a file was written, the system is told to put it on the disk."""


class StorageError(Exception):
    """The storage failed, or does not hold what was written. Worth another try."""


@runtime_checkable
class Uploads(Protocol):
    """A storage that can keep bytes of which no object has come yet."""

    def give_up_uploads(self, folder: str) -> None:
        """Forget all that is below the folder."""


class Stream(File):  # type: ignore[type-arg]  # no generic at run time
    """An iterator of bytes as the file that storages save: read once, from beginning to end."""

    def __init__(self, chunks: Iterable[bytes], name: str) -> None:
        super().__init__(None, name)
        self._chunks = iter(chunks)
        self._rest = b""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        return self._chunks

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        parts, length = [self._rest], len(self._rest)
        while size < 0 or length < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            length += len(chunk)
        data = b"".join(parts)
        cut = len(data) if size < 0 else size
        self._rest = data[cut:]
        return data[:cut]

    def seekable(self) -> bool:
        return False


class DurableFileSystemStorage(FileSystemStorage):
    """A folder. A file gets its name only when all its bytes are on the disk; after an error nothing is left."""

    def __init__(self, **options: Any) -> None:
        super().__init__(file_permissions_mode=0o600, directory_permissions_mode=0o700, **options)

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # no generic at run time
        target = Path(self.path(name))
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.part")
        try:
            with temporary.open("xb") as file:
                _fill(file, content.chunks())
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o600)
            temporary.rename(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
        return name


def _fill(file: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Write all of them, and have the system begin to put them on the disk meanwhile, where it can be told to: else the flush at the end
    has all of it to do.
    """
    begun = written = 0
    for chunk in chunks:
        file.write(chunk)
        written += len(chunk)
        if written - begun >= _BEGUN_BYTES and hasattr(os, "posix_fadvise"):
            file.flush()
            os.posix_fadvise(file.fileno(), begun, written - begun, os.POSIX_FADV_DONTNEED)  # what is not on the disk yet stays cached
            begun = written


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _failures(storage: Storage, sentence: str) -> Iterator[None]:
    """What folders and S3 (its storage names what it raises) raise, as one error with a reason that can be shown."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{sentence}: {error.strerror or type(error).__name__}.") from error
    except getattr(storage, "FAILURES", ()) as error:
        raise StorageError(f"{sentence}: {type(error).__name__}.") from error


def write(storage: Storage, key: str, chunks: Iterable[bytes]) -> None:
    """Store the bytes under exactly `key`, which must be new."""
    with _failures(storage, f"The storage could not keep {key}"):
        saved = storage.save(key, Stream(chunks, key))
    if saved != key:
        storage.delete(saved)
        raise StorageError(f"The storage already holds {key}.")


def reading(storage: Storage, key: str) -> Iterator[bytes]:
    """What the storage holds under `key`, in chunks. Raises StorageError."""
    with _failures(storage, f"The storage could not give back {key}"), storage.open(key, "rb") as file:
        while chunk := file.read(READ_BYTES):
            yield chunk


def hash_of(chunks: Iterable[bytes]) -> tuple[int, str]:
    """Size in bytes and SHA-256 (hex)."""
    size, sha256 = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        sha256.update(chunk)
    return size, sha256.hexdigest()


def read_hash(storage: Storage, key: str) -> tuple[int, str]:
    """Of what the storage holds under `key`, read back from it."""
    return hash_of(reading(storage, key))


def keys_below(storage: Storage, folder: str) -> Iterator[str]:
    """All keys below `folder`, temporary ones included. Raises StorageError."""
    with _failures(storage, f"The storage could not list {folder}"):
        try:
            folders, files = storage.listdir(folder)
        except FileNotFoundError:
            return
    yield from (f"{folder}/{name}" for name in files if name)
    for name in folders:
        yield from keys_below(storage, f"{folder}/{name}")


def give_up_uploads(storage: Storage, folder: str) -> None:
    """End what somebody who died was uploading below `folder`: S3 lists no object of it, and keeps its bytes. Raises StorageError."""
    if isinstance(storage, Uploads):
        with _failures(storage, f"The storage could not give up the uploads below {folder}"):
            storage.give_up_uploads(folder)


def remove(storage: Storage, key: str) -> None:
    """Delete the object; its absence is fine. Folders that this empties go too. Raises StorageError."""
    with _failures(storage, f"The storage could not delete {key}"):
        storage.delete(key)
    if isinstance(storage, FileSystemStorage):
        root, folder = Path(storage.location), Path(storage.path(key)).parent
        with suppress(OSError):  # not empty: somebody else's files are in it
            while folder != root:
                folder.rmdir()
                folder = folder.parent
