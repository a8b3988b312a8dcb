from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from exports.models.source import Dataset, Source


def _no_names() -> list[str]:
    return []


def _no_filters() -> list[dict[str, Any]]:
    return []


class Job(models.Model):
    """What to export, when, and in which shape.

    `next_slot` is the next moment at which a run is due, None when there is none. It is moved by services only, together
    with the django-celery-beat row of the job, in one transaction.
    """

    class Kind(models.TextChoices):
        UCS = "UCS", "time frame"
        DATA_SYNC = "DataSync", "what changed since the last run"
        RETENTION = "Retention", "what retention takes out"

    class Misfire(models.TextChoices):
        """What becomes of slots that nobody started in time."""

        NONE = "none", "they do not run"
        ONCE = "once", "the latest runs once"
        ALL = "all", "each runs"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="jobs")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.UCS)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    media = models.JSONField(default=_no_names, blank=True, help_text="Sub-types to export; empty exports all.")
    filters = models.JSONField(default=_no_filters, blank=True, help_text="Conditions on attributes, all of which a row must keep.")
    export_attachments = models.BooleanField(default=False)
    all_time = models.BooleanField(default=True)
    date_from = models.DateTimeField(null=True, blank=True, help_text="First moment that is in the time frame.")
    date_to = models.DateTimeField(null=True, blank=True, help_text="First moment that is after the time frame.")
    watermark = models.DateTimeField(
        null=True, blank=True, help_text="Of a DataSync: what changed before was delivered. Moved by complete runs, or by hand."
    )
    sync_from = models.DateTimeField(null=True, blank=True, help_text="Of a DataSync: what changed before this moment is not read.")
    lag_seconds = models.PositiveIntegerField(default=0, help_text="Of a DataSync: the newest changes wait so long.")
    overlap_seconds = models.PositiveIntegerField(default=0, help_text="Of a DataSync: so far before the watermark it looks for late ones.")
    file_split_size = models.CharField(max_length=20, blank=True, help_text="As the client wrote it, e.g. 64MB; empty is the default.")
    split_bytes = models.BigIntegerField()
    format = models.CharField(max_length=20, default="jsonl")
    immediately = models.BooleanField(default=False)
    cron = models.CharField(max_length=100, blank=True)
    timezone = models.CharField(max_length=60, default="UTC")
    runs_limit = models.PositiveIntegerField(null=True, blank=True)
    start_date = models.DateTimeField(null=True, blank=True)
    keys_only = models.BooleanField(default=False, help_text="Of a retention job: keys are captured, and no files are written.")
    misfire = models.CharField(max_length=10, choices=Misfire.choices, default=Misfire.ONCE)
    suspended = models.BooleanField(default=False)
    suspended_because = models.TextField(blank=True, help_text="If nobody suspended it but its failures did: the sentence that says so.")
    failures = models.PositiveIntegerField(
        default=0, help_text="Runs that failed in a row, since the last that did not or the last resume."
    )
    cancelled_at = models.DateTimeField(null=True, blank=True)
    next_slot = models.DateTimeField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(default=now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title

    @property
    def schedule_type(self) -> str:
        if self.cron:
            return "cron"
        return "once" if self.start_date else "immediately"
