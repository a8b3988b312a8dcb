"""When an organization's retention may work: its job window, in its time zone."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts.models import Organization
from retention.models import RetentionSettings


def settings_of(organization: Organization) -> RetentionSettings:
    """The organization's, or the defaults, not saved, if it has never changed them."""
    return RetentionSettings.objects.filter(organization=organization).first() or RetentionSettings(organization=organization)


def is_open(settings: RetentionSettings, at: datetime) -> bool:
    """Whether batches may begin. A window that starts and ends at the same time is always open."""
    start, end, now = settings.window_start, settings.window_end, at.astimezone(ZoneInfo(settings.timezone)).time()
    if start == end:
        return True
    return start <= now < end if start < end else now >= start or now < end


def next_open(settings: RetentionSettings, at: datetime) -> datetime:
    """`at` itself while the window is open, else when it opens next."""
    return at if is_open(settings, at) else _next(settings, settings.window_start, at)


def closes_at(settings: RetentionSettings, at: datetime) -> datetime | None:
    """When the window that is open at `at` closes; None if it never does."""
    return None if settings.window_start == settings.window_end else _next(settings, settings.window_end, at)


def _next(settings: RetentionSettings, when: time, at: datetime) -> datetime:
    """The first moment after `at` at which clocks there show `when`; one that a change of clocks leaves out is the next that there is."""
    zone = ZoneInfo(settings.timezone)
    today = at.astimezone(zone).date()
    moments = (datetime.combine(today + timedelta(days=days), when, zone).astimezone(UTC) for days in range(3))
    return next(moment for moment in moments if moment > at)
