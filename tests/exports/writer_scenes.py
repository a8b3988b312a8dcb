"""What the tests of source writers share: tables of keys as a reader gives them, and a second connection that is in the way."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa
import pymysql
import pytest

from exports.sources.base import Selection
from exports.sources.writers.base import SourceWriter
from tests.exports.sources_fixtures import Scratch

DRIVERS = (psycopg.Error, pymysql.Error, sqlite3.Error)


def chosen(scratch: Scratch, *key: str, table: str = "t") -> Selection:
    return Selection(table, scratch.schema, columns=key, key=key, version=True)


def read(scratch: Scratch, selection: Selection) -> pa.Table:
    """Keys and versions, in the order of the keys."""
    with scratch.open() as reader:
        found = pa.Table.from_batches(list(reader.batches(selection)))
    return found.sort_by([(name, "ascending") for name in selection.key])


@contextmanager
def writing(scratch: Scratch, *, lock_timeout: float = 1.0, idle_timeout: float = 60.0) -> Iterator[SourceWriter]:
    """A writer inside a transaction."""
    with scratch.write() as writer, writer.transaction(lock_timeout=lock_timeout, idle_timeout=idle_timeout):
        yield writer


def impatient(scratch: Scratch) -> None:
    """The other connection, which is the scratch's own, gives up soon where it must wait."""
    scratch.sql(
        "SET lock_timeout TO '300ms'"
        if scratch.url.startswith("postgres")
        else "SET innodb_lock_wait_timeout = 1"
        if scratch.url.startswith("mysql")
        else "PRAGMA busy_timeout = 100"
    )


def ids(scratch: Scratch, table: str = "t", column: str = "id") -> list[Any]:
    """What is there now."""
    return sorted(row[column] for row in scratch.rows(table, columns=(column,)))


def refused(statement: str, scratch: Scratch) -> None:
    with pytest.raises(DRIVERS):
        scratch.sql(statement)
