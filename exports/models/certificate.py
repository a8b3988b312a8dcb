from django.conf import settings
from django.db import models

from accounts.models import Organization

ADVISED_RSA_BITS = 3072


class Certificate(models.Model):
    """An X.509 certificate that files are sealed for. New files are sealed for every active one of the organization."""

    class Profile(models.TextChoices):
        STANDARD = "standard", "standard (AES-256-CBC, RSA-OAEP or ECDH)"
        AUTHENTICATED = "authenticated", "authenticated (AES-256-GCM, RSA-OAEP or ECDH)"
        SMIME = "smime", "smime (AES-256-CBC, PKCS#1 v1.5: old mail clients, RSA only)"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="certificates")
    name = models.CharField(max_length=200)
    pem = models.TextField()
    profile = models.CharField(max_length=20, choices=Profile.choices, default=Profile.STANDARD)
    is_primary = models.BooleanField(default=False, help_text="The one that the UDM's /cipher shows and replaces.")
    is_active = models.BooleanField(default=True)
    subject = models.CharField(max_length=500)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the DER form, in hex.")
    key_kind = models.CharField(max_length=20, default="RSA", help_text="RSA, or the name of the curve.")
    key_bits = models.PositiveIntegerField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    proven_at = models.DateTimeField(null=True, blank=True, help_text="When somebody last proved that they can open what is sealed for it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization"], condition=models.Q(is_primary=True), name="one_primary_certificate"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """`RSA 3072`, `P-256`."""
        return f"RSA {self.key_bits}" if self.key_kind == "RSA" else self.key_kind

    @property
    def is_weak(self) -> bool:
        return self.key_kind == "RSA" and self.key_bits < ADVISED_RSA_BITS


class Challenge(models.Model):
    """A secret that was sealed for a certificate: whoever says it can open files. One answer, right or wrong, uses it up."""

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="challenges")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, help_text="Who asked, and must answer.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the secret, in hex.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["certificate", "user"], name="one_open_challenge")]

    def __str__(self) -> str:
        return f"challenge for {self.certificate}"
