"""Restoring, by a worker: rows of a disposition come back from its extract, parents first.

Invariant: a row is inserted only if the purge has deleted it; exactly as the file has it; never over another; and only while a hold that
covers it is in force. A batch is one transaction at the source. What it will have done is written down before the source commits, so that
after a crash the same lines can be inserted again, and each row is counted once (restore_ledger.py).
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from accounts.roles import ADMINISTER_RULES
from accounts.services.access import Denied, access_to
from accounts.services.audit import record
from exports.models import Extract, File, Run
from exports.sealing.storage import StorageError
from exports.services.claiming import Heartbeat, LeaseLost
from exports.services.errors import ServiceError, scrubbed
from exports.services.extracts import whole_rows
from exports.sources.base import ConnectionLost, SourceError
from exports.sources.writers import open_writer
from exports.sources.writers.base import JSON_NULL, Cells, Conflict, ConflictKind, ForeignKeyBroken, LockTimeout, SourceWriter
from exports.sources.writers.lines import cells_of
from retention.models import Restore, RetentionSettings
from retention.services import restore_holds
from retention.services.failing import PurgeFailed, RestoreFailed
from retention.services.freezing import extracts_of
from retention.services.gone_rows import GoneRows
from retention.services.matching import positions
from retention.services.restore_ledger import Outcome, claim, conflicts, held, planned, position, restored_rows, settle, write_down
from retention.services.restore_parts import forget, lines, remove_uploads
from retention.services.steps import reached
from retention.services.windows import settings_of

logger = logging.getLogger(__name__)
Status = Restore.Status
PARENT_MISSING = "parent missing"
BATCH_LINES, BATCH_BYTES = 1_000, 4 * 1024 * 1024
_BUG = "A bug in Strongroom stopped the restore. Where it happened is recorded for the administrator."


@dataclass(frozen=True)
class Row:
    """A row to be inserted. number: of its line; gone: its number in GoneRows."""

    number: int
    gone: int
    cells: Cells


@dataclass
class Session:
    """What a worker holds while it restores rows of one dataset. above: the parents', of what went along."""

    restore: Restore
    settings: RetentionSettings
    writer: SourceWriter
    heartbeat: Heartbeat
    extract: Extract
    gone: GoneRows
    parent_types: pa.Schema | None


# --- The loop ------------------------------------------------------------------------------------------------------
def run_due() -> int:
    """Work on every restore that can be worked on now. Gives the number of steps."""
    steps = 0
    while restore := claim():
        with bound_contextvars(restore=restore.pk):
            _attempt(restore)
        steps += 1
    collect()
    return steps


def _attempt(restore: Restore) -> None:
    """What becomes of a failure: another try, a sentence for who asked, or a bug's traceback."""
    try:
        with Heartbeat(lambda: held(restore)) as heartbeat:
            advance(restore, heartbeat)
    except LeaseLost:
        logger.info("Lost %s: another worker has it, or it has ended", restore)
    except (ConnectionLost, LockTimeout, StorageError) as error:
        _try_again(restore, str(error))
    except (RestoreFailed, PurgeFailed, SourceError, ServiceError) as error:
        end(restore, Status.FAILED, str(error))
    except Exception as error:  # noqa: BLE001 a bug of ours: the restore ends, the worker goes on
        logger.error("%s failed: %s", restore, scrubbed(error))  # noqa: TRY400 a full traceback would put values into the log
        end(restore, Status.FAILED, _BUG, traceback=scrubbed(error))


def _try_again(restore: Restore, reason: str) -> None:
    attempts = restore.attempts + 1
    if attempts >= settings.RUN_ATTEMPTS:
        end(restore, Status.FAILED, f"Given up after {attempts} attempts. {reason}")
        return
    wait = min(settings.RETRY_SECONDS * 2 ** (attempts - 1), 600)
    _give_back(restore, wait, f"Attempt {attempts} failed; the next follows in {wait} s. {reason}", attempts)


def _give_back(restore: Restore, wait: float, message: str, attempts: int) -> None:
    held(restore).update(lease_until=None, not_before=Now() + timedelta(seconds=wait), message=message, attempts=attempts)


# --- A restore -----------------------------------------------------------------------------------------------------
def advance(restore: Restore, heartbeat: Heartbeat) -> None:
    """All of it, from where it stands. Raises what stops it."""
    _check_wanted(restore)
    purge = restore.disposition.purge
    extracts = extracts_of(purge)
    if not restore_holds.in_force(restore_holds.place(restore, extracts)):
        _give_back(
            restore, 1, "It waits until the batches of purges that are under way have ended: its rows must be held first.", restore.attempts
        )
        return
    reached("restore.held")
    with open_writer(purge.dataset.source.url) as writer:
        heartbeat.on_lost(writer.cancel)
        types: dict[int, pa.Schema | None] = {}
        for extract in extracts:
            gone = GoneRows(purge, extract)
            types[extract.pk] = gone.key_types
            above = types[extract.above_id] if extract.above_id else None
            _restore_dataset(Session(restore, settings_of(restore.organization), writer, heartbeat, extract, gone, above))
    end(restore, Status.COMPLETED, "")


def _check_wanted(restore: Restore) -> None:
    """Raises RestoreFailed if who asked for it may no longer."""
    access = access_to(restore.user, restore.organization)
    if access is None:
        raise RestoreFailed(f"{restore.user}, who asked for it, no longer belongs to {restore.organization} or is no longer active.")
    try:
        access.need(ADMINISTER_RULES)
    except Denied as denied:
        raise RestoreFailed(f"It acts with the permissions of who asked for it. {denied}") from None


def files_of(run: Run | None, extract: Extract) -> list[File]:
    assert run is not None, "what has no extract cannot be restored"
    return list(run.files.filter(part__dataset=extract.dataset_id).select_related("part", "organization").order_by("part__number", "pk"))


def _restore_dataset(session: Session) -> None:
    for file in files_of(session.restore.disposition.purge.run, session.extract):
        if file.name in session.restore.uploads and (start := position(session.restore, file)) < file.rows:
            _restore_file(session, file, start)


def _restore_file(session: Session, file: File, start: int) -> None:
    """From line `start` on."""
    before = planned(session.restore, file)
    there = lines(session.restore, file)
    for _ in islice(there, start):
        continue
    for batch in _batches(there):
        rows = list(_rows(session, start, batch))
        _restore_batch(session, file, Outcome(start, start + len(batch)), rows, before)
        start += len(batch)
    if start != file.rows:
        raise RestoreFailed(f"{file.name} has {start} rows instead of {file.rows}.")


def _batches(there: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in there:
        batch.append(line)
        size += len(line)
        if len(batch) == BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rows(session: Session, start: int, batch: Sequence[bytes]) -> Iterator[Row]:
    """Of these lines the rows that the purge has deleted."""
    cells = [cells_of(line) for line in batch]
    found = session.gone.find([session.gone.key(each) for each in cells])
    for place in np.flatnonzero(found >= 0).tolist():
        number = int(found[place])
        nulls = dict.fromkeys(session.gone.json_nulls(number), JSON_NULL)
        yield Row(start + place, number, {**cells[place], **nulls})


# --- A batch -------------------------------------------------------------------------------------------------------
def _restore_batch(session: Session, file: File, outcome: Outcome, rows: list[Row], before: set[int]) -> None:
    """Insert the rows, among the lines of the outcome, in one transaction; or, where one has no parent, in several. before: see planned().

    Raises LockTimeout, ConnectionLost, SourceError, LeaseLost, RestoreFailed.
    """
    session.heartbeat.check()
    restore_holds.check(session.restore)
    timeout = session.settings.lock_timeout_ms / 1000
    try:
        with session.writer.transaction(lock_timeout=timeout, idle_timeout=timeout + 30):
            _insert(session, file, outcome, rows, before)
            reached("restore.inserted")
            session.heartbeat.check()
            batch = write_down(session.restore, file, outcome)
            reached("restore.planned")
    except ForeignKeyBroken:
        _restore_apart(session, file, outcome, rows, before)
        return
    reached("restore.committed")
    settle(batch)
    reached("restore.done")


def _insert(session: Session, file: File, outcome: Outcome, rows: list[Row], before: set[int]) -> None:
    has_parent = _has_parent(session, rows)
    for row, has in zip(rows, has_parent, strict=True):
        if not has:
            outcome.tell(PARENT_MISSING, session.gone.key(row.cells))
    going = [row for row, has in zip(rows, has_parent, strict=True) if has]
    if not going:
        return
    found = session.writer.insert(whole_rows(session.extract.dataset), [row.cells for row in going], binary=frozenset(file.part.binary))
    said = {conflict.place: conflict for conflict in found}
    for place, row in enumerate(going):
        _tell(session, outcome, row, said.get(place), mine=row.number in before)


def _tell(session: Session, outcome: Outcome, row: Row, conflict: Conflict | None, *, mine: bool) -> None:
    """mine: an earlier attempt was about to commit it, so if it is there, it came from there."""
    kind = conflict.kind if conflict else None
    if mine and kind in {ConflictKind.SAME, ConflictKind.DIFFERENT}:
        kind = ConflictKind.ALTERED if kind == ConflictKind.DIFFERENT else None
    columns = list(conflict.columns) if conflict else []
    if kind in {None, ConflictKind.ALTERED}:
        outcome.restored.append(row.number)
    if kind is not None:
        outcome.tell(str(kind), session.gone.key(row.cells), columns)


def _has_parent(session: Session, rows: list[Row]) -> list[bool]:
    """Whether the row above is there: the database may not ask for it."""
    above = session.extract.above
    if above is None or not rows:
        return [True] * len(rows)
    links = session.gone.links([row.gone for row in rows])
    assert session.parent_types is not None, "rows that went along went with others"
    names = list(above.dataset.key_columns)
    parents = links.rename_columns(names).cast(session.parent_types)
    each = parents.group_by(names).aggregate([])
    there = session.writer.present(whole_rows(above.dataset), each.select(names))
    return [bool(there[place]) for place in positions(parents, names, each, names)]


def _restore_apart(session: Session, file: File, outcome: Outcome, rows: list[Row], before: set[int]) -> None:
    """A row refers to one that is not there. Halves, each by itself, until it is found."""
    if len(rows) > 1:
        middle = len(rows) // 2
        cut = rows[middle].number
        _restore_batch(session, file, Outcome(outcome.start, cut), rows[:middle], before)
        _restore_batch(session, file, Outcome(cut, outcome.stop), rows[middle:], before)
        return
    alone = Outcome(outcome.start, outcome.stop)
    alone.tell(PARENT_MISSING, session.gone.key(rows[0].cells))
    settle(write_down(session.restore, file, alone))


# --- The end -------------------------------------------------------------------------------------------------------
def end(restore: Restore, status: str, message: str, traceback: str = "") -> None:
    """It goes no further: what came back is recorded, and the uploads are removed."""
    with transaction.atomic():
        restored, found = restored_rows(restore), conflicts(restore)
        terms = {"status": status, "message": message, "traceback": traceback, "restored": restored, "conflicts": found}
        if not held(restore).update(**terms, finished_at=timezone.now(), lease_until=None):
            logger.info("Lost %s while it ended", restore)
            return
        if not any(restored.values()):
            restore_holds.withdraw(restore)
        counts = {name: {reason: said["rows"] for reason, said in reasons.items()} for name, reasons in found.items()}
        after = {"status": status, "restored": restored, "conflicts": counts, "message": message}
        record("restore.end", restore, organization=restore.organization, user=None, after=after)
    reached("restore.ended")
    forget(restore)


def collect() -> int:
    """Remove what crashes have left: uploads of restores that have ended, and of some that were never stored whole. How many restores."""
    dead = Restore.objects.filter(status=Status.RECEIVING, lease_until__lt=Now())
    dead.update(status=Status.FAILED, message="The decrypted parts were not stored whole. Ask for it again.", finished_at=Now())
    left = list(Restore.objects.filter(~Q(status__in=Restore.ACTIVE), uploads_removed_at=None)[:100])
    for restore in left:
        try:
            remove_uploads(restore)
        except StorageError as error:
            logger.warning("%s", error)
    return len(left)
