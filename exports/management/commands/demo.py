import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum
from sqlalchemy.engine import make_url

from accounts.services.audit import by_command
from exports.models import Run
from exports.services import demo
from exports.services.demo_proof import SHOWN, Proof, prove
from exports.services.work import run_until_idle

NAME = "demo-run"
SPLIT = "2MB"
"""Small enough for several parts."""


class Command(BaseCommand):
    help = "The main job once, without a server: make a source, export it, decrypt with openssl, compare every row with the source."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, default=100_000, help="Interactions in the source (default 100000).")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rows"] < 1:
            raise CommandError("DEMO_ROWS (--rows) must be 1 or more.")
        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(f"Making a contact history of {options['rows']} interactions in {settings.SQLITE_FOLDER}…")
        with by_command("demo"):
            house = demo.open_house(NAME, rows=options["rows"], refill=True)
        differences = self._export(house, "Interaction", attachments=True) + self._export(house, "Contact", attachments=False)
        if differences:
            raise CommandError(f"{differences} differences between source and files.")
        self.stdout.write(f"All agree. The files, opened, lie in {settings.DATA / NAME / 'files'}")

    def _export(self, house: demo.House, data_type: str, *, attachments: bool) -> int:
        job = demo.create_job(house, data_type, attachments=attachments, split=SPLIT)
        begun = time.monotonic()
        run_until_idle()
        run = Run.objects.filter(job=job).first()
        if run is None or run.status != Run.Status.COMPLETED:
            raise CommandError(f"The export did not finish. {run.message if run else 'Nothing was due.'}")
        self._tell_run(run, time.monotonic() - begun)
        begun = time.monotonic()
        database = Path(make_url(house.source.url).database or "")
        proof = prove(run, database, house.key, settings.DATA / NAME / "files")
        self._tell_proof(proof, time.monotonic() - begun)
        return len(proof.differences)

    def _tell_run(self, run: Run, seconds: float) -> None:
        sums = run.files.aggregate(sealed=Sum("size"), plain=Sum("plain_size"))
        sealed, plain = (sums["sealed"] or 0) / 1e6, (sums["plain"] or 0) / 1e6
        self.stdout.write(f"{run.job.title}: {run.files.count()} files, {plain:.1f} MB sealed into {sealed:.1f} MB, in {seconds:.1f} s")
        for file in run.files.order_by("pk"):
            self.stdout.write(f"    {file.name:<40} {file.rows:>8} rows {file.size / 1e6:>8.2f} MB")

    def _tell_proof(self, proof: Proof, seconds: float) -> None:
        self.stdout.write(f"  Opened each with, for example: {proof.commands[0] if proof.commands else 'nothing, for there is no file'}")
        rows = ", ".join(f"{count} of {name}" for name, count in proof.rows.items())
        self.stdout.write(
            f"  Compared rows {rows}, {proof.fields} fields, with the source in {seconds:.1f} s: {len(proof.differences)} differences"
        )
        for difference in proof.differences[:SHOWN]:
            self.stdout.write(f"    {difference}")
