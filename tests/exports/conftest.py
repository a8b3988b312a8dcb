"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.conf import LazySettings
from moto.server import ThreadedMotoServer

from tests.exports.world import World


@pytest.fixture
def world(transactional_db: None, storage_folder: Path, settings: LazySettings) -> World:
    """2 000 interactions with contacts and attachments. Its engine works in threads, hence a real database without rollback."""
    settings.RETRY_SECONDS = 0
    return World(storage_folder, rows=2_000)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path, world: World, settings: LazySettings) -> Any:
    """The world's files go to a bucket of their own."""
    access = {"region_name": "eu-west-1", "endpoint_url": s3_endpoint}
    name = tmp_path.name.replace("_", "-")[:60].strip("-") + "-bucket"
    secrets = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    bucket = boto3.resource("s3", **access, **secrets).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    options = {
        "bucket_name": name,
        **access,
        "access_key": "key",
        "secret_key": "secret",
        "file_overwrite": False,
        "signature_version": "s3v4",
    }
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "exports.sealing.s3.StreamingS3Storage", "OPTIONS": options}}
    return bucket
