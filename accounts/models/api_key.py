"""API keys, as they are stored. Services make, find and revoke them (accounts/services/keys.py)."""

from datetime import datetime

from django.db import models

from accounts.models.organization import Organization, User


class ApiKey(models.Model):
    """`x-api-key: …`: shown once, stored as a digest, found by its prefix, for named permissions, expiring, revocable."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(
        default=list, editable=False, help_text="The permissions (accounts/roles.py) that it is good for; there is no word for all."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"

    def is_good(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at
