"""A worker process for crash tests: what the Celery task does, in a loop."""

import time

import django


def main() -> None:
    django.setup()
    from exports.services.work import run_until_idle

    while True:
        run_until_idle()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
