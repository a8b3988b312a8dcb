"""What somebody has seen a rule would do: without one, no rule is switched to enforce or shortened in the admin or the console."""

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from retention.models.rule import Rule


class Preview(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="retention_previews")
    rule = models.ForeignKey(Rule, null=True, blank=True, on_delete=models.CASCADE, related_name="previews")
    terms = models.JSONField(help_text="Of the rule as it was previewed, but for its mode.")
    exact = models.BooleanField(help_text="Counted, not estimated.")
    figures = models.JSONField(help_text="What it showed.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"preview of {self.rule or self.terms}"
