import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.verifying import VerifyChains
from accounts.services.audit_check import Broken
from retention.models import disposition_guard
from retention.services.disposition_check import LEDGER, Unreadable, check_export


class Command(VerifyChains):
    help = (
        "See that no disposition was removed, changed, moved or inserted. Prints the hash of each organization's last one: "
        "keep it elsewhere, and give it as --head later, to see that what stood there then still does."
    )
    book = LEDGER
    entries = "dispositions"
    missing = staticmethod(disposition_guard.missing)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--file", type=Path, help="Verify this export (certificates or pages of the API, in JSON), and no database.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] is None:
            super().handle(*args, **options)
            return
        if options["organization"] or options["head"]:
            raise CommandError("--file looks at the file alone: leave --organization and --head out.")
        self._check_file(options["file"])

    def _check_file(self, path: Path) -> None:
        try:
            first, walk = check_export(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise CommandError(f"{path} cannot be read as JSON: {error}") from None
        except (Broken, Unreadable) as error:
            raise CommandError(f"{path}: {error}") from None
        beginning = "from the first on" if first == 1 else f"from number {first} on: what stands before is not in the file"
        self.stdout.write(f"{path}: {walk.count - first + 1} dispositions {beginning}; head {walk.hash}")
