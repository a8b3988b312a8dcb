"""Scratch schemas and databases in real servers, each for one test."""

import os
import socket
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from exports.sources import open_reader
from exports.sources.base import Reader, Selection
from exports.sources.writers import open_writer
from exports.sources.writers.base import SourceWriter

POSTGRES = "127.0.0.1", 5432
MARIADB = "127.0.0.1", 3306


@dataclass(frozen=True)
class Scratch:
    """A place for one test's tables: `sql` runs statements in it, `url` opens it, `schema` is where it lies."""

    url: str
    sql: Callable[..., object]
    folder: Path | None = None
    schema: str = ""

    def open(self) -> Reader:
        return open_reader(self.url, sqlite_folder=self.folder)

    def write(self) -> SourceWriter:
        return open_writer(self.url, sqlite_folder=self.folder)

    def rows(self, table: str = "t", *, exact: bool = False, **selection: Any) -> list[dict[str, Any]]:
        """All rows of a selection, as Python objects."""
        with self.open() as reader:
            chosen = Selection(table, self.schema, **selection)
            return [row for batch in reader.batches(chosen, exact=exact) for row in batch.to_pylist()]

    def values(self, column: str = "v", *, exact: bool = False) -> list[Any]:
        return [row[column] for row in self.rows(exact=exact)]


def listening(address: tuple[str, int]) -> None:
    """Skip the test if no server listens; in continuous integration fail, as there one must."""
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        reason = f"no server at {address[0]}:{address[1]}"
        if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def postgres() -> Iterator[Scratch]:
    listening(POSTGRES)
    schema = f"strongroom_src_{uuid.uuid4().hex[:12]}"
    with psycopg.connect("postgresql://postgres@127.0.0.1/test", autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"SET search_path TO {schema}")
        yield Scratch("postgresql://postgres@127.0.0.1/test", connection.execute, schema=schema)
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def mariadb() -> Iterator[Scratch]:
    listening(MARIADB)
    name = f"strongroom_src_{uuid.uuid4().hex[:12]}"
    connection = pymysql.connect(host="127.0.0.1", user="root", charset="utf8mb4", autocommit=True)
    with connection, connection.cursor() as cursor:
        for statement in (f"CREATE DATABASE {name} CHARACTER SET utf8mb4", f"USE {name}", "SET sql_mode = ''"):
            cursor.execute(statement)
        yield Scratch(f"mysql+pymysql://root@127.0.0.1/{name}?charset=utf8mb4", cursor.execute)
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Scratch]:
    connection = sqlite3.connect(tmp_path / "source.sqlite3", isolation_level=None, check_same_thread=False)
    yield Scratch("sqlite:///source.sqlite3", connection.execute, folder=tmp_path)
    connection.close()


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def scratch(request: pytest.FixtureRequest) -> Scratch:
    """The same behaviour in each database."""
    found: Scratch = request.getfixturevalue(request.param)
    return found
