"""What the run of a retention job extracts, and the keys that it captures meanwhile. retention/ makes these jobs; nobody else does."""

from django.db import models

from exports.models.job import Job
from exports.models.run import Part
from exports.models.source import Dataset


def _no_names() -> list[str]:
    return []


class Extract(models.Model):
    """The rows of one dataset that belong to the extract: those that keep `where`; below another, those that refer to its rows."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="extracts")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    above = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="below")
    columns = models.JSONField(default=_no_names, blank=True, help_text="Columns that refer to the key of the dataset above, in order.")
    where = models.JSONField(null=True, blank=True, help_text="A predicate (exports/sources/predicates.py).")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "dataset"], name="one_extract_per_dataset")]

    def __str__(self) -> str:
        return f"{self.dataset} for {self.job}"


class Captured(models.Model):
    """Keys and versions of rows that one attempt at a part has read: they count once the part is done by that attempt.

    data: Arrow IPC of the dataset's key columns, the columns that refer to the dataset above, and the version.
    """

    part = models.ForeignKey(Part, on_delete=models.CASCADE, related_name="captured")
    token = models.PositiveIntegerField(help_text="Of the attempt.")
    rows = models.PositiveIntegerField()
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.rows} keys of {self.part}"
