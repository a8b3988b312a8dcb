import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.text import slugify

from accounts.models import Organization, User
from accounts.services.audit import by_command, record, values_of
from accounts.services.people import UnknownRole, join


class Command(BaseCommand):
    help = "Make a user of an organization with a role; the organization too, if it is new. For a user who exists, adds the role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The user's name.")
        parser.add_argument(
            "--organization", required=True, help="Key of the organization, made if it is new: letters, digits and hyphens."
        )
        parser.add_argument("--role", action="append", required=True, help="For example Administrator or 'Data exporter'; may be repeated.")
        parser.add_argument("--email", default="", help="For password resets.")
        parser.add_argument(
            "--password-stdin", action="store_true", help="Read the password from standard input; without it, a terminal is asked."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if slugify(options["organization"]) != options["organization"]:
            raise CommandError("--organization must be a key of small letters, digits and hyphens, such as acme.")
        with transaction.atomic(), by_command("create_user"):
            user, is_new = self._user(options)
            organization, made = Organization.objects.get_or_create(
                key=options["organization"], defaults={"name": options["organization"].replace("-", " ").capitalize()}
            )
            if made:
                record("organization.create", organization, organization=organization, user=None, after=values_of(organization))
            if is_new:
                record("user.create", user, organization=organization, user=None, after=values_of(user, ["username", "email", "is_active"]))
            try:
                join(user, organization, options["role"])
            except UnknownRole as error:
                raise CommandError(str(error)) from None
        self.stdout.write(f"{'Made' if is_new else 'Found'} user {user}; {', '.join(options['role'])} in {organization}{' (new)' * made}.")

    def _user(self, options: dict[str, Any]) -> tuple[User, bool]:
        found = User.objects.filter(username=options["name"]).first()
        if found:
            return found, False
        user = User(username=options["name"], email=options["email"])
        password = self._password(options)
        try:
            user.full_clean(exclude=["password"])
            if password:
                validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        user.set_password(password or None)
        user.save()
        if not password:
            self.stderr.write(f"{user} has no password and cannot sign in with one; tokens work (issue_token).")
        return user, True

    @staticmethod
    def _password(options: dict[str, Any]) -> str:
        if options["password_stdin"]:
            return sys.stdin.readline().rstrip("\n")
        return getpass.getpass("Password (empty: none): ") if sys.stdin.isatty() else ""
