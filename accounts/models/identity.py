"""Who a user is at an OpenID Connect provider."""

from django.db import models

from accounts.models.organization import Organization, User


class Identity(models.Model):
    """`subject` at `issuer` is `user`. These two alone name a person: names and mail addresses can be taken by others."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    organizations = models.ManyToManyField(Organization, blank=True, help_text="Where the provider's claims made the user a member.")
    created_at = models.DateTimeField(auto_now_add=True)
    claims_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When the provider issued the claims followed last.")

    class Meta:
        verbose_name_plural = "identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_user_per_identity")]

    def __str__(self) -> str:
        return f"{self.user} at {self.issuer}"
