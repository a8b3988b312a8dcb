"""Source writers: how rows of an organization's databases are locked, deleted and put back. See exports.sources.writers.base."""

from pathlib import Path

from exports.sources.base import SourceError
from exports.sources.urls import parse
from exports.sources.writers.base import SourceWriter


def open_writer(url: str, *, sqlite_folder: Path | None = None) -> SourceWriter:
    """A writer for the URL's database; it connects when it is entered. Raises SourceError if the URL is not accepted."""
    parsed = parse(url, sqlite_folder)
    match parsed.get_backend_name():
        case "postgresql":
            from exports.sources.writers.postgresql import PostgresWriter

            return PostgresWriter(parsed)
        case "sqlite":
            from exports.sources.writers.sqlite import SQLiteWriter

            return SQLiteWriter(parsed)
        case "mysql" | "mariadb":
            from exports.sources.writers.generic import GenericWriter

            return GenericWriter(parsed)
        case backend:
            raise SourceError(
                f"Rows of {backend} databases can be exported, but not deleted: only PostgreSQL's, MariaDB's, MySQL's and SQLite's can."
            )
