from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Organization, User
from accounts.services import tokens
from accounts.services.audit import by_command


class Command(BaseCommand):
    help = "Print a bearer token for a user. It is shown this once; only its digest is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--organization", help="Key of the organization (default: the one that the user joined first).")
        parser.add_argument("--days", type=int, default=30, help="Days until it expires (default 30).")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = User.objects.get(username=options["username"])
        except User.DoesNotExist:
            raise CommandError(f"There is no user {options['username']!r}.") from None
        if options["days"] < 1:
            raise CommandError("--days must be 1 or more.")
        organization = self._organization(user, options["organization"])
        with by_command("issue_token"):
            token, credential = tokens.issue(user, organization, lifetime=timedelta(days=options["days"]))
        self.stdout.write(credential)
        self.stderr.write(f"Expires {token.expires:%Y-%m-%d %H:%M} UTC; acts for {token.organization.name}.")

    @staticmethod
    def _organization(user: User, key: str | None) -> Organization:
        found = user.organizations.filter(key=key).first() if key else user.default_organization()
        if found is None:
            raise CommandError(f"{user.username!r} does not belong to {key or 'any organization'}; add a membership in the admin.")
        return found
