"""Retention jobs (medchat-create-retention-job.txt): an extract, or an extract and purge, of what criteria choose."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization


def _no_criteria() -> dict[str, str]:
    return {}


def _no_resources() -> list[dict[str, Any]]:
    return []


class RetentionJob(models.Model):
    """`criteria` maps the name of a dataset to an OData filter. What is not named is not touched."""

    class Kind(models.TextChoices):
        EXTRACT = "Extract", "extract"
        EXTRACT_PURGE = "ExtractPurge", "extract and purge"

    class Status(models.TextChoices):
        PENDING = "Pending", "pending"
        IN_PROGRESS = "InProgress", "in progress"
        COMPLETED = "Completed", "completed"
        FAILED = "Failed", "failed"
        CANCELLED = "Cancelled", "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="retention_jobs")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    criteria = models.JSONField(default=_no_criteria, help_text="As they were written.")
    resources = models.JSONField(
        default=_no_resources,
        editable=False,
        help_text="The criteria as they were understood: of each name the id of the dataset, and the predicate.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", help_text="It acts with their permissions."
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING, db_index=True)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status in {self.Status.PENDING, self.Status.IN_PROGRESS}
