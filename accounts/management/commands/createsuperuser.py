from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.db.models import Max

from accounts.models import User
from accounts.services.audit import by_command, record, values_of


class Command(createsuperuser.Command):
    """Django's own, audited. Its questions wait for a person, which no transaction may: the entry follows the user at once."""

    def handle(self, *args: Any, **options: Any) -> None:
        latest = User.objects.aggregate(pk=Max("pk"))["pk"] or 0
        super().handle(*args, **options)
        with by_command("createsuperuser"):
            for user in User.objects.filter(pk__gt=latest, is_superuser=True):
                record("user.create", user, organization=None, user=None, after=values_of(user, ["username", "email", "is_superuser"]))
