import shlex
from datetime import datetime
from typing import Self

from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from exports.models.run import Part, Run


class FileQuerySet(models.QuerySet["File"]):
    def listed(self) -> Self:
        """The files that exist for users: of completed runs, neither deleted nor expired."""
        return self.filter(run__status=Run.Status.COMPLETED, deleted_at=None, expires_at__gt=now())


def _nobody() -> list[str]:
    return []


class File(models.Model):
    """One sealed file. The row is written after the stored bytes were read back and compared with `sha256`."""

    class Removal(models.TextChoices):
        EXPIRED = "expired", "its days were over"
        DELETED = "deleted", "somebody deleted it"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="files")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files")
    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=200, help_text="What users see and download, e.g. Interaction-42.zip.p7m.")
    member = models.CharField(max_length=200, help_text="Name inside the zip, e.g. Interaction-42.json.")
    storage_key = models.CharField(max_length=500, unique=True)
    rows = models.BigIntegerField()
    size = models.BigIntegerField(help_text="Sealed bytes.")
    sha256 = models.CharField(max_length=64, help_text="Of the sealed bytes, in hex.")
    plain_size = models.BigIntegerField(help_text="Bytes of the file inside the zip.")
    zip_sha256 = models.CharField(
        max_length=64, help_text="Of the zip that the envelope holds, in hex: what `sha256sum` says of the decrypted file."
    )
    recipients = models.JSONField(default=_nobody, help_text="SHA-256 fingerprints of the certificates that can open it.")
    profile = models.CharField(max_length=20, help_text="How it is sealed: enveloped-data or authEnveloped-data.")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    removal = models.CharField(max_length=20, blank=True, choices=Removal.choices, help_text="Why it is gone, once that is decided.")
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="When its stored bytes were removed.")
    checked_at = models.DateTimeField(default=now, help_text="When the stored bytes were last read back and compared.")
    damaged_at = models.DateTimeField(null=True, blank=True, help_text="When they were found to differ from `sha256`.")

    objects = FileQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_file_per_name")]

    def __str__(self) -> str:
        return self.name

    def is_available(self, at: datetime) -> bool:
        return self.run.status == Run.Status.COMPLETED and self.deleted_at is None and at < self.expires_at

    @property
    def decrypt_command(self) -> str:
        """What opens the file, to be pasted into a shell beside it; KEY.pem stands for the user's private key."""
        sealed, zipped = shlex.quote(self.name), shlex.quote(self.name.removesuffix(".p7m"))
        return f"openssl cms -decrypt -binary -inform DER -in {sealed} -inkey KEY.pem -out {zipped} && unzip {zipped}"
