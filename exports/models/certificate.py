from django.conf import settings
from django.db import models

from accounts.models import Organization


class Certificate(models.Model):
    """An X.509 certificate that files are sealed for. New files are sealed for every active one of the organization."""

    class Profile(models.TextChoices):
        STANDARD = "standard", "standard (AES-256-CBC, RSA-OAEP)"
        AUTHENTICATED = "authenticated", "authenticated (AES-256-GCM, RSA-OAEP)"
        SMIME = "smime", "smime (AES-256-CBC, PKCS#1 v1.5: old mail clients)"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="certificates")
    name = models.CharField(max_length=200)
    pem = models.TextField()
    profile = models.CharField(max_length=20, choices=Profile.choices, default=Profile.STANDARD)
    is_primary = models.BooleanField(default=False, help_text="The one that the UDM's /cipher shows and replaces.")
    is_active = models.BooleanField(default=True)
    subject = models.CharField(max_length=500)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the DER form, in hex.")
    key_bits = models.PositiveIntegerField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization"], condition=models.Q(is_primary=True), name="one_primary_certificate"),
        ]

    def __str__(self) -> str:
        return self.name
