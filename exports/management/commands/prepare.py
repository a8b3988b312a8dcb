import socket
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services.audit import by_command
from exports.models import File, Run
from exports.services import demo
from exports.services.work import run_until_idle

SOURCE_ROWS = 5_000


class Command(BaseCommand):
    help = (
        "Make DATA ready for `make run`: the database, an administrator, and a demo with one finished export. A second time does nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--listen", metavar="HOST:PORT", help="Say at once if a server cannot listen there.")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("`prepare` lays out a demo. In production use `migrate` and `createsuperuser`; see docs/operations.md.")
        if options["listen"]:
            _check_listen(options["listen"])
        self.stdout.write(f"Starting Strongroom; everything that is kept lies in {settings.DATA}")
        self.stdout.flush()
        settings.STATIC_ROOT.mkdir(exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        with by_command("prepare"):
            house = demo.open_house("demo", rows=SOURCE_ROWS)
        if not house.organization.jobs.exists():
            self.stdout.write("Making a first export…")
            _first_export(house)
        self.stdout.write(f"The private key that opens the demo's exports: {house.key}")


def _first_export(house: demo.House) -> None:
    job = demo.create_job(house, "Interaction", attachments=True)
    run_until_idle()
    if not File.objects.listed().filter(run__job=job).exists():
        message = Run.objects.filter(job=job).values_list("message", flat=True).first()
        raise CommandError(f"The first export did not finish. {message or 'Nothing was due.'}")


def _check_listen(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise CommandError(f"PORT is {port!r}; it must be a number from 1 to 65535.")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), int(port)))
    except OSError as error:
        raise CommandError(f"Nothing can listen on {address}: {error.strerror}. Choose another port: make run PORT=8001") from None
