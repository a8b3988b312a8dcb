from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from exports.services.demo import make_folder_for
from exports.services.demo_source import fill


class Command(BaseCommand):
    help = "Fill a database with a believable contact history: the same rows for the same size, on every machine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rows", type=int, default=100_000, help="Interactions (default 100000); a fifth as many contacts come with them."
        )
        parser.add_argument(
            "--url", required=True, help="SQLAlchemy URL. Tables contacts, interactions and attachments there are replaced."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rows"] < 1:
            raise CommandError("--rows must be 1 or more.")
        url = _url(options["url"])
        try:
            make_folder_for(url)
            counts = fill(url.render_as_string(hide_password=False), options["rows"])
        except (SQLAlchemyError, ImportError, OSError) as error:
            raise CommandError(f"{url.render_as_string()} cannot be filled: {_first_line(error)}") from None
        self.stdout.write(", ".join(f"{count} {table}" for table, count in counts.items()) + f" in {url.render_as_string()}")


def _url(text: str) -> URL:
    try:
        return make_url(text)
    except ArgumentError:
        raise CommandError(
            "--url is not a SQLAlchemy URL such as sqlite:////folder/name.sqlite3 or postgresql+psycopg://user@host/name."
        ) from None


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0]
