"""Runs and their parts. Both are claimed by workers: a lease with heartbeat, and a token that fences off whoever lost it.

The rows are the queue (docs/operations.md). Every change of a claimed row goes through `held_by(token)`: an UPDATE that
matches no row means that the lease was lost, and the worker stops.
"""

from django.db import models
from django.utils import timezone

from accounts import correlation
from accounts.models import Organization
from exports.models.job import Job
from exports.models.source import Dataset


def _nobody() -> list[int]:
    return []


def _no_names() -> list[str]:
    return []


class Claimable(models.Model):
    """A row that one worker at a time works on. `token` counts the claims, so it numbers the attempts too."""

    token = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="Back-off: not tried again before this moment.")

    class Meta:
        abstract = True


class Run(Claimable):
    class Status(models.TextChoices):
        PENDING = "pending"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        FAILED = "failed"
        ERRORED = "errored"
        CANCELLED = "cancelled"
        SKIPPED = "skipped"

    ACTIVE = (Status.PENDING, Status.IN_PROGRESS)

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="runs")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="runs")
    slot = models.DateTimeField(help_text="The moment that the schedule named; unique for the job.")
    first_slot = models.DateTimeField(
        null=True, blank=True, help_text="Of a record of slots that did not run: the first; `slot` is the last."
    )
    slot_count = models.PositiveIntegerField(default=1, help_text="Of a record of slots that did not run: how many.")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING, db_index=True)
    since = models.DateTimeField(null=True, blank=True, help_text="Of a DataSync: from when on changes are read; null = the beginning.")
    cutoff = models.DateTimeField(
        null=True, blank=True, help_text="Rows at or after this moment belong to a later run; frozen at the start."
    )
    snapshot = models.CharField(max_length=100, blank=True, help_text="Name of the source's exported snapshot, while it lives.")
    rows_total = models.BigIntegerField(null=True, blank=True)
    recipients = models.JSONField(default=_nobody, help_text="Ids of the certificates, frozen at the start.")
    planned_at = models.DateTimeField(null=True, blank=True)
    manifest_key = models.CharField(max_length=500, blank=True)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    message = models.TextField(blank=True, help_text="For the owner: what went wrong, in a sentence.")
    traceback = models.TextField(blank=True, help_text="Of a bug, without values.")
    correlation_id = models.CharField(
        max_length=correlation.LENGTH,
        blank=True,
        default=correlation.current,
        help_text="Of the request that started it; one of its own if the schedule did. Its log lines carry it.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    collected_at = models.DateTimeField(null=True, blank=True, help_text="When leftovers of stale attempts were last removed.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "slot"], name="one_run_per_slot")]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.job}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def progress(self) -> int:
        """As progress_at() has it, now."""
        return self.progress_at(self.parts.aggregate(done=models.Sum("rows_done"))["done"] or 0)

    def progress_at(self, rows_done: int) -> int:
        """Per cent, 0 … 100, from row counts; 100 only when completed."""
        if self.status == self.Status.COMPLETED:
            return 100
        return min(99, rows_done * 100 // self.rows_total) if self.rows_total else 0


class Part(Claimable):
    """One unit of work of a run: a key range of one dataset, read and sealed by one worker from beginning to end."""

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="parts")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    key_after = models.JSONField(null=True, blank=True, help_text="Key of the last row before the range; null = from the first row.")
    key_upto = models.JSONField(null=True, blank=True, help_text="Key of the last row of the range; null = to the last row.")
    rows_done = models.BigIntegerField(default=0)
    suppressed = models.BigIntegerField(default=0, help_text="Of a DataSync: rows that were left out, as they had been delivered.")
    exact = models.BooleanField(default=False, help_text="Read value by value: the fast reader met a column of mixed types.")
    binary = models.JSONField(default=_no_names, blank=True, help_text="Of an extract: the columns whose cells are bytes, in Base64.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "dataset", "number"], name="one_part_per_number")]

    def __str__(self) -> str:
        return f"part {self.number} ({self.dataset}) of run {self.run_id}"

    def held_by(self, token: int) -> "models.QuerySet[Part]":
        """This row, if `token` still holds it and its run goes on."""
        return Part.objects.filter(pk=self.pk, token=token, status=self.Status.RUNNING, run__status=Run.Status.IN_PROGRESS)
