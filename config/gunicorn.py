"""Gunicorn's settings (`gunicorn --config config/gunicorn.py config.wsgi`). HOST and PORT say where it listens."""

import os
from typing import Any

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "gthread"
threads = 8
graceful_timeout = 3  # seconds for open requests at a stop: less than the supervisor's patience
control_socket_disable = True
loglevel = "warning"


def post_worker_init(worker: Any) -> None:
    """The application is loaded and the socket open: say where it answers, and who may sign in."""
    from exports.services.demo import sign_in_hint

    print(f"Strongroom answers at http://{bind.replace('127.0.0.1', 'localhost')}/\n{sign_in_hint()}", flush=True)  # noqa: T201 for people
