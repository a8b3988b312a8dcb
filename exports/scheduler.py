"""Beat: django-celery-beat's scheduler, which starts what is due by itself and reads only what it will need soon.

When a job's row is due, the scheduler inserts the pending runs and then calls a worker; that all workers are busy, or that there is
none, delays no slot. The row "look" does the same every POLL_SECONDS, so that whatever was not seen in time is seen then.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import QuerySet
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import SCHEDULE_SYNC_MAX_INTERVAL, DatabaseScheduler, ModelEntry

from exports.services.beat_rows import TASK, is_jobs, note_ticks, rows_until
from exports.services.starting import start_due

logger = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):  # type: ignore[misc] # published without types
    def enabled_models_qs(self) -> "QuerySet[PeriodicTask]":
        """Rows are read at every change, and at least every SCHEDULE_SYNC_MAX_INTERVAL; a tick comes within POLL_SECONDS."""
        return rows_until(timezone.now() + timedelta(seconds=SCHEDULE_SYNC_MAX_INTERVAL + settings.POLL_SECONDS + 60))

    def apply_async(self, entry: ModelEntry, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Called for each row that is due; what it raises, Celery logs. The poll tells a worker even if nothing is due: there may be work."""
        if entry.task == TASK and not start_due(timezone.now()) and is_jobs(entry.name):
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **options)

    def sync(self) -> None:
        """Keep when rows were last due. (The original reads and writes each by itself, and for ever those of jobs that have ended.)"""
        close_old_connections()
        try:
            note_ticks(self._ticked())
        except DatabaseError:
            logger.exception("When rows were last due is not kept yet; it is tried again")
        else:
            self._dirty.clear()

    def _ticked(self) -> Iterator[PeriodicTask]:
        for name in self._dirty:
            if name in (self._schedule or {}):
                yield self._schedule[name].model
