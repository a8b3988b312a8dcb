"""Wake-up calls. What is to be done stands in the database; a lost or doubled message changes nothing."""

import logging
from functools import partial

from celery import current_app, shared_task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


@shared_task(name="exports.look")
def look() -> None:
    """Start due slots, then work until nothing is left to claim."""
    # Imported here: the engine's libraries start threads, which must not exist in the parent when Celery forks.
    from exports.services.work import run_until_idle

    run_until_idle(on_planned=_wake_others)


@shared_task(name="exports.deliver")
def deliver() -> None:
    """Tell those who want to know what happened."""
    from exports.services.delivering import deliver_due

    deliver_due()


@shared_task(name="exports.tidy")
def tidy() -> None:
    """Remove what is over: files, leftovers of stale attempts, dead tokens. Announce what soon will be. Read back a sample of what is stored."""
    from accounts.services.tokens import forget_expired
    from exports.services.tidying import tidy_up

    tidy_up()
    forget_expired()


def wake() -> None:
    """Call a worker once the current transaction is committed."""
    transaction.on_commit(send)


def wake_delivery() -> None:
    """The same for notices."""
    transaction.on_commit(partial(send, "exports.deliver"))


def _wake_others(parts: int) -> None:
    """A planned run has so many parts: this worker takes one, others may take the rest."""
    for _ in range(min(parts - 1, 16)):
        send()


def send(task: str = "exports.look") -> None:
    try:
        current_app.send_task(task, ignore_result=True, expires=settings.LEASE_SECONDS, retry=False)
    except OperationalError as error:
        logger.warning("No wake-up was sent, the next poll finds the work: %s", error)
