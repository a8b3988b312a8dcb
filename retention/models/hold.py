"""Legal holds: what they cover is not purged while they stand."""

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Organization
from exports.models import Dataset


class HoldQuerySet(models.QuerySet["Hold"]):
    def standing(self, at: datetime) -> Self:
        """Those that keep rows at that moment: placed, begun, not ended, not released. One that is not in force yet keeps rows already."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at, released_at=None)


def _no_keys() -> list[list[Any]]:
    return []


class Hold(models.Model):
    """Rows of a dataset: those that keep `criteria` (an OData filter; empty covers all), or those with `keys`.

    `in_force_at` is set once every batch that began before the hold was placed has ended: from then on nothing that it covers goes.
    """

    class Origin(models.TextChoices):
        PLACED = "placed", "somebody placed it"
        RESTORE = "restore", "rows were restored"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="holds")
    matter = models.CharField(max_length=200, help_text="The case or file that asks for it.")
    reason = models.TextField()
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="holds")
    criteria = models.TextField(
        blank=True, help_text="An OData filter over the dataset; empty covers all of its rows, unless keys are given."
    )
    keys = models.JSONField(default=_no_keys, blank=True, help_text="Keys of the rows, each a list of the values of the key columns.")
    where = models.JSONField(null=True, editable=False, help_text="The criteria or keys as they were understood; null covers all rows.")
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.PLACED)
    starts_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField(null=True, blank=True)
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField(default=now)
    waits_for = models.JSONField(
        null=True, editable=False, help_text="Ids of the batches that were under way once it stood; null: nobody has looked yet."
    )
    in_force_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    release_reason = models.TextField(blank=True)

    objects = HoldQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.matter} on {self.dataset}"
