"""A restore: rows of a disposition that come back from its extract."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from exports.models.run import Claimable
from retention.models.disposition import Disposition
from retention.models.hold import Hold


def _nothing() -> dict[str, Any]:
    return {}


class Restore(Claimable):
    class Status(models.TextChoices):
        PENDING = "pending", "waits for a worker"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="restores")
    disposition = models.ForeignKey(Disposition, on_delete=models.PROTECT, related_name="restores")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING, db_index=True)
    uploads = models.JSONField(default=_nothing, blank=True, help_text="Storage keys of decrypted parts that were uploaded, by file name.")
    hold = models.ForeignKey(
        Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="What keeps the rows from the next sweep."
    )
    restored = models.JSONField(default=_nothing, blank=True, help_text="Rows that came back, per dataset.")
    conflicts = models.JSONField(default=_nothing, blank=True, help_text="Rows that did not, per dataset and reason, with examples.")
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"restore {self.pk} of {self.disposition}"
