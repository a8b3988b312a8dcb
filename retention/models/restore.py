"""A restore: rows of a disposition that come back from its extract; and its batches, which are its ledger.

It is claimed as runs are (exports/models/run.py): a lease with a heartbeat, and a token that fences off whoever lost it.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from exports.models import File
from exports.models.run import Claimable
from retention.models.disposition import Disposition
from retention.models.hold import Hold


def _nothing() -> dict[str, Any]:
    return {}


def _none() -> list[int]:
    return []


class Restore(Claimable):
    class Status(models.TextChoices):
        RECEIVING = "receiving", "decrypted parts are being stored"
        PENDING = "pending", "waits for a worker"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"

    WORKABLE = (Status.PENDING, Status.IN_PROGRESS)
    ACTIVE = (Status.RECEIVING, *WORKABLE)

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="restores")
    disposition = models.ForeignKey(Disposition, on_delete=models.PROTECT, related_name="restores")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING, db_index=True)
    uploads = models.JSONField(
        default=_nothing,
        blank=True,
        help_text="By the name of each file that rows come from: the storage key of its decrypted zip; empty if it is decrypted here.",
    )
    uploads_removed_at = models.DateTimeField(
        null=True, blank=True, help_text="When its uploads, if it had any, were removed from the storage."
    )
    holds = models.ManyToManyField(Hold, blank=True, related_name="+", help_text="What keeps the rows from the next sweep.")
    restored = models.JSONField(default=_nothing, blank=True, help_text="Rows that came back, per dataset.")
    conflicts = models.JSONField(default=_nothing, blank=True, help_text="Rows of which something is to be said, per dataset and reason.")
    attempts = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["disposition"],
                condition=models.Q(status__in=["receiving", "pending", "in_progress"]),
                name="one_active_restore_per_disposition",
            ),
        ]

    def __str__(self) -> str:
        return f"restore {self.pk} of {self.disposition}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE


class RestoreBatch(models.Model):
    """One transaction at the source: the lines `start` … `stop` of a file. Its outcome is the ledger.

    `committing`: the outcome is written down, and the source is about to commit. After a crash the same lines are inserted again, and those
    of `planned` that are there already are not conflicts: this restore has brought them back.
    """

    class Status(models.TextChoices):
        COMMITTING = "committing"
        DONE = "done"

    restore = models.ForeignKey(Restore, on_delete=models.CASCADE, related_name="batches")
    file = models.ForeignKey(File, on_delete=models.PROTECT, related_name="+")
    start = models.PositiveBigIntegerField(help_text="Number of the first line, from 0.")
    stop = models.PositiveBigIntegerField(help_text="Number after the last line.")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.COMMITTING)
    planned = models.JSONField(default=_none, help_text="Until it is done: the numbers of the lines that will have been inserted.")
    restored = models.PositiveIntegerField(default=0, help_text="Rows that came back.")
    conflicts = models.JSONField(default=_nothing, help_text="Rows per reason.")
    examples = models.JSONField(default=_nothing, help_text="A few of them, per reason: their keys, and the columns that differ.")

    class Meta:
        verbose_name_plural = "restore batches"
        constraints = [models.UniqueConstraint(fields=["restore", "file", "start"], name="one_restore_batch_per_start")]

    def __str__(self) -> str:
        return f"lines {self.start} to {self.stop} of {self.file} for {self.restore}"
