"""Rate limits: how often a user, an organization, or an address without credentials may ask, by minute and by hour.

Counted in Django's cache over fixed windows: one atomic `incr` a counter. (A library such as `limits` would bring a second
storage layer beside Django's for the same three lines.) A request that is refused counts for nothing beyond the counter that
refuses it: a user who floods must not use up what the organization's others may ask.

If the cache cannot be reached the request is served and the failure logged: limits protect the service from its users, not
secrets; sign-in attempts are counted in the database.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WINDOWS = {"minute": 60, "hour": 3600}
"""Their lengths in seconds."""


@dataclass(frozen=True)
class Subject:
    """Who is counted: `kind` is user, organization or address (which settings.LIMITS has limits for)."""

    kind: str
    key: str


@dataclass(frozen=True)
class Standing:
    """How one subject stands in one window after this request. `wait`: seconds until the window ends."""

    window: str
    limit: int
    used: int
    wait: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit


@dataclass(frozen=True)
class Verdict:
    """Empty `standings`: nothing is limited, or nothing could be counted."""

    standings: tuple[Standing, ...] = ()

    @property
    def retry_after(self) -> int | None:
        """Seconds until another try may succeed; None if the request is within its limits."""
        return max((standing.wait for standing in self.standings if standing.is_exceeded), default=None)

    @property
    def sentence(self) -> str:
        return f"Too many requests. Try again in {self.retry_after} seconds."

    def headers(self) -> dict[str, str]:
        """X-RateLimit-*: for each window, of the subject that has the least left there."""
        found = {}
        for window in WINDOWS:
            here = [standing for standing in self.standings if standing.window == window]
            if here:
                tightest = min(here, key=lambda standing: standing.remaining)
                found[f"X-RateLimit-Limit-{window.title()}"] = str(tightest.limit)
                found[f"X-RateLimit-Remaining-{window.title()}"] = str(tightest.remaining)
        return found


def count(subjects: Iterable[Subject]) -> Verdict:
    """Count one request for each subject, in order, until one of them has no more left."""
    try:
        return _count(subjects, timezone.now().timestamp())
    except (RedisError, OSError) as error:
        logger.error("Requests cannot be counted, so none is limited: %s", type(error).__name__)  # noqa: TRY400 the traceback says no more
        return Verdict()


def _count(subjects: Iterable[Subject], now: float) -> Verdict:
    standings: list[Standing] = []
    for subject in subjects:
        for window, seconds in WINDOWS.items():
            if limit := settings.LIMITS[subject.kind][window]:
                number, into = divmod(int(now), seconds)
                key = f"limit:{subject.kind}:{subject.key}:{window}:{number}"
                refused = any(standing.is_exceeded for standing in standings)
                used = cache.get(key, 0) if refused else _increment(key, seconds)
                standings.append(Standing(window, limit, used, seconds - into))
    return Verdict(tuple(standings))


def _increment(key: str, seconds: int) -> int:
    """The count with this request. A counter outlives its window a little: machines' clocks differ."""
    try:
        return cache.incr(key)
    except ValueError:  # there is none yet; of several who find that, one adds it
        return 1 if cache.add(key, 1, timeout=seconds + 60) else cache.incr(key)
