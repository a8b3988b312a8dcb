"""Fixtures of retention's tests: the same world over each of the three databases."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest
from django.conf import LazySettings

from exports.services.demo_source import fill
from tests.exports.sources_fixtures import MARIADB, POSTGRES, listening
from tests.retention.purge_world import PurgeWorld

ROWS = 400


@pytest.fixture
def postgres_url() -> Iterator[str]:
    listening(POSTGRES)
    name = f"strongroom_purge_{uuid.uuid4().hex[:12]}"
    with psycopg.connect("postgresql://postgres@127.0.0.1/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql+psycopg://postgres@127.0.0.1/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    listening(MARIADB)
    name = f"strongroom_purge_{uuid.uuid4().hex[:12]}"
    with pymysql.connect(host="127.0.0.1", user="root", charset="utf8mb4", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield f"mysql+pymysql://root@127.0.0.1/{name}?charset=utf8mb4"
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture
def small(transactional_db: None, storage_folder: Path, settings: LazySettings) -> PurgeWorld:
    """A contact history in SQLite."""
    settings.RETRY_SECONDS = 0
    return PurgeWorld(storage_folder, ROWS)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def purging(request: pytest.FixtureRequest, transactional_db: None, storage_folder: Path, settings: LazySettings) -> PurgeWorld:
    """A contact history in each database."""
    settings.RETRY_SECONDS = 0
    if request.param == "sqlite":
        return PurgeWorld(storage_folder, ROWS)
    url = request.getfixturevalue("postgres_url" if request.param == "postgresql" else "mariadb_url")
    fill(url, ROWS)
    return PurgeWorld(storage_folder, ROWS, url)
