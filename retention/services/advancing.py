"""A purge from step to step. Each begins with a claim and ends with a status, and a worker that dies in between is followed by another."""

import time
from datetime import timedelta

from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from exports.models import Run
from exports.services.claiming import Heartbeat, LeaseLost
from exports.services.extracts import whole_rows
from exports.services.notices import Event, announce
from exports.sources.base import SourceError
from exports.sources.writers import open_writer
from exports.sources.writers.base import LockTimeout
from retention.models import Purge, RetentionSettings, Rule
from retention.services import dispositions
from retention.services.approving import asks_because
from retention.services.claiming import held
from retention.services.deciding import decide_all
from retention.services.extracting import begin_extract, figures, look, refuse_blocked
from retention.services.failing import PurgeFailed
from retention.services.freezing import Frozen, count_extracted, freeze
from retention.services.ledger import check_wanted, deleted_rows, position, reconcile
from retention.services.purging import Session, purge_batch
from retention.services.references import Catalogue
from retention.services.steps import reached
from retention.services.verifying import check_as_approved, damaged_file
from retention.services.windows import is_open, next_open, settings_of

Status = Purge.Status
FIRST_BATCH = 1_000
_LOCK_TRIES = 5


def advance(purge: Purge, heartbeat: Heartbeat) -> None:
    """Do what comes next. Raises what stops it: LeaseLost, PurgeStopped, PurgeFailed, SourceError, StorageError."""
    if purge.status == Status.PENDING:
        check_wanted(purge)
        _begin(purge)
    elif purge.status == Status.EXTRACTING:
        _end_extract(purge)
    elif purge.status == Status.FREEZING:
        check_wanted(purge)
        _freeze(purge)
    else:
        _purge(purge, heartbeat)


def move(purge: Purge, status: str, **fields: object) -> None:
    """Give the purge its next status, and let any worker claim it. Raises LeaseLost."""
    if not held(purge).update(status=status, lease_until=None, attempts=0, message="", **fields):
        raise LeaseLost


# --- Extract and freeze --------------------------------------------------------------------------------------------
@transaction.atomic
def _begin(purge: Purge) -> None:
    run = begin_extract(purge)
    move(purge, Status.EXTRACTING, run=run, plan=purge.plan)
    reached("extract.begun")


def _end_extract(purge: Purge) -> None:
    assert purge.run is not None, "a purge that is extracting has a run"
    if purge.run.status != Run.Status.COMPLETED:
        raise PurgeFailed(f"The extract failed: {purge.run.message or purge.run.status}")
    move(purge, Status.FREEZING)
    reached("extract.ended")


def _freeze(purge: Purge) -> None:
    """Put the keys in order, and see whether anybody must be asked."""
    selected, settings = look(purge), settings_of(purge.organization)
    refuse_blocked(selected)
    purge.dataset_rows, purge.kept = figures(selected)
    with transaction.atomic():
        if purge.extract_only:
            count_extracted(purge)
        else:
            freeze(purge)
        reached("freeze.written")
        asks = "" if purge.extract_only else asks_because(purge, settings)
        frozen = {name: getattr(purge, name) for name in ("selected", "dataset_rows", "kept", "key_set_sha256")}
        move(purge, Status.AWAITING_APPROVAL if asks else Status.PURGING, asks_because=asks, **frozen)
        if asks:
            facts = {"dataset": purge.dataset.name, "rows": purge.selected, "why": asks}
            announce(Event.RETENTION_APPROVAL, organization=purge.organization, subject=purge, facts=facts)
    reached("freeze.done")


def decided(purge: Purge) -> bool:
    """Whether it is known of every batch if its source has committed: if not, it is looked now."""
    settings, heartbeat = settings_of(purge.organization), Heartbeat(lambda: held(purge))
    try:
        with open_writer(purge.dataset.source.url) as writer:
            decide_all(Session(purge, settings, writer, Catalogue(purge.dataset.source), Frozen(purge), heartbeat))
    except (SourceError, PurgeFailed):
        return False
    return True


# --- Purge ---------------------------------------------------------------------------------------------------------
def _purge(purge: Purge, heartbeat: Heartbeat) -> None:
    settings = settings_of(purge.organization)
    if purge.extract_only:
        complete(purge)
        return
    with open_writer(purge.dataset.source.url) as writer:
        heartbeat.on_lost(writer.cancel)
        session = Session(purge, settings, writer, Catalogue(purge.dataset.source), Frozen(purge), heartbeat)
        decide_all(session)
        check_wanted(purge)
        writer.check_table(whole_rows(purge.dataset))
        _verify(session)
        while (start := position(purge)) < (purge.selected or 0):
            if not is_open(settings, timezone.now()):
                wait_until_open(purge, settings)
                return
            _next_batch(session, start)
            time.sleep(settings.pause_ms / 1000)
    complete(purge)


def _verify(session: Session) -> None:
    purge = session.purge
    if name := damaged_file(session):
        if position(purge):
            raise PurgeFailed(f"The stored bytes of {name} are not what was written, or gone; nothing more is deleted.")
        purge.run = None
        move(purge, Status.PENDING, run=None, selected=None, key_set_sha256="", approved_by=None, approved_at=None, approved_key_set="")
        raise LeaseLost
    if purge.approved_by_id and not position(purge):
        check_as_approved(session)
    reached("verify.done")


def _next_batch(session: Session, start: int) -> None:
    """One batch, smaller each time that others hold what it needs. Raises LockTimeout at last."""
    purge, settings = session.purge, session.settings
    for attempt in range(_LOCK_TRIES):
        rows = max(1, min(purge.batch_rows or FIRST_BATCH, settings.batch_rows, (purge.selected or 0) - start))
        try:
            batch = purge_batch(session, start, start + rows)
        except LockTimeout:
            decide_all(session)
            purge.batch_rows = max(1, rows // 4)
            if attempt == _LOCK_TRIES - 1:
                raise
            continue
        purge.batch_rows = adapted(rows, max(batch.locked_ms, 1), settings)
        Purge.objects.filter(pk=purge.pk).update(batch_rows=purge.batch_rows)
        return


def adapted(rows: int, locked_ms: int, settings: RetentionSettings) -> int:
    """Rows of the next batch: as many as would have held locks for the target, at most twice as many."""
    return max(1, min(settings.batch_rows, 2 * rows, rows * settings.target_ms // locked_ms))


def wait_until_open(purge: Purge, settings: RetentionSettings) -> None:
    """The window has closed: it goes on in the next."""
    opens = next_open(settings, timezone.now())
    held(purge).update(lease_until=None, not_before=opens, message=f"Goes on when the window opens, {opens:%Y-%m-%d %H:%M} UTC.")


@transaction.atomic
def complete(purge: Purge) -> None:
    """Reconcile, keep the files for their days from now, write the disposition."""
    if not purge.extract_only:
        reconcile(purge)
    move(purge, Status.COMPLETED, finished_at=timezone.now())
    _keep_files(purge)
    purge.refresh_from_db()
    if not purge.extract_only:
        dispositions.write(purge)
        if purge.rule:
            Rule.objects.filter(pk=purge.rule.pk, version=purge.rule.version).update(asks=False)
    reached("purge.completed")


def _keep_files(purge: Purge) -> None:
    if purge.run:
        purge.run.files.update(expires_at=timezone.now() + timedelta(days=django_settings.FILE_RETENTION_DAYS))


@transaction.atomic
def end(purge: Purge, status: str, message: str, traceback: str = "") -> None:
    """It goes no further. What it has deleted is recorded all the same. Its last batch must be decided. Raises LeaseLost."""
    if not held(purge).update(status=status, message=message, traceback=traceback, finished_at=timezone.now(), lease_until=None):
        raise LeaseLost
    _keep_files(purge)
    purge.refresh_from_db()
    if deleted_rows(purge):
        dispositions.write(purge)
