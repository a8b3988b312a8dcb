"""Who works on what: claims by conditional UPDATE, leases with a heartbeat, tokens that fence off whoever lost one.

Times are the database's, so that workers on machines with different clocks agree. See docs/operations.md, "How a run works".
"""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now

from exports.models import Part, Run

logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The row went to another worker, or its run was cancelled or failed: stop, and change nothing more."""


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def lease_end() -> Combinable:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def free() -> Q:
    """Nobody's lease, and no back-off that lasts."""
    return (Q(lease_until=None) | Q(lease_until__lt=Now())) & (Q(not_before=None) | Q(not_before__lte=Now()))


def claim_run_to_plan() -> Run | None:
    """The oldest run that has no parts yet. A job's runs go one after another, so that none is lost and none overlap."""
    earlier = Run.objects.filter(job=OuterRef("job"), status__in=Run.ACTIVE, pk__lt=OuterRef("pk"))
    waiting = Run.objects.filter(free(), ~Exists(earlier), status__in=Run.ACTIVE, planned_at=None)
    return _claim_run(waiting)


def claim_run_to_finish() -> Run | None:
    """A run whose parts are all done."""
    undone = Part.objects.filter(run=OuterRef("pk")).exclude(status=Part.Status.DONE)
    waiting = Run.objects.filter(free(), ~Exists(undone), status=Run.Status.IN_PROGRESS, planned_at__isnull=False)
    return _claim_run(waiting)


def _claim_run(waiting: QuerySet[Run]) -> Run | None:
    for run in waiting.order_by("pk")[:20]:
        changes = {"status": Run.Status.IN_PROGRESS, "started_at": Coalesce("started_at", Now())}
        if Run.objects.filter(pk=run.pk, token=run.token).update(**claim_terms(), **changes):
            return Run.objects.select_related("job__source", "job__dataset", "job__owner", "job__organization", "organization").get(
                pk=run.pk
            )
    return None


def claim_part() -> Part | None:
    """The first part that nobody works on."""
    waiting = Part.objects.filter(free(), run__status=Run.Status.IN_PROGRESS, run__planned_at__isnull=False).exclude(
        status=Part.Status.DONE
    )
    for part in waiting.order_by("run_id", "pk")[:20]:
        if Part.objects.filter(pk=part.pk, token=part.token).update(**claim_terms(), status=Part.Status.RUNNING, rows_done=0):
            return Part.objects.select_related(
                "run__job__source", "run__job__owner", "run__job__organization", "run__organization", "dataset__parent"
            ).get(pk=part.pk)
    return None


def claim_terms() -> dict[str, object]:
    return {"token": F("token") + 1, "worker": worker_name(), "lease_until": lease_end(), "not_before": None}


def held_run(run: Run) -> QuerySet[Run]:
    """This run, if the token with which it was claimed still holds it."""
    return Run.objects.filter(pk=run.pk, token=run.token, status=Run.Status.IN_PROGRESS)


def held_part(part: Part) -> QuerySet[Part]:
    """This part, if its token still holds it and its run goes on within its time."""
    limit = timedelta(seconds=settings.RUN_TIME_LIMIT_SECONDS)
    return part.held_by(part.token).filter(run__started_at__gt=Now() - limit)


def run_held_through(row: Run | Part) -> QuerySet[Run]:
    """The run that a claimed row belongs to, while the claim stands. A worker that lost it changes nothing."""
    if isinstance(row, Run):
        return held_run(row)
    return Run.objects.filter(pk__in=row.held_by(row.token).values("run"), status=Run.Status.IN_PROGRESS)


def give_back(row: Run | Part, *, after_seconds: float) -> None:
    """Let any worker claim the row again, after a back-off."""
    held = held_run(row) if isinstance(row, Run) else row.held_by(row.token)
    held.update(lease_until=None, not_before=Now() + timedelta(seconds=after_seconds))


class Heartbeat:
    """Renews a lease from its own thread; when that fails, sets `stopped` and calls what was registered to stop the work.

    It beats once a second, so that a cancelled run stops its workers within two.
    """

    def __init__(self, held: Callable[[], QuerySet[Any]], progress: Callable[[], dict[str, int]] = dict) -> None:
        self._held, self._progress = held, progress
        self._finished = threading.Event()
        self.stopped = threading.Event()
        self._when_lost = ExitStack()
        self._thread = threading.Thread(target=copy_context().run, args=(self._beat,), name="heartbeat", daemon=True)

    def on_lost(self, stop: Callable[[], None]) -> None:
        self._when_lost.callback(stop)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finished.set()
        self._thread.join()
        if self.stopped.is_set() and kind is not LeaseLost:
            raise LeaseLost from error

    def check(self) -> None:
        if self.stopped.is_set():
            raise LeaseLost

    def _beat(self) -> None:
        interval = min(1.0, settings.LEASE_SECONDS / 4)
        missed = 0.0
        try:
            while not self._finished.wait(interval):
                missed = 0.0 if (renewed := self._renew()) else missed + interval
                if renewed is False or missed >= settings.LEASE_SECONDS:
                    self.stopped.set()
                    self._when_lost.close()
                    return
        finally:
            connection.close()

    def _renew(self) -> bool | None:
        """True: renewed. False: no longer ours. None: the database could not be asked; the lease still runs for a while."""
        try:
            return bool(self._held().update(lease_until=lease_end(), **self._progress()))
        except DatabaseError as error:
            logger.warning("The heartbeat could not reach the database: %s", type(error).__name__)
            connection.close()
            return None
