"""Retention rules (cumulocity-retention-rules.md) and each version that they had."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization

ANY = "*"
HIGHEST_AGE = 3650
DOCUMENTED_TYPES = ("ALARM", "AUDIT", "EVENT", "MEASUREMENT", "OPERATION")
TERMS = ("data_type", "fragment_type", "type", "source", "maximum_age", "mode", "archive")


class Rule(models.Model):
    """Rows of the datasets named `data_type` that are older than `maximum_age` days and match the three other fields; `*` matches all."""

    class Mode(models.TextChoices):
        OFF = "off", "off: nothing happens"
        SIMULATE = "simulate", "simulate: it is counted what would go"
        ENFORCE = "enforce", "enforce: what matches goes"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="retention_rules")
    data_type = models.CharField(max_length=100, default=ANY)
    fragment_type = models.CharField(max_length=200, default=ANY, help_text="A top-level name in the row's document.")
    type = models.CharField(max_length=200, default=ANY, help_text="The row's sub-type.")
    source = models.CharField(max_length=200, default=ANY, help_text="What the row's source column holds.")
    maximum_age = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(HIGHEST_AGE)], help_text="Days.")
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.SIMULATE)
    archive = models.BooleanField(default=True, help_text="Rows are extracted into sealed, verified files before they go.")
    editable = models.BooleanField(default=True, help_text="Whether the API may change or delete it.")
    version = models.PositiveIntegerField(default=1)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who changed it last; it acts with their permissions.",
    )
    asks = models.BooleanField(default=False, help_text="Its next purge asks for approval, whatever the caps: the rule was shortened.")
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        words = [self.data_type, *(f"{name} {value}" for name, value in self._narrowing() if value != ANY)]
        return f"{', '.join(words)} older than {self.maximum_age} days"

    def _narrowing(self) -> list[tuple[str, str]]:
        return [("with", self.fragment_type), ("of type", self.type), ("from", self.source)]

    def terms(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in TERMS}


class RuleVersion(models.Model):
    """What a rule said at one time: what dispositions refer to."""

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    terms = models.JSONField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="one_rule_version_per_number")]

    def __str__(self) -> str:
        return f"{self.rule}, version {self.number}"
