"""Fixtures of the engine's tests."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from tests.exports.world import World


@pytest.fixture
def world(transactional_db: None, storage_folder: Path, settings: LazySettings) -> World:
    """2 000 interactions with contacts and attachments. Its engine works in threads, hence a real database without rollback."""
    settings.RETRY_SECONDS = 0
    return World(storage_folder, rows=2_000)
