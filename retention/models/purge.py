"""One purge: what goes of one dataset, under one rule or retention job; its frozen keys; its batches, which are the ledger.

A purge is claimed as runs are (exports/models/run.py): a lease with a heartbeat, and a token that fences off whoever lost it.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization, User
from exports.models import Dataset, Run
from exports.models.run import Claimable
from retention.models.job import RetentionJob
from retention.models.rule import Rule


def _nothing() -> dict[str, Any]:
    return {}


class Purge(Claimable):
    class Status(models.TextChoices):
        PENDING = "pending", "waits for the window"
        EXTRACTING = "extracting", "rows are extracted and their keys frozen"
        FREEZING = "freezing", "keys are put in order and hashed"
        AWAITING_APPROVAL = "awaiting_approval", "waits for somebody's approval"
        PURGING = "purging", "rows go, batch by batch"
        COMPLETED = "completed", "completed"
        SIMULATED = "simulated", "counted only"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    ACTIVE = (Status.PENDING, Status.EXTRACTING, Status.FREEZING, Status.AWAITING_APPROVAL, Status.PURGING)
    WORKABLE = (Status.PENDING, Status.EXTRACTING, Status.FREEZING, Status.PURGING)

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="purges")
    rule = models.ForeignKey(Rule, null=True, blank=True, on_delete=models.PROTECT, related_name="purges")
    rule_version = models.PositiveIntegerField(null=True, blank=True)
    job = models.ForeignKey(RetentionJob, null=True, blank=True, on_delete=models.PROTECT, related_name="purges")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="purges")
    slot = models.DateTimeField(help_text="The moment that ages are counted from; one purge per rule, dataset and slot.")
    extract_only = models.BooleanField(default=False, help_text="Nothing is deleted.")
    archive = models.BooleanField(default=True, help_text="Nothing is deleted that is not in a verified file.")
    terms = models.JSONField(help_text="The predicate of the rule or criteria, as it was when the purge was made.")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING, db_index=True)
    run = models.OneToOneField(Run, null=True, blank=True, on_delete=models.PROTECT, related_name="purge", help_text="The extract.")
    plan = models.JSONField(
        default=_nothing, blank=True, help_text="What becomes of the children, per foreign key, as it was when the keys were frozen."
    )
    selected = models.BigIntegerField(null=True, blank=True, help_text="Rows whose keys were frozen; of a simulation, that would be.")
    dataset_rows = models.BigIntegerField(null=True, blank=True, help_text="All rows that the dataset had then.")
    kept = models.JSONField(default=_nothing, blank=True, help_text="Rows that the terms choose and that were not selected, per reason.")
    key_set_sha256 = models.CharField(max_length=64, blank=True)
    asks_because = models.TextField(blank=True, help_text="Why it asked for approval.")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_key_set = models.CharField(max_length=64, blank=True, help_text="The key set that was approved.")
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who asked it to stop."
    )
    batch_rows = models.PositiveIntegerField(
        default=0, help_text="Rows of the next batch: adapted to how long batches take. 0: not yet known."
    )
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "dataset", "slot"], name="one_purge_per_rule_and_slot"),
            models.UniqueConstraint(fields=["job", "dataset"], name="one_purge_per_job_and_dataset"),
            models.CheckConstraint(condition=models.Q(rule=None) ^ models.Q(job=None), name="purge_of_a_rule_or_a_job"),
        ]

    def __str__(self) -> str:
        return f"purge {self.pk} of {self.dataset}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def ordered_by(self) -> Rule | RetentionJob:
        found = self.rule or self.job
        assert found is not None, "the database sees to it that there is one of the two"
        return found

    @property
    def author(self) -> User:
        """With whose permissions it acts."""
        ordered_by = self.ordered_by
        return ordered_by.author if isinstance(ordered_by, Rule) else ordered_by.owner


class KeyChunk(models.Model):
    """Frozen rows in key order: Arrow IPC of key columns, link columns of children, and versions. Never changed."""

    purge = models.ForeignKey(Purge, on_delete=models.CASCADE, related_name="chunks")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="1, 2, 3, … within the dataset; of a child the number of its parents' chunk.")
    rows = models.PositiveIntegerField()
    data = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["purge", "dataset", "number"], name="one_key_chunk_per_number")]

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.purge}"


class Batch(models.Model):
    """One transaction at the source: the frozen rows `start` … `stop` of the purge, in key order. Its outcome is the ledger.

    `deleting` is what placing a hold waits for. `committing`: the outcome is written down and the source is about to commit; after a
    crash, whether its rows are still there says if it did. Counts are derived from outcomes, never incremented.
    """

    class Status(models.TextChoices):
        DELETING = "deleting"
        COMMITTING = "committing"
        DONE = "done"

    purge = models.ForeignKey(Purge, on_delete=models.CASCADE, related_name="batches")
    start = models.PositiveBigIntegerField(help_text="Index of the first row, from 0.")
    stop = models.PositiveBigIntegerField(help_text="Index after the last row.")
    token = models.PositiveIntegerField(help_text="Of the purge's claim that works on it.")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DELETING)
    deleted = models.PositiveIntegerField(default=0, help_text="Rows that went.")
    children = models.JSONField(default=_nothing, help_text="Rows of each child dataset, by its id, that went with them.")
    missing = models.JSONField(
        default=_nothing,
        help_text="By the id of each child dataset: the places, among its frozen rows of the batch, of those that were gone already.",
    )
    kept = models.JSONField(default=_nothing, help_text="By reason: the indices (from `start`) of the rows that were kept.")
    began_at = models.DateTimeField(default=now)
    locked_ms = models.PositiveIntegerField(default=0, help_text="How long it held locks at the source.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "batches"
        constraints = [models.UniqueConstraint(fields=["purge", "start"], name="one_batch_per_start")]

    def __str__(self) -> str:
        return f"rows {self.start} to {self.stop} of {self.purge}"
