"""Reading the audit trail: an organization's own entries, filtered, newest first, and as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import AuditEntry
from accounts.models.audit import canonical
from accounts.roles import READ_AUDIT
from accounts.services.access import Access
from accounts.services.audit import record

COLUMNS = (
    *("organization", "number", "at", "actorId", "actor", "action", "targetKind", "targetId", "targetLabel"),
    *("before", "after", "address", "correlationId", "previous", "hash"),
)
_PAGE = 500
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\0", "'")


@dataclass(frozen=True)
class Filters:
    """Empty ones do not filter. `since` ≤ at < `until`."""

    actor: str = ""
    """Name of the user, whatever its case."""
    action: str = ""
    """What actions begin with: `job`, `job.delete`."""
    target: str = ""
    """A kind (`job`), a kind and an id (`job:12`), or part of what the target is called."""
    address: str = ""
    correlation_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def listing(access: Access, filters: Filters, *, older_than: int | None = None) -> QuerySet[AuditEntry]:
    """The organization's entries, the newest first. `older_than`: only those with a lower number. Raises Denied."""
    access.need(READ_AUDIT)
    chosen = Q(action__startswith=filters.action)
    if filters.actor:
        chosen &= Q(actor__iexact=filters.actor)
    if filters.target:
        chosen &= _target(filters.target)
    if filters.address:
        chosen &= Q(address=filters.address)
    if filters.correlation_id:
        chosen &= Q(correlation_id=filters.correlation_id)
    if filters.since:
        chosen &= Q(at__gte=filters.since)
    if filters.until:
        chosen &= Q(at__lt=filters.until)
    if older_than is not None:
        chosen &= Q(number__lt=older_than)
    return AuditEntry.objects.of(access.organization).filter(chosen).order_by("-number")


def view(entry: AuditEntry) -> dict[str, Any]:
    """An entry as the API gives it: what is hashed, and the hash."""
    return {**entry.facts(), "hash": entry.hash}


def download(access: Access, filters: Filters, *, older_than: int | None = None, size: int | None = None) -> Iterator[str]:
    """The entries as CSV (RFC 4180), a piece at a time; all of them unless `size` says how many. It is itself recorded. Raises Denied."""
    entries = _streamed(listing(access, filters, older_than=older_than), size)
    shown = {name: value for name, value in asdict(filters).items() if value}
    record("audit.download", access.organization, organization=access.organization, user=access.user, after=shown)
    return _lines(entries)


def cell(value: object) -> str:
    """Text for a spreadsheet. What a spreadsheet could take for a formula, and what begins with an apostrophe, gets one in front:
    take away the first apostrophe of a cell that has one, and it is as it was.
    """
    text = canonical(value) if isinstance(value, dict) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_RISKY) else text


def _target(text: str) -> Q:
    kind, colon, identity = text.partition(":")
    if colon and kind and identity:
        return Q(target_kind=kind, target_id=identity) | Q(target_label__icontains=text)
    return Q(target_kind=text) | Q(target_label__icontains=text)


def _streamed(rows: QuerySet[AuditEntry], size: int | None) -> Iterator[AuditEntry]:
    """Page by page, so that memory does not grow with the trail, and no cursor stays open while a slow client reads."""
    left, after = size, Q()
    while left is None or left > 0:
        page = list(rows.filter(after)[: _PAGE if left is None else min(left, _PAGE)])
        if not page:
            return
        yield from page
        after = Q(number__lt=page[-1].number)
        left = None if left is None else left - len(page)


def _lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS)
    for entry in entries:
        values = view(entry)
        writer.writerow([cell(values[name]) for name in COLUMNS])
        if line.tell() > 65_536:
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()
