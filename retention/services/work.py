"""What a worker does for retention: start what is due, then claim purges and take each a step further; exports do the extracts meanwhile."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from accounts.models import Organization
from exports.sealing.storage import StorageError
from exports.services import work as exports_work
from exports.services.claiming import Heartbeat, LeaseLost
from exports.services.errors import ServiceError, scrubbed
from exports.sources.base import ConnectionLost, SourceError
from exports.sources.writers.base import LockTimeout
from retention.models import Purge
from retention.services import advancing, restoring
from retention.services.claiming import claim_purge, held
from retention.services.days import run_days
from retention.services.failing import PurgeFailed, PurgeStopped
from retention.services.holds import confirm_pending_holds
from retention.services.ledger import undecided
from retention.services.retention_jobs import settle_jobs, start_due_jobs
from retention.services.windows import is_open, settings_of

logger = logging.getLogger(__name__)
Status = Purge.Status
_BUG = "A bug in Strongroom stopped the purge. Where it happened is recorded for the administrator."


def run_until_idle() -> int:
    """Do everything that can be done now, in this process. Gives the number of steps."""
    steps = 0
    while True:
        done = start_due_jobs(timezone.now()) + _steps() + settle_jobs(timezone.now())
        exported = exports_work.run_until_idle()
        steps += done + exported
        if not done and not exported:
            return steps


def _steps() -> int:
    confirm_pending_holds()
    steps = run_days(timezone.now())
    while purge := claim_purge(_workable()):
        with bound_contextvars(purge=purge.pk):
            _attempt(purge)
        steps += 1
    return steps + restoring.run_due()


def _workable() -> Q:
    """What needs no window, or whose window is open: what was cancelled, or may have left a batch undecided, does not wait."""
    now = timezone.now()
    waiting = Organization.objects.filter(purges__status__in=Purge.WORKABLE).distinct()
    opened = [organization for organization in waiting if is_open(settings_of(organization), now)]
    undecided_ = Q(batches__status__in=["deleting", "committing"])
    return Q(status__in=[Status.EXTRACTING, Status.FREEZING]) | Q(cancelled_by__isnull=False) | Q(organization__in=opened) | undecided_


def _attempt(purge: Purge) -> None:
    """What becomes of a failure: another try, a sentence for who ordered it, or a bug's traceback."""
    try:
        with Heartbeat(lambda: held(purge)) as heartbeat:
            advancing.advance(purge, heartbeat)
    except LeaseLost:
        logger.info("Lost %s: another worker has it, or it has ended", purge)
    except (ConnectionLost, LockTimeout, StorageError) as error:
        _try_again(purge, str(error))
    except PurgeStopped as stopped:
        _end(purge, Status.CANCELLED, str(stopped))
    except (PurgeFailed, SourceError, ServiceError) as error:
        _end(purge, Status.FAILED, str(error))
    except Exception as error:  # noqa: BLE001 a bug of ours: the purge ends, the worker goes on
        logger.error("%s failed: %s", purge, scrubbed(error))  # noqa: TRY400 a full traceback would put values into the log
        _end(purge, Status.FAILED, _BUG, traceback=scrubbed(error))


def _try_again(purge: Purge, reason: str) -> None:
    attempts = purge.attempts + 1
    if attempts >= settings.RUN_ATTEMPTS and not undecided(purge).exists():
        _end(purge, Status.FAILED, f"Given up after {attempts} attempts. {reason}")
        return
    wait = min(settings.RETRY_SECONDS * 2 ** (attempts - 1), 600)
    _give_back(purge, wait, f"Attempt {attempts} failed; the next follows in {wait} s. {reason}", attempts)


def _end(purge: Purge, status: str, message: str, traceback: str = "") -> None:
    """While it is not known whether the last batch has committed, it is no end: a worker decides that first."""
    if undecided(purge).exists() and not advancing.decided(purge):
        _give_back(purge, settings.RETRY_SECONDS, f"It is looked whether the last batch was carried out. {message}", purge.attempts)
        return
    try:
        advancing.end(purge, status, message, traceback)
    except LeaseLost:
        logger.info("Lost %s while it ended", purge)


def _give_back(purge: Purge, wait: float, message: str, attempts: int) -> None:
    held(purge).update(lease_until=None, not_before=Now() + timedelta(seconds=wait), message=message, attempts=attempts)
