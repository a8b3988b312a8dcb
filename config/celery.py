"""The Celery application. Celery only wakes workers; what is to be done stands in the database (docs/operations.md)."""

import os
from functools import cached_property
from typing import Any

from celery import Celery, platforms
from celery.apps import beat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Beat(beat.Beat):
    def install_sync_handler(self, service: Any) -> None:
        """On a signal, end; ending writes the schedule. Celery's own handler writes it from within whatever the signal has interrupted."""

        def stop(*_: object) -> None:
            service.stop()
            raise SystemExit

        platforms.signals.update(SIGTERM=stop, SIGINT=stop)


class Application(Celery):
    @cached_property
    def Beat(self) -> Any:  # noqa: N802 Celery's name
        return self.subclass_with_self(Beat)


app = Application("strongroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
