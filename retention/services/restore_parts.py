"""The parts that a restore reads: zips that somebody has decrypted and uploaded, or sealed files that are decrypted here.

Invariant: rows are read only of a zip whose SHA-256 is that which was written down when the file was sealed. A zip that is
decrypted here exists as a file without a name only; the private key is never written anywhere.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Protocol

from cryptography import x509
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Organization
from exports.models import Certificate, File
from exports.sealing.opening import OpeningError, PrivateKey, belongs, read_private_key, unseal
from exports.sealing.storage import READ_BYTES, StorageError, keys_below, reading, remove, write
from exports.sealing.unzipping import ZipRefused, member_bytes
from exports.services.errors import Conflict, Invalid
from retention.models import Restore
from retention.services.failing import RestoreFailed
from retention.services.windows import settings_of


class Upload(Protocol):
    """A file that Django has received."""

    @property
    def name(self) -> str | None: ...

    @property
    def size(self) -> int | None: ...

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]: ...


# --- Uploads -------------------------------------------------------------------------------------------------------
def matched(uploads: Sequence[Upload], files: Iterable[File], disposition: int) -> dict[File, Upload]:
    """Each upload with the file whose decrypted zip it is. Raises Invalid, naming the upload."""
    known = {file.zip_sha256: file for file in files}
    largest = max((file.size for file in known.values()), default=0)
    found: dict[File, Upload] = {}
    for place, upload in enumerate(uploads):
        file = known.get(_hash(upload, largest))
        if file is None:
            what = f"{_shown(upload)} is none of the decrypted parts of disposition {disposition}"
            raise Invalid({f"parts[{place}]": f"{what}: upload the zip that `openssl cms -decrypt` gives of one of its files, unchanged."})
        if file in found:
            raise Invalid({f"parts[{place}]": f"{_shown(upload)} is {file.name} again, which is among the parts already."})
        found[file] = upload
    return found


def _hash(upload: Upload, largest: int) -> str:
    """Empty for what is larger than the largest file is sealed, which no zip in it can be."""
    if (upload.size or 0) > largest:
        return ""
    whole = hashlib.sha256()
    for chunk in upload.chunks(READ_BYTES):
        whole.update(chunk)
    return whole.hexdigest()


def _shown(upload: Upload) -> str:
    return (upload.name or "a part")[:80].encode("utf-8", "backslashreplace").decode()


def folder_of(restore: Restore) -> str:
    return f"{restore.organization_id}/restores/{restore.pk}"


def key_of(restore: Restore, file: File) -> str:
    return f"{folder_of(restore)}/{file.pk}.zip"


def store(restore: Restore, uploads: dict[File, Upload]) -> None:
    """Raises StorageError."""
    for file, upload in uploads.items():
        write(default_storage, key_of(restore, file), upload.chunks(READ_BYTES))


def remove_uploads(restore: Restore) -> None:
    """Of a restore that has ended. Raises StorageError."""
    for key in list(keys_below(default_storage, folder_of(restore))):
        remove(default_storage, key)
    Restore.objects.filter(pk=restore.pk).update(uploads_removed_at=timezone.now())


# --- The key that was kept -----------------------------------------------------------------------------------------
def keeps_key(organization: Organization) -> bool:
    return bool(settings_of(organization).restore_key)


def to_decrypt(files: Sequence[File], disposition: int) -> list[File]:
    """Those that can be decrypted here. Raises Conflict if no key is kept, if the files are gone, or if they are sealed for others."""
    if not files or not keeps_key(files[0].organization):
        raise Conflict("No private key is kept to restore with: upload the decrypted parts.")
    there = [file for file in files if file.is_available(timezone.now())]
    if not there:
        raise Conflict(
            f"The files of disposition {disposition} are no longer stored. Whoever has downloaded them can upload the decrypted parts."
        )
    key = _kept_key(there[0])
    if wrong := next((file for file in there if not _certificates(file, key)), None):
        raise Conflict(
            f"The private key that is kept belongs to no certificate that {wrong.name} is sealed for. Upload the decrypted parts."
        )
    return there


def _kept_key(file: File) -> PrivateKey:
    try:
        return read_private_key(settings_of(file.organization).restore_key)
    except OpeningError as error:
        raise Conflict(f"The private key that is kept to restore with cannot be used. {error}") from None


def _certificates(file: File, key: PrivateKey) -> list[x509.Certificate]:
    """Those of the key that the file is sealed for."""
    rows = Certificate.objects.filter(organization=file.organization_id, fingerprint__in=file.recipients)
    return [parsed for row in rows if belongs(key, parsed := x509.load_pem_x509_certificate(row.pem.encode()))]


# --- Reading -------------------------------------------------------------------------------------------------------
def lines(restore: Restore, file: File) -> Iterator[bytes]:
    """The rows of a part, a line each, without its end. Raises StorageError, RestoreFailed."""
    try:
        with _opened(restore, file) as archive:
            yield from _lines(member_bytes(archive, file.member, file.plain_size))
    except (ZipRefused, OpeningError) as error:
        raise RestoreFailed(f"{file.name} cannot be read. {error}") from None


@contextmanager
def _opened(restore: Restore, file: File) -> Iterator[IO[bytes]]:
    """The zip, in a file that has no name: it is gone when this process is."""
    with tempfile.TemporaryFile() as archive:
        whole, size = hashlib.sha256(), 0
        for chunk in _zip(restore, file):
            size += len(chunk)
            if size > file.size:
                break
            whole.update(chunk)
            _write(archive, chunk)
        if whole.hexdigest() != file.zip_sha256:
            raise RestoreFailed(f"The decrypted bytes of {file.name} are not those that were sealed.")
        archive.seek(0)
        yield archive


def _write(archive: IO[bytes], chunk: bytes) -> None:
    try:
        archive.write(chunk)
    except OSError as error:
        raise StorageError(f"A decrypted part could not be kept for the time of the restore: {error.strerror}.") from error


def _zip(restore: Restore, file: File) -> Iterator[bytes]:
    if key := restore.uploads[file.name]:
        yield from reading(default_storage, key)
        return
    if not default_storage.exists(file.storage_key):
        raise RestoreFailed(f"{file.name} is no longer stored.")
    private = _kept_key(file)
    yield from unseal(reading(default_storage, file.storage_key), private, _certificates(file, private))


def _lines(chunks: Iterable["bytes | memoryview"]) -> Iterator[bytes]:
    begun: list[bytes] = []
    for chunk in chunks:
        head, *more = bytes(chunk).split(b"\n")
        begun.append(head)
        if more:
            yield b"".join(begun)
            yield from more[:-1]
            begun = [more[-1]]
    if any(begun):
        raise ZipRefused("It ends in the middle of a row.")


def forget(restore: Restore) -> None:
    """What was stored of a restore that will not be. What the storage does not remove now is collected later."""
    with suppress(StorageError):
        remove_uploads(restore)
