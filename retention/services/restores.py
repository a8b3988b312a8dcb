"""Restores as people see them: asked for, looked at, previewed. How they are carried out: restoring.py.

Call `retention.tasks.wake()` after asking for one: services know no broker.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from accounts.roles import ADMINISTER_RULES, READ_RULES
from accounts.services.access import Access
from exports.models import Extract, File
from exports.sealing.storage import StorageError
from exports.services.errors import Conflict, NotFound
from exports.services.extracts import whole_rows
from exports.services.trail import tell
from exports.sources import open_reader
from exports.sources.base import Key, Reader, SourceError
from exports.sources.predicates import MOST_KEYS, KeyIn
from retention.models import Disposition, Restore
from retention.services import dispositions, restore_parts
from retention.services.freezing import extracts_of
from retention.services.gone_rows import gone_tables, rows_gone
from retention.services.restore_ledger import conflicts, restored_rows
from retention.services.restore_parts import Upload

Status = Restore.Status
STORING = timedelta(hours=1)
"""So long uploads may take from here to the storage. What is not there by then was cut short."""
LOOKED_AT = 50_000
"""Rows of a dataset of which a preview looks whether they are there."""


# --- Asking --------------------------------------------------------------------------------------------------------
def request_restore(access: Access, disposition: Disposition, uploads: Sequence[Upload] = ()) -> Restore:
    """Ask that the disposition's rows come back: from uploads, which are zips that `openssl cms -decrypt` has given, or else, if the
    organization keeps a private key, from all files that are still stored. Rows whose part is missing stay away.

    Raises Denied, NotFound, Invalid (naming the upload), Conflict.
    """
    access.need(ADMINISTER_RULES)
    files = files_of(find_disposition(access, disposition.number))
    if uploads:
        found = restore_parts.matched(uploads, files, disposition.number)
        restore = _begin(access, disposition, list(found), Status.RECEIVING)
        _receive(access, restore, found)
    else:
        chosen = restore_parts.to_decrypt(files, disposition.number)
        with transaction.atomic():
            restore = _begin(access, disposition, chosen, Status.PENDING)
            _tell(access, restore)
    return restore


def find_disposition(access: Access, number: int) -> Disposition:
    """Raises NotFound, Denied."""
    return dispositions.listing(access).select_related("purge__run", "purge__dataset__source").get(pk=dispositions.find(access, number).pk)


def files_of(disposition: Disposition) -> list[File]:
    """Those of its extract. Raises Conflict if it has none."""
    purge = disposition.purge
    if not purge.archive or purge.run is None:
        raise Conflict(
            f"Disposition {disposition.number} says that its rows were deleted without archive: there is nothing to restore from."
        )
    return list(purge.run.files.select_related("run", "organization", "part__dataset").order_by("pk"))


def _begin(access: Access, disposition: Disposition, files: list[File], status: str) -> Restore:
    """Raises Conflict if another one of the disposition has not ended."""
    lease = Now() + STORING if status == Status.RECEIVING else None
    try:
        with transaction.atomic():
            restore = Restore.objects.create(
                organization=access.organization, disposition=disposition, user=access.user, status=status, lease_until=lease
            )
    except IntegrityError:
        raise Conflict(f"Another restore of disposition {disposition.number} has not ended yet.") from None
    has_uploads = status == Status.RECEIVING
    restore.uploads = {file.name: restore_parts.key_of(restore, file) if has_uploads else "" for file in files}
    restore.save(update_fields=["uploads"])
    return restore


def _receive(access: Access, restore: Restore, found: dict[File, Upload]) -> None:
    """Store the uploads, then let workers see the restore: a crash between leaves what `restoring.collect` removes."""
    try:
        restore_parts.store(restore, found)
        _admit(access, restore)
    except StorageError as error:
        _give_up(restore)
        raise Conflict(f"The decrypted parts could not be stored. {error}") from error
    except BaseException:
        _give_up(restore)
        raise


@transaction.atomic
def _admit(access: Access, restore: Restore) -> None:
    """All is stored: workers may take it. Raises Conflict if it was given up meanwhile."""
    if not Restore.objects.filter(pk=restore.pk, status=Status.RECEIVING).update(status=Status.PENDING, lease_until=None):
        raise Conflict("It took too long to store the decrypted parts. Ask for it again, with fewer of them.")
    restore.refresh_from_db()
    _tell(access, restore)


def _give_up(restore: Restore) -> None:
    failed = {"status": Status.FAILED, "message": "The decrypted parts could not be stored.", "finished_at": timezone.now()}
    Restore.objects.filter(pk=restore.pk, status=Status.RECEIVING).update(**failed, lease_until=None)
    restore_parts.forget(restore)


def _tell(access: Access, restore: Restore) -> None:
    tell(access, "restore.request", restore, after={"disposition": restore.disposition.number, "parts": ", ".join(restore.uploads)})


# --- Looking -------------------------------------------------------------------------------------------------------
def listing(access: Access) -> QuerySet[Restore]:
    """The organization's, the newest first. Raises Denied."""
    access.need(READ_RULES, ADMINISTER_RULES)
    related = ("disposition__purge__run", "user")
    return Restore.objects.filter(organization=access.organization).select_related(*related).order_by("-pk")


def find(access: Access, restore_id: int) -> Restore:
    """Raises NotFound, Denied."""
    restore = listing(access).filter(pk=restore_id).first()
    if restore is None:
        raise NotFound("There is no such restore.")
    return restore


def with_figures(restore: Restore) -> Restore:
    """Not saved: with what has come back so far, if it has not ended."""
    if restore.is_active:
        restore.restored, restore.conflicts = restored_rows(restore), conflicts(restore)
    return restore


def missing_parts(restore: Restore) -> list[str]:
    """The names of the disposition's files from which no rows come back."""
    return [file.name for file in files_of(restore.disposition) if file.name not in restore.uploads]


def largest_upload(access: Access) -> int:
    """Bytes that all files of one disposition have at most. Raises Denied."""
    access.need(ADMINISTER_RULES)
    extracts = File.objects.filter(organization=access.organization, run__purge__disposition__isnull=False)
    return extracts.values("run").annotate(bytes=Sum("size")).aggregate(most=Max("bytes"))["most"] or 0


# --- Previewing ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Figures:
    """Of a dataset. rows: that the purge deleted; looked_at: of how many it was looked whether their key is there; present: of how many it is."""

    dataset: str
    rows: int
    looked_at: int
    present: int


@dataclass(frozen=True)
class Preview:
    """parts: the files, with the rows of each; stored: the names of those that are still stored here."""

    disposition: Disposition
    datasets: list[Figures]
    parts: list[File]
    stored: list[str]
    has_key: bool


def preview(access: Access, number: int) -> Preview:
    """What would come back, and how many of the rows are there (again) and so would not. Nothing is changed. Raises NotFound, Denied, Conflict."""
    access.need(READ_RULES, ADMINISTER_RULES)
    disposition = find_disposition(access, number)
    files, now = files_of(disposition), timezone.now()
    try:
        with open_reader(disposition.purge.dataset.source.url) as reader:
            figures = [_figures(reader, disposition, extract) for extract in extracts_of(disposition.purge)]
    except SourceError as error:
        raise Conflict(f"The source cannot be read: {error}") from None
    stored = [file.name for file in files if file.is_available(now)]
    return Preview(disposition, figures, files, stored, restore_parts.keeps_key(access.organization))


def _figures(reader: Reader, disposition: Disposition, extract: Extract) -> Figures:
    looked_at = present = 0
    for keys in _keys(disposition, extract):
        looked_at += len(keys)
        present += reader.count(replace(whole_rows(extract.dataset), where=KeyIn(keys)))
        if looked_at >= LOOKED_AT:
            break
    return Figures(extract.dataset.name, rows_gone(disposition.purge, extract), looked_at, present)


def _keys(disposition: Disposition, extract: Extract) -> Iterator[tuple[Key, ...]]:
    names = extract.dataset.key_columns
    for table in gone_tables(disposition.purge, extract):
        for start in range(0, table.num_rows, MOST_KEYS):
            rows = table.select(names).slice(start, MOST_KEYS).to_pylist()
            yield tuple(tuple(row[name] for name in names) for row in rows)
