"""Restores that somebody means ill with, or gets wrong: refused in words, and nothing of them stays."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Organization, User
from accounts.roles import ADMINISTRATOR, RETENTION_READER
from accounts.services.access import Denied, access_to
from accounts.services.people import join
from exports.models import File
from exports.sealing.storage import StorageError
from exports.services.errors import Conflict, Invalid, NotFound
from exports.sources.conditions import Condition
from retention.models import Hold, Purge, Restore
from retention.services import restore_parts, restores, restoring
from tests.keys import new_certificate
from tests.retention.purge_world import PurgeWorld
from tests.retention.restoring import ask, assert_nothing_left, keep_key, parts, restored, upload


@pytest.fixture
def purge(small: PurgeWorld) -> Purge:
    return small.purged()


def zipped(name: str, data: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(name, data)
    return archive.getvalue()


def wrong(world: PurgeWorld, purge: Purge, what: str) -> Any:
    whole = world.decrypted(file_of(purge))
    return {
        "another zip": zipped("Interaction.json", b'{"id":"x"}\n'),
        "truncated": whole[:-1],
        "a byte changed": bytes([whole[0] ^ 1]) + whole[1:],
        "a bomb": zipped(file_of(purge).member, bytes(20_000_000)),
        "a path": zipped("../../etc/passwd", b"x"),
        "empty": b"",
        "sealed still": default_storage.open(file_of(purge).storage_key).read(),
    }[what]


def file_of(purge: Purge) -> File:
    assert purge.run is not None
    found: File = purge.run.files.order_by("pk")[0]
    return found


@pytest.mark.parametrize("what", ["another zip", "truncated", "a byte changed", "a bomb", "a path", "empty", "sealed still"])
def test_what_is_not_a_decrypted_part_is_refused(small: PurgeWorld, purge: Purge, what: str) -> None:
    with pytest.raises(Invalid, match="none of the decrypted parts of disposition 1") as refused:
        ask(small, purge, [*parts(small, purge, "Attachment"), upload("evil.zip", wrong(small, purge, what))])
    assert list(refused.value.errors) == ["parts[1]"]
    assert not Restore.objects.exists()
    assert_nothing_left(small, purge)


def test_a_part_twice_is_refused(small: PurgeWorld, purge: Purge) -> None:
    part = parts(small, purge)[0]
    with pytest.raises(Invalid, match="is among the parts already"):
        ask(small, purge, [part, part])


def test_what_is_larger_than_any_part_is_not_even_read(small: PurgeWorld, purge: Purge) -> None:
    class Huge:
        name, size = "huge.zip", 10**12

        def chunks(self, chunk_size: int | None = None) -> Any:
            raise AssertionError("it was read")

    with pytest.raises(Invalid, match=r"huge\.zip is none of the decrypted parts"):
        ask(small, purge, [Huge()])


def test_the_name_of_an_upload_leads_nowhere(small: PurgeWorld, purge: Purge) -> None:
    part = parts(small, purge)[0]
    part.name = "../../../x\0\r\n.zip"
    restore = ask(small, purge, [part])
    assert list(restore.uploads.values()) == [f"{small.organization.pk}/restores/{restore.pk}/{file_of(purge).pk}.zip"]


def test_anothers_disposition_is_not_found(small: PurgeWorld, purge: Purge) -> None:
    there = Organization.objects.create(key="there", name="There")
    outsider = User.objects.create_user("outsider")
    join(outsider, there, [ADMINISTRATOR])
    access = access_to(outsider, there)
    assert access is not None
    for refused in (lambda: restores.request_restore(access, purge.disposition, parts(small, purge)), lambda: restores.preview(access, 1)):
        with pytest.raises(NotFound):
            refused()
    assert not restores.listing(access).exists()


def test_a_part_of_another_disposition_is_refused(small: PurgeWorld, purge: Purge) -> None:
    other = small.purged(Condition("mediaTypeId", "eq", "email"))
    with pytest.raises(Invalid, match="none of the decrypted parts of disposition 1"):
        ask(small, purge, parts(small, other))


def test_who_only_reads_may_look_and_not_ask(small: PurgeWorld, purge: Purge) -> None:
    reader = User.objects.create_user("reader")
    join(reader, small.organization, [RETENTION_READER])
    access = access_to(reader, small.organization)
    assert access is not None
    assert restores.preview(access, 1).parts
    with pytest.raises(Denied):
        restores.request_restore(access, purge.disposition, parts(small, purge))


def test_without_archive_there_is_nothing_to_restore_from(small: PurgeWorld) -> None:
    purge = small.purged(archive=False)
    with pytest.raises(Conflict, match="deleted without archive"):
        ask(small, purge)


def test_one_restore_of_a_disposition_at_a_time(small: PurgeWorld, purge: Purge) -> None:
    ask(small, purge, parts(small, purge))
    with pytest.raises(Conflict, match="has not ended yet"):
        ask(small, purge, parts(small, purge))


# --- The key that is kept ------------------------------------------------------------------------------------------
def test_without_a_key_and_without_parts_it_is_said_what_is_needed(small: PurgeWorld, purge: Purge) -> None:
    with pytest.raises(Conflict, match="upload the decrypted parts"):
        ask(small, purge)


def test_a_key_of_somebody_else_is_refused(small: PurgeWorld, purge: Purge) -> None:
    keep_key(small, new_certificate(2048)[1])
    with pytest.raises(Conflict, match="belongs to no certificate that Interaction"):
        ask(small, purge)


def test_what_is_no_key_is_refused_and_not_told(small: PurgeWorld, purge: Purge) -> None:
    keep_key(small, b"my secret words")
    with pytest.raises(Conflict, match="cannot be used") as refused:
        ask(small, purge)
    assert "secret words" not in str(refused.value)


def test_expired_files_are_said_to_be_gone_but_uploads_of_them_come_back(small: PurgeWorld, purge: Purge) -> None:
    before, uploads = small.there(), parts(small, purge)
    keep_key(small)
    File.objects.update(expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(Conflict, match="no longer stored"):
        ask(small, purge)
    assert restored(small, purge, uploads).status == Restore.Status.COMPLETED
    assert small.there() > before


def test_with_one_file_expired_the_others_come_back(small: PurgeWorld, purge: Purge) -> None:
    keep_key(small)
    attachments = File.objects.filter(part__dataset__name="Attachment")
    attachments.update(expires_at=timezone.now() - timedelta(days=1))
    restore = restored(small, purge, [])
    assert restores.missing_parts(restore) == [file.name for file in attachments]
    assert restore.restored["Interaction"] > 0


@pytest.mark.parametrize("damage", ["flip", "truncate", "gone"])
def test_damaged_stored_bytes_bring_nothing_back(small: PurgeWorld, purge: Purge, damage: str) -> None:
    keep_key(small)
    path = Path(default_storage.path(file_of(purge).storage_key))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole if damage == "flip" else whole[:-100])
    if damage == "gone":
        path.unlink()
    before = small.contents()
    restore = restored(small, purge, [])
    assert restore.status == Restore.Status.FAILED, restore.message
    assert file_of(purge).name in restore.message
    assert small.contents() == before
    assert not Hold.objects.filter(released_at=None).exists()


def test_an_upload_that_is_changed_in_the_storage_brings_nothing_back(small: PurgeWorld, purge: Purge) -> None:
    restore = ask(small, purge, parts(small, purge))
    key = restore.uploads[file_of(purge).name]
    Path(default_storage.path(key)).write_bytes(zipped(file_of(purge).member, b'{"id":"evil"}\n'))
    before = small.contents()
    small.work()
    restore.refresh_from_db()
    assert (restore.status, small.contents()) == (Restore.Status.FAILED, before)
    assert "are not those that were sealed" in restore.message
    assert_nothing_left(small, purge)


# --- What crashes leave --------------------------------------------------------------------------------------------
def test_uploads_that_the_storage_refuses_leave_nothing(small: PurgeWorld, purge: Purge, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(restore_parts, "write", refuse)
    with pytest.raises(Conflict, match=r"could not be stored\. The disk is full"):
        ask(small, purge, parts(small, purge))
    assert Restore.objects.get().status == Restore.Status.FAILED
    assert_nothing_left(small, purge)


def test_uploads_of_a_web_server_that_died_are_collected(small: PurgeWorld, purge: Purge, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(restores, "_admit", die)
        patch.setattr(restores, "_give_up", str)
        with pytest.raises(KeyboardInterrupt):
            ask(small, purge, parts(small, purge))
    restoring.collect()
    assert Restore.objects.get().status == Restore.Status.RECEIVING
    Restore.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    restoring.collect()
    assert Restore.objects.get().status == Restore.Status.FAILED
    assert_nothing_left(small, purge)


def test_uploads_that_were_not_removed_at_the_end_are_collected(small: PurgeWorld, purge: Purge, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise StorageError("The storage does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(restore_parts, "remove", refuse)
        restored(small, purge)
        restoring.collect()
    assert restoring.collect() == 1
    assert_nothing_left(small, purge)


def test_a_storage_that_fails_for_a_while_is_asked_again(
    small: PurgeWorld, purge: Purge, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    restore = ask(small, purge, parts(small, purge))

    def refuse(*args: object) -> None:
        raise StorageError("No answer.")

    with monkeypatch.context() as patch:
        patch.setattr(restore_parts, "reading", refuse)
        settings.RETRY_SECONDS = 60
        restoring.run_due()
    Restore.objects.update(not_before=None)
    restore.refresh_from_db()
    assert (restore.status, restore.attempts) == (Restore.Status.IN_PROGRESS, 1)
    small.work()
    restore.refresh_from_db()
    assert restore.status == Restore.Status.COMPLETED, restore.message


def test_the_private_key_is_written_nowhere(small: PurgeWorld, purge: Purge, caplog: pytest.LogCaptureFixture) -> None:
    keep_key(small)
    restore = restored(small, purge, [])
    middle = small.key.decode().splitlines()[3]
    assert middle not in caplog.text + restore.message + restore.traceback
    assert not [path for path in small.folder.rglob("*") if path.is_file() and middle.encode() in path.read_bytes()]
