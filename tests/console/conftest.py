from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from tests.console.scenes import Scene, furnish


@pytest.fixture
def storage(settings: Settings, tmp_path: Path) -> None:
    default = {"BACKEND": "exports.sealing.storage.DurableFileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": default}


@pytest.fixture
def scene(db: None, storage: None) -> Scene:
    return furnish()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(scene: Scene) -> Client:
    return signed_in(scene.owner)
