"""Organizations, their users, and the credentials with which clients speak for them."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.contrib.auth.models import AbstractUser, Group
from django.db import models
from django.utils import timezone

from accounts.secrets import matches, new_credential


class Organization(models.Model):
    """The tenant. Its id is the UDM's `ccid`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.SlugField(unique=True, help_text="Short name for command lines and sign-in: letters, digits and hyphens.")
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    organizations = models.ManyToManyField(Organization, through="Membership", related_name="users")

    def default_organization(self) -> Organization | None:
        """The organization that the user joined first."""
        return self.organizations.order_by("membership__joined_at", "membership__id").first()


class Membership(models.Model):
    """A user in an organization, with the roles (Django groups) that hold there."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    roles = models.ManyToManyField(Group, blank=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_user")]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"


class Credential(models.Model):
    """What tokens and API keys have in common: shown once, stored as a digest, found by prefix, expiring, revocable."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"

    @classmethod
    def issue(cls, user: User, organization: Organization, *, lifetime: timedelta | None, name: str = "") -> tuple[Self, str]:
        """Make one. The second value is the credential itself: it is not kept and cannot be shown again."""
        credential, prefix, digest = new_credential()
        expires_at = timezone.now() + lifetime if lifetime else None
        row = cls._default_manager.create(
            organization=organization, user=user, name=name, prefix=prefix, digest=digest, expires_at=expires_at
        )
        return row, credential

    @classmethod
    def find(cls, credential: str) -> Self | None:
        """The valid row that belongs to `credential`, or None."""
        row = cls._default_manager.select_related("user", "organization").filter(prefix=credential.partition(".")[0]).first()
        return row if row and matches(credential, row.digest) and row.is_valid(timezone.now()) else None

    def is_valid(self, now: datetime) -> bool:
        return (
            self.revoked_at is None
            and (self.expires_at is None or now < self.expires_at)
            and self.user.is_active
            and self.user.organizations.filter(pk=self.organization_id).exists()
        )


class AccessToken(Credential):
    """A bearer token: `Authorization: Bearer …`."""


class ApiKey(Credential):
    """An API key: `x-api-key: …`."""
