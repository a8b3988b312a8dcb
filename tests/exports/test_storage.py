"""The folder and a real S3 endpoint: what is stored is whole or not there."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage

from exports.models import Run
from exports.sealing.storage import DurableFileSystemStorage, StorageError, keys_below, read_hash, remove, write
from exports.services.tidying import collect_ended
from exports.services.work import run_until_idle
from tests.exports.world import World
from tests.s3 import breaking, store_in


@pytest.fixture
def folder(tmp_path: Path) -> DurableFileSystemStorage:
    return DurableFileSystemStorage(location=tmp_path / "files")


def test_a_file_has_its_name_only_when_it_is_whole(folder: DurableFileSystemStorage) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        assert not folder.exists("a/file")
        yield b"last"

    write(folder, "a/file", chunks())
    assert folder.open("a/file").read() == b"firstlast"


def test_a_long_file_is_what_was_written(folder: DurableFileSystemStorage) -> None:
    written = [os.urandom(5_000_003) for _ in range(10)]
    write(folder, "a/file", written)
    data = b"".join(written)
    assert folder.open("a/file").read() == data
    assert read_hash(folder, "a/file") == (len(data), hashlib.sha256(data).hexdigest())


def test_an_error_while_writing_leaves_nothing(folder: DurableFileSystemStorage) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="No space left"):
        write(folder, "a/file", chunks())
    assert list(keys_below(folder, "a")) == []


def test_nothing_is_overwritten(folder: DurableFileSystemStorage) -> None:
    write(folder, "a/file", [b"first"])
    with pytest.raises(StorageError, match="already holds"):
        write(folder, "a/file", [b"second"])
    assert list(keys_below(folder, "a")) == ["a/file"]
    assert folder.open("a/file").read() == b"first"


def test_removing_the_last_file_removes_its_folders(folder: DurableFileSystemStorage) -> None:
    write(folder, "a/b/c/file", [b"x"])
    write(folder, "a/other", [b"x"])
    remove(folder, "a/b/c/file")
    assert list(keys_below(folder, "a")) == ["a/other"]
    assert not Path(folder.path("a/b")).exists()


def test_what_is_missing_is_an_error_that_names_it(folder: DurableFileSystemStorage) -> None:
    with pytest.raises(StorageError, match="could not give back a/file"):
        read_hash(folder, "a/file")


def test_a_run_stores_its_files_in_s3_and_reads_them_back(world: World, bucket: Any) -> None:
    run = world.run(split_bytes=60_000)
    run_until_idle()
    world.assert_whole(run)
    assert {stored.key for stored in bucket.objects.all()} == world.stored()
    assert len(world.ids(run)) == 2_000


def test_an_upload_of_several_parts_is_streamed(world: World, bucket: Any) -> None:
    piece = bytes(1024 * 1024)
    write(default_storage, "x/large", (piece for _ in range(20)))
    assert read_hash(default_storage, "x/large")[0] == 20 * 1024 * 1024


def test_a_broken_stream_leaves_no_object_in_s3(world: World, bucket: Any) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(10):
            yield bytes(1024 * 1024)
        raise OSError(errno.ECONNRESET, "Connection reset")

    with pytest.raises(StorageError):
        write(default_storage, "x/large", chunks())
    assert list(bucket.objects.all()) == []


def test_an_upload_that_a_killed_worker_did_not_end_is_given_up_with_its_run(world: World, bucket: Any) -> None:
    run = world.run()
    others = f"{world.organization.pk}/{run.pk}0/1/1/Interaction-2.zip.p7m"
    for key in (others, f"{world.organization.pk}/{run.pk}/1/1/Interaction-1.zip.p7m"):
        upload = bucket.meta.client.create_multipart_upload(Bucket=bucket.name, Key=key)
        bucket.meta.client.upload_part(Bucket=bucket.name, Key=key, UploadId=upload["UploadId"], PartNumber=1, Body=bytes(1000))
    run_until_idle()
    world.assert_whole(run)
    assert [begun.object_key for begun in bucket.multipart_uploads.all()] == [others]


def test_what_s3_refused_to_delete_is_collected_later(world: World, bucket: Any, s3_endpoint: str, settings: LazySettings) -> None:
    run = world.run()
    bucket.put_object(Key=f"{world.organization.pk}/{run.pk}/1/1/left.zip.p7m", Body=b"left")
    with breaking(s3_endpoint, refuse("DELETE", "left")) as (address, _):
        store_in(settings, address, bucket.name)
        run_until_idle()
    store_in(settings, s3_endpoint, bucket.name)
    collect_ended()
    world.assert_whole(run)


def test_a_bucket_that_does_not_list_uploads_keeps_no_run_from_its_end(
    world: World, bucket: Any, s3_endpoint: str, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    run = world.run()
    with breaking(s3_endpoint, refuse("GET", "uploads")) as (address, _):
        store_in(settings, address, bucket.name)
        run_until_idle()
        world.assert_whole(run)
    assert "AbortMultipartUpload" in caplog.text


def refuse(method: str, part: str) -> Callable[[Any, bytes], None]:
    """403 to such a request, once each."""

    def fault(handler: Any, body: bytes) -> None:
        if handler.command == method and part in handler.path:
            handler.deny(body)
        else:
            handler.pass_through(body)

    return fault


def test_a_bucket_that_is_gone_fails_the_run_with_a_sentence(world: World, bucket: Any, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 2
    bucket.delete()
    run = world.run()
    run_until_idle()
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert "The storage could not keep" in run.message
