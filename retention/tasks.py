"""Wake-up calls of retention. What is to be done stands in the database; a lost or doubled message changes nothing."""

from functools import partial

from celery import shared_task
from django.db import transaction

from exports.tasks import send

LOOK = "retention.look"


@shared_task(name=LOOK)
def look() -> None:
    """Start due days and jobs, then work until nothing is left to claim."""
    # Imported here: the engine's libraries start threads, which must not exist in the parent when Celery forks.
    from retention.services.work import run_until_idle

    run_until_idle()


def wake() -> None:
    """Call a worker once the current transaction is committed."""
    transaction.on_commit(partial(send, LOOK))
