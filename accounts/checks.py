"""System checks of the accounts app (`python manage.py check`)."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register()
def counters_are_shared(**kwargs: Any) -> list[CheckMessage]:
    """accounts.W001: web processes that each count for themselves allow a multiple of every rate limit."""
    processes = os.environ.get("WEB_CONCURRENCY", "1")
    if processes not in {"", "0", "1"} and settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        return [
            Warning(
                f"{processes} web processes (WEB_CONCURRENCY) count requests each in its own memory.",
                hint="Set STRONGROOM_CACHE_URL to a Redis database, so that rate limits hold for all of them together.",
                id="accounts.W001",
            )
        ]
    return []
