"""What a DataSync job remembers of the rows that it has delivered."""

from django.db import models

from exports.models.job import Job
from exports.models.run import Part


class Delivered(models.Model):
    """One version of a row that a run has delivered and that a later run may read again, in its overlap.

    It counts once its run is complete, when `part` becomes null: what a failed, cancelled or stale attempt noted counts never.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="delivered")
    part = models.ForeignKey(Part, null=True, on_delete=models.CASCADE, related_name="delivered")
    token = models.PositiveIntegerField(help_text="Of the attempt at the part that noted it.")
    key = models.BinaryField(max_length=16, help_text="Hash of the dataset and the row's key.")
    row = models.BinaryField(max_length=16, help_text="Hash of the row as JSON.")
    moment = models.DateTimeField(help_text="When the row had changed.")

    class Meta:
        indexes = [
            models.Index(fields=["job", "key"], name="delivered_by_key"),
            models.Index(fields=["job", "moment"], name="delivered_by_moment"),
        ]

    def __str__(self) -> str:
        return f"a row of {self.job}, changed {self.moment:%Y-%m-%d %H:%M:%S}"
