from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.console.conftest import signed_in
from tests.console.scenes import Scene, furnish, person


@pytest.fixture
def scene(db: None, settings: Settings, tmp_path: Path) -> Scene:
    default = {"BACKEND": "exports.sealing.storage.DurableFileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    return furnish()


@pytest.fixture
def root(scene: Scene) -> Client:
    return signed_in(person("root", scene.organization, superuser=True))
