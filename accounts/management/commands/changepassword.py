import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.models import User
from accounts.services.audit import Secret, by_command, record, trails_of


class Command(changepassword.Command):
    """Django's own, audited. Its questions wait for a person, which no transaction may: the entry follows the change at once."""

    def handle(self, *args: Any, **options: Any) -> str:
        said = super().handle(*args, **options)
        user = User.objects.get(username=options["username"] or getpass.getuser())
        with by_command("changepassword"):
            for organization in trails_of(user):
                record("user.change-password", user, organization=organization, user=None, after={"password": Secret("changed")})
        return said or ""
