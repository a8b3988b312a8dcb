"""The daily run of an organization's rules: one row a day, so that it happens once however many ask."""

from typing import Any

from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from exports.models.run import Claimable


def _nothing() -> dict[str, Any]:
    return {}


class Day(Claimable):
    class Status(models.TextChoices):
        RUNNING = "running", "runs"
        COMPLETED = "completed", "completed"
        SKIPPED = "skipped", "did not run"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="retention_days")
    day = models.DateField(help_text="In the organization's time zone.")
    slot = models.DateTimeField(help_text="When it was due; ages are counted from here.")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.RUNNING)
    message = models.TextField(blank=True)
    ordered_at = models.DateTimeField(null=True, blank=True, help_text="When what its rules ask for had been ordered.")
    summary = models.JSONField(default=_nothing, blank=True)
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "day"], name="one_retention_run_per_day")]

    def __str__(self) -> str:
        return f"{self.day} of {self.organization}"
