"""What an organization decides for all of its retention."""

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.models import Organization
from accounts.secrets import EncryptedTextField


class RetentionSettings(models.Model):
    """Hours are of `timezone`. A purge works only while the window is open: [window_start, window_end), over midnight if it ends first."""

    class Misfire(models.TextChoices):
        NONE = "none", "days that were missed are not made up for"
        ONCE = "once", "the latest missed day runs once"

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="retention_settings")
    timezone = models.CharField(max_length=60, default="UTC")
    daily_at = models.TimeField(default=time(1), help_text="When the rules run, once a day.")
    window_start = models.TimeField(default=time(1), help_text="When retention jobs and purges may begin to work.")
    window_end = models.TimeField(
        default=time(5), help_text="When they stop beginning batches. The same as the start: they may always work."
    )
    misfire = models.CharField(max_length=10, choices=Misfire.choices, default=Misfire.ONCE)
    most_rows = models.PositiveBigIntegerField(
        default=1_000_000, help_text="So many rows of a dataset may go in a day without somebody's approval."
    )
    most_percent = models.PositiveSmallIntegerField(
        default=25,
        validators=[MaxValueValidator(100)],
        help_text="So much of a dataset, per cent of its rows, may go in a day without approval.",
    )
    batch_rows = models.PositiveIntegerField(
        default=5_000, validators=[MinValueValidator(1), MaxValueValidator(50_000)], help_text="Rows that a batch deletes at most."
    )
    target_ms = models.PositiveIntegerField(
        default=100, validators=[MinValueValidator(10), MaxValueValidator(5_000)], help_text="How long a batch should hold its locks."
    )
    lock_timeout_ms = models.PositiveIntegerField(
        default=2_000,
        validators=[MinValueValidator(10), MaxValueValidator(60_000)],
        help_text="How long a batch waits for a lock of somebody else's.",
    )
    pause_ms = models.PositiveIntegerField(default=10, validators=[MaxValueValidator(60_000)], help_text="Rest between batches.")
    restore_key = EncryptedTextField(
        blank=True,
        default="",
        help_text="Private key (PEM) of a certificate that files are sealed for, if rows may be restored without uploading them.",
    )

    class Meta:
        verbose_name = "retention settings"
        verbose_name_plural = "retention settings"

    def __str__(self) -> str:
        return f"retention settings of {self.organization}"
