"""A worker process for the fault tests: it works until it dies, is killed, or stops for ever at a step.

`FAULT` is `kill STEP` or `sleep STEP` (a process that is stopped beyond its lease), or `drop STEP`: its connections to the source are
ended by the server. `FAULT_AFTER` lets it come to the step so many times before. `BATCH_LINES`: the lines of a restore's batch.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import django
from django.db import OperationalError

logger = logging.getLogger(__name__)
DROPPED = "dropped"
"""The file in DATA that says that a connection was ended."""


def main() -> None:
    django.setup()
    from retention.services import restoring, steps
    from retention.services.work import run_until_idle

    restoring.BATCH_LINES = int(os.environ.get("BATCH_LINES", restoring.BATCH_LINES))
    if fault := os.environ.get("FAULT"):
        steps.observer = _observer(*fault.split())
    while True:
        try:
            run_until_idle()
        except OperationalError:  # the Celery task fails too, and the next tick calls a worker again
            logger.exception("The database did not answer in time")
        time.sleep(0.1)


def _observer(fault: str, step: str) -> Callable[[str], None]:
    left = int(os.environ.get("FAULT_AFTER", "0"))

    def observe(reached: str) -> None:
        nonlocal left
        if reached == step:
            left -= 1
            if left == -1:
                _FAULTS[fault]()

    return observe


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _sleep() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _drop() -> None:
    """The server ends every connection to the source's database but the one that asks it to. That it did is written into DROPPED."""
    import sqlalchemy as sa

    from exports.models import Source

    url = sa.make_url(Source.objects.get().url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if url.get_backend_name() == "postgresql":
            asked = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            ended = len(connection.execute(sa.text(asked)).all())
        else:
            asked = "select id from information_schema.processlist where db = database() and id <> connection_id()"
            numbers = connection.execute(sa.text(asked)).scalars().all()
            for number in numbers:
                connection.exec_driver_sql(f"KILL {number:d}")
            ended = len(numbers)
    if ended:
        Path(os.environ["DATA"], DROPPED).touch()


_FAULTS = {"kill": _kill, "sleep": _sleep, "drop": _drop}
