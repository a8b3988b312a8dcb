"""What becomes of the rows that refer to a row which goes, for each foreign key that the catalogue shows."""

from django.db import models

from accounts.models import Organization
from exports.models import Dataset


def _no_names() -> list[str]:
    return []


class ForeignKeyPlan(models.Model):
    """An administrator's choice for one foreign key. Without one: `cascade` where the child is a dataset that names this one as its parent, else `skip`."""

    class Action(models.TextChoices):
        CASCADE = "cascade", "cascade: they are extracted and go with it"
        SKIP = "skip", "skip: the row is kept while there are any"
        BLOCK = "block", "block: nothing of the dataset goes while there are any"

    dataset = models.ForeignKey(
        Dataset, on_delete=models.CASCADE, related_name="foreign_key_plans", help_text="Whose rows are referred to."
    )
    schema = models.CharField(max_length=200, blank=True)
    table = models.CharField(max_length=200, help_text="Where the foreign key is.")
    columns = models.JSONField(default=_no_names, help_text="Its columns, in order.")
    action = models.CharField(max_length=10, choices=Action.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "schema", "table", "columns"], name="one_plan_per_foreign_key")]

    def __str__(self) -> str:
        return f"{self.table} ({', '.join(self.columns)}) → {self.dataset}: {self.action}"

    @property
    def organization(self) -> Organization:
        """In whose audit trail its changes belong."""
        return self.dataset.source.organization
