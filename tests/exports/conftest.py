"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import SettingsWrapper

from tests.exports.world import World


@pytest.fixture
def rooms(tmp_path: Path, settings: SettingsWrapper) -> Path:
    """A folder of its own for stored files and SQLite sources."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "exports.sealing.storage.DurableFileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}},
    }
    settings.SQLITE_FOLDER = tmp_path / "sources"
    settings.RETRY_SECONDS = 0
    return tmp_path


@pytest.fixture
def world(transactional_db: None, rooms: Path) -> Iterator[World]:
    """2 000 interactions with contacts and attachments. Its engine works in threads, hence a real database without rollback."""
    yield World(rooms, rows=2_000)
