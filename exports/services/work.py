"""What a worker does: start what is due, then claim and do one step after another until there is none left."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from exports.formats.base import FormatError
from exports.models import Part, Run
from exports.sealing.cms import SealingError
from exports.sealing.storage import StorageError
from exports.services.claiming import (
    Heartbeat,
    LeaseLost,
    claim_part,
    claim_run_to_finish,
    claim_run_to_plan,
    give_back,
    held_run,
    run_held_through,
)
from exports.services.delivering import deliver_due
from exports.services.errors import scrubbed
from exports.services.finishing import fail, finish
from exports.services.planning import ExportFailed, check_owner, plan
from exports.services.starting import start_due
from exports.services.tidying import collect_ended
from exports.services.writing import write_part
from exports.sources.base import ConnectionLost, MixedColumn, SourceError

logger = logging.getLogger(__name__)

BETWEEN_STEPS = 2
"""Seconds for notices between two steps: where every worker is busy with long runs, nobody else would send them."""


def run_until_idle(on_planned: Callable[[int], None] | None = None) -> int:
    """Do everything that can be done now, in this process. Gives the number of steps.

    `on_planned` is told how many parts a run was cut into, so that other workers can be called.
    """
    steps = 0
    with ExitStack() as snapshots:  # of the runs planned here: they live while their parts are read
        start_due(timezone.now())
        while _step(snapshots, on_planned):
            steps += 1
            start_due(timezone.now())
            deliver_due(BETWEEN_STEPS)
        collect_ended()
    return steps


def _step(snapshots: ExitStack, on_planned: Callable[[int], None] | None) -> bool:
    if finished := claim_run_to_finish():
        _attempt(finished, finished, lambda: finish(finished))
    elif part := claim_part():
        _attempt(part.run, part, lambda: _write(part))
    elif due := claim_run_to_plan():
        _attempt(due, due, lambda: _plan(due, snapshots, on_planned))
    else:
        return False
    return True


def _plan(run: Run, snapshots: ExitStack, on_planned: Callable[[int], None] | None) -> None:
    with Heartbeat(lambda: held_run(run)):
        snapshots.push(plan(run))
    give_back(run, after_seconds=0)
    if on_planned:
        on_planned(run.parts.count())


def _write(part: Part) -> None:
    try:
        write_part(part)
    except MixedColumn:
        part.held_by(part.token).update(exact=True)
        give_back(part, after_seconds=0)


def _attempt(run: Run, row: Run | Part, action: Callable[[], None]) -> None:
    """One step, with the run's id in each log line that it writes."""
    with bound_contextvars(correlation_id=run.correlation_id, run=run.pk):
        _attempt_step(run, row, action)


def _attempt_step(run: Run, row: Run | Part, action: Callable[[], None]) -> None:
    """What becomes of a failure: another try, a sentence for the owner, or a bug's traceback."""
    held = run_held_through(row)
    try:
        _check_limits(run, row)
        check_owner(run.job)
        action()
    except LeaseLost:
        logger.info("Lost %s: another worker has it, or its run has ended or taken too long", row)
        _check_overdue(run, held)
    except (ConnectionLost, StorageError) as error:
        _try_again(row, held, str(error))
    except (ExportFailed, FormatError, SourceError, SealingError) as error:
        fail(held, str(error))
    except Exception as error:  # noqa: BLE001 a bug of ours: the run ends, the worker goes on
        logger.error("%s failed: %s", row, scrubbed(error))  # noqa: TRY400 a full traceback would put values into the log
        fail(held, "A bug in Strongroom stopped the run. Where it happened is recorded for the administrator.", traceback=scrubbed(error))


def _attempts(row: Run | Part) -> int:
    """How often the row may be claimed. A run is claimed to be planned and to be finished; either may be tried so often."""
    return settings.RUN_ATTEMPTS * (2 if isinstance(row, Run) else 1)


def _check_limits(run: Run, row: Run | Part) -> None:
    if row.token > _attempts(row):
        raise ExportFailed(f"Given up after {settings.RUN_ATTEMPTS} attempts. {run.message}".strip())
    if _is_overdue(run):
        raise ExportFailed(_too_long())


def _check_overdue(run: Run, held: QuerySet[Run]) -> None:
    if _is_overdue(run):
        fail(held, _too_long())


def _is_overdue(run: Run) -> bool:
    return run.started_at is not None and timezone.now() - run.started_at > timedelta(seconds=settings.RUN_TIME_LIMIT_SECONDS)


def _too_long() -> str:
    return f"The run took longer than its time limit of {settings.RUN_TIME_LIMIT_SECONDS} seconds."


def _try_again(row: Run | Part, held: QuerySet[Run], reason: str) -> None:
    if row.token >= _attempts(row):
        fail(held, f"Given up after {settings.RUN_ATTEMPTS} attempts. {reason}")
        return
    wait = min(settings.RETRY_SECONDS * 2 ** (row.token - 1), 600)
    held.update(message=f"Attempt {row.token} failed; the next follows in {wait} s. {reason}")
    give_back(row, after_seconds=wait)
