"""Organizations, their users, and the roles that users have in them."""

import uuid

from django.contrib.auth.models import AbstractUser, Group
from django.db import models

from accounts.roles import PERMISSIONS


class Organization(models.Model):
    """The tenant. Its id is the UDM's `ccid`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.SlugField(unique=True, help_text="Short name for command lines and sign-in: letters, digits and hyphens.")
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    class Notices(models.TextChoices):
        ALL = "all", "everything"
        PROBLEMS = "problems", "everything but that a run completed"
        NONE = "none", "nothing"

    notices = models.CharField(
        max_length=20,
        choices=Notices.choices,
        default=Notices.ALL,
        help_text="What the user is told by e-mail of their jobs and organizations.",
    )
    organizations = models.ManyToManyField(Organization, through="Membership", related_name="users")

    def default_organization(self) -> Organization | None:
        """The organization that the user joined first."""
        return self.organizations.order_by("membership__joined_at", "membership__id").first()


class Membership(models.Model):
    """A user in an organization, with the roles (Django groups, accounts/roles.py) that hold there."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    roles = models.ManyToManyField(Group, blank=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_user")]
        permissions = tuple(PERMISSIONS.items())

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"
