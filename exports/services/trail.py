"""What exports write into the audit trail. In every transaction the entry comes last (accounts/services/audit.py says why)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.models import Model

from accounts.services.access import Access
from accounts.services.audit import record, values_of
from exports.models import Job

JOB = (
    *(
        "title",
        "description",
        "owner",
        "source",
        "dataset",
        "kind",
        "media",
        "filters",
        "export_attachments",
        "all_time",
        "date_from",
        "date_to",
    ),
    *("file_split_size", "format", "immediately", "cron", "timezone", "runs_limit", "start_date", "suspended", "next_slot"),
    *("misfire", "failures", "suspended_because"),
    *("watermark", "sync_from", "lag_seconds", "overlap_seconds"),
    *("cancelled_at", "deleted_at"),
)
FILE = ("name", "run", "rows", "size", "sha256", "expires_at")
CERTIFICATE = ("name", "subject", "fingerprint", "profile", "key_kind", "key_bits", "not_after", "is_primary", "is_active")

WEBHOOK = ("name", "url", "secret", "events", "is_active")
MAIL_ADDRESS = ("address", "events")


def tell(
    access: Access, action: str, target: Model, *, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
) -> None:
    record(action, target, organization=access.organization, user=access.user, before=before, after=after)


@contextmanager
def changing(access: Access, action: str, job: Job, **more: Any) -> Iterator[None]:
    """Record what becomes of the job within. `more` is told beside its fields."""
    before = values_of(job, JOB)
    yield
    tell(access, action, job, before=before, after=values_of(job, JOB) | more)
