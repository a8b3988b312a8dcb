"""System checks of the export app (`python manage.py check`)."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def heartbeat_fits_lease(**kwargs: Any) -> list[CheckMessage]:
    """exports.E001: a poll that is rarer than the lease delays take-over beyond it."""
    if settings.POLL_SECONDS > settings.LEASE_SECONDS:
        return [
            Error(
                f"STRONGROOM_POLL_SECONDS ({settings.POLL_SECONDS}) is more than STRONGROOM_LEASE_SECONDS ({settings.LEASE_SECONDS}).",
                hint="Poll at least once a lease: a dead worker's run is taken over only when somebody looks.",
                id="exports.E001",
            )
        ]
    return []


@register()
def public_url_is_one(**kwargs: Any) -> list[CheckMessage]:
    """exports.E002: links in e-mails must lead somewhere."""
    if settings.PUBLIC_URL and not settings.PUBLIC_URL.startswith(("https://", "http://")):
        return [
            Error(
                "STRONGROOM_PUBLIC_URL must begin with https:// (or http://).",
                hint="It is where people reach the console, e.g. https://strongroom.example.org.",
                id="exports.E002",
            )
        ]
    return []


@register(deploy=True)
def shared_services(**kwargs: Any) -> list[CheckMessage]:
    """exports.W001: SQLite as Strongroom's own database serves one machine only."""
    if settings.PRODUCTION and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return [
            Warning(
                "Strongroom's own database is SQLite, which serves one machine only.",
                hint="Set STRONGROOM_DATABASE_URL to a PostgreSQL database.",
                id="exports.W001",
            )
        ]
    return []
