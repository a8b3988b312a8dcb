"""Sources: how rows are read from the databases of an organization."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL

from exports.sources.base import Reader
from exports.sources.engines import connect
from exports.sources.generic_errors import translate
from exports.sources.postgresql_errors import translate as translate_postgres
from exports.sources.urls import parse


def open_reader(url: str, *, sqlite_folder: Path | None = None) -> Reader:
    """A reader for the URL's database; it connects when it is entered. Raises SourceError if the URL is not accepted.

    Each reader's libraries are loaded when it is first wanted.
    """
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


@contextmanager
def inspecting(url: str, *, sqlite_folder: Path | None = None) -> Iterator[sa.Inspector]:
    """SQLAlchemy's inspector of the database, for its catalogue. Raises SourceError without anything secret."""
    parsed = parse(url, sqlite_folder)
    try:
        _, connection = connect(_read_only(parsed))
        with connection:
            yield sa.inspect(connection)
    except (exc.SQLAlchemyError, ModuleNotFoundError) as error:
        raise _sentence(error, parsed) from None


def _read_only(url: URL) -> URL:
    if url.get_backend_name() != "sqlite":
        return url
    return url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})


def _sentence(error: Exception, url: URL) -> Exception:
    if url.get_backend_name() == "postgresql" and isinstance(error, exc.DBAPIError) and error.orig is not None:
        return translate_postgres(error.orig, url)
    return translate(error, url)
