"""What happened and whom it is told: notices (the outbox), webhooks and mail addresses, and the deliveries to them."""

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from accounts.secrets import EncryptedTextField
from exports.models.run import Claimable


class Event(models.TextChoices):
    RUN_COMPLETED = "run.completed", "a run completed"
    RUN_FAILED = "run.failed", "a run failed"
    JOB_SUSPENSION_WARNING = "job.suspension-warning", "a job is about to be suspended"
    JOB_SUSPENDED = "job.suspended", "a job was suspended"
    CERTIFICATE_EXPIRING = "certificate.expiring", "a certificate is about to expire"
    FILES_EXPIRING = "files.expiring", "files are about to expire"
    RETENTION_APPROVAL = "retention.approval-needed", "a purge waits for approval"
    RETENTION_DAY_COMPLETED = "retention.day.completed", "a day's retention rules have run"
    RETENTION_JOB_COMPLETED = "RetentionJobCompleted", "a retention job ended"
    PING = "ping", "a test, sent on request"


def _nothing() -> dict[str, str | int | None]:
    return {}


def _no_events() -> list[str]:
    return []


class Notice(models.Model):
    """One thing that happened. Written in the transaction that makes it true; routed once, to a delivery for each receiver."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False, help_text="What receivers know it by.")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="notices")
    event = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=60, help_text="What it is about: run, job, certificate.")
    subject_id = models.CharField(max_length=64)
    subject_name = models.CharField(max_length=250)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, help_text="Who is told by e-mail.")
    once = models.CharField(
        max_length=60, blank=True, help_text="What is announced at most once of the same subject; empty does not limit."
    )
    facts = models.JSONField(default=_nothing)
    created_at = models.DateTimeField(default=now, db_index=True)
    routed_at = models.DateTimeField(null=True, blank=True, db_index=True, help_text="When its deliveries were made.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "event", "subject_kind", "subject_id", "once"],
                condition=~models.Q(once=""),
                name="one_notice_per_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.subject_name}"

    @property
    def message_id(self) -> str:
        """The header webhook-id."""
        return f"msg_{self.uuid.hex}"


class Webhook(models.Model):
    """Where an organization wants to be told. `previous_secret` signs too until `previous_until`, so that receivers can change over."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=100)
    url = EncryptedTextField(help_text="Such addresses often hold a token. Encrypted at rest.")
    secret = EncryptedTextField(help_text="Signs what is sent. Encrypted at rest, shown once.")
    previous_secret = EncryptedTextField(blank=True, default="")
    previous_until = models.DateTimeField(null=True, blank=True)
    events = models.JSONField(default=_no_events, help_text="Which events are sent.")
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_webhook_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def receiver(self) -> str:
        """Scheme, host and port: the URL without what may be secret in it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class MailAddress(models.Model):
    """An e-mail address that is the organization's rather than a member's, such as a team's."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="mail_addresses")
    address = models.EmailField(max_length=254)
    events = models.JSONField(default=_no_events, help_text="Which events are sent.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "mail addresses"
        constraints = [models.UniqueConstraint(fields=["organization", "address"], name="one_row_per_mail_address")]

    def __str__(self) -> str:
        return self.address


class Delivery(Claimable):
    """One notice on its way to one receiver: a webhook, or else an e-mail address. `token` counts the attempts."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="deliveries")
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    webhook = models.ForeignKey(Webhook, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries")
    address = models.CharField(max_length=254, blank=True)
    resent = models.PositiveIntegerField(default=0, help_text="0 is the first; each time that somebody sends it again has the next number.")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING, db_index=True)
    response_code = models.PositiveIntegerField(null=True, blank=True, help_text="HTTP status of the last answer.")
    response_text = models.TextField(blank=True, help_text="How the last answer began.")
    error = models.TextField(blank=True, help_text="What went wrong at the last attempt, in a sentence.")
    created_at = models.DateTimeField(default=now)
    attempted_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "webhook", "resent"], condition=models.Q(webhook__isnull=False), name="one_delivery_per_webhook"
            ),
            models.UniqueConstraint(
                fields=["notice", "address", "resent"], condition=models.Q(webhook=None), name="one_delivery_per_address"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice} to {self.webhook or self.address}"
