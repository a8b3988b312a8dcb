"""Sources: how rows are read from the databases of an organization."""

from pathlib import Path

from exports.sources.base import Reader
from exports.sources.urls import parse


def open_reader(url: str, *, sqlite_folder: Path | None = None) -> Reader:
    """A reader for the URL's database; it connects when it is entered. Raises SourceError if the URL is not accepted."""
    parsed = parse(url, sqlite_folder)
    match parsed.get_backend_name():
        case "postgresql":
            from exports.sources.postgresql import PostgresReader

            return PostgresReader(parsed)
        case "sqlite":
            from exports.sources.sqlite import SQLiteReader

            return SQLiteReader(parsed)
        case _:
            from exports.sources.generic import GenericReader

            return GenericReader(parsed)
