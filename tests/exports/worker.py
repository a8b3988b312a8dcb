"""A worker process for crash tests: what the Celery task does, in a loop."""

import logging
import time

import django
from django.db import OperationalError

logger = logging.getLogger(__name__)


def main() -> None:
    django.setup()
    from exports.services.work import run_until_idle

    while True:
        try:
            run_until_idle()
        except OperationalError:  # the Celery task fails too, and the next tick calls a worker again
            logger.exception("The database did not answer in time")
        time.sleep(0.1)
