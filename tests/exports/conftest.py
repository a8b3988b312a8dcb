"""Fixtures of the engine's tests."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from tests.exports.world import World
from tests.s3 import new_bucket, s3_endpoint, store_in

__all__ = ["s3_endpoint"]


@pytest.fixture
def world(transactional_db: None, storage_folder: Path, settings: LazySettings) -> World:
    """2 000 interactions with contacts and attachments. Its engine works in threads, hence a real database without rollback."""
    settings.RETRY_SECONDS = 0
    return World(storage_folder, rows=2_000)


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path, world: World, settings: LazySettings) -> Any:
    """The world's files go to a bucket of their own."""
    name = tmp_path.name.replace("_", "-")[:60].strip("-") + "-bucket"
    made = new_bucket(s3_endpoint, name)
    store_in(settings, s3_endpoint, name)
    return made
