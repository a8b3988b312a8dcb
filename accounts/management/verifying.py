"""What the commands that verify chains of entries have in common."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.models import Organization
from accounts.models.audit import NOBODY
from accounts.services.audit_check import TRAIL, Book, Broken, chain_ids, check_chain


class VerifyChains(BaseCommand):
    """Of the audit trail, unless `book`, `missing` and `entries` say otherwise."""

    book: Book = TRAIL
    entries = "entries"
    missing: Callable[[BaseDatabaseWrapper], set[str]]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="KEY", help="Verify this organization's chain only.")
        parser.add_argument(
            "--head", metavar="HASH", action="append", default=[], help="An earlier head that must be there; may be repeated."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {_hash(text) for text in options["head"]}
        faults = [f"The database's guard is not in place: {name} is missing." for name in sorted(self.missing(connection))]
        for chain_id in self._chosen(options["organization"]):
            try:
                walk = check_chain(chain_id, wanted, self.book)
            except Broken as error:
                faults.append(f"{_name(chain_id)}: {error}")
            else:
                wanted = walk.wanted
                self.stdout.write(f"{_name(chain_id)}: {walk.count} {self.entries}, head {walk.hash}")
        faults += [f"No entry has the hash {hash_}: it was removed or changed since." for hash_ in sorted(wanted)]
        if faults:
            raise CommandError("\n".join(faults))

    def _chosen(self, key: str | None) -> list[UUID]:
        if key is None:
            return chain_ids(self.book)
        organization = Organization.objects.filter(key=key).first()
        if organization is None:
            raise CommandError(f"There is no organization {key!r}.")
        return [organization.pk] if organization.pk in chain_ids(self.book) else []


def _hash(text: str) -> str:
    found = text.strip().lower()
    if len(found) != 64 or set(found) - set("0123456789abcdef"):
        raise CommandError(f"--head must be a hash of 64 hexadecimal digits, as this command prints it; this is {text[:80]!r}.")
    return found


def _name(chain_id: UUID) -> str:
    """The organization's key; for the chain of what belongs to none, words that can be no key."""
    if chain_id == NOBODY:
        return "(no organization)"
    organization = Organization.objects.filter(pk=chain_id).first()
    return organization.key if organization else str(chain_id)
