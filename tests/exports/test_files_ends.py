"""The end of files: expired, deleted, and a deletion that was cut short."""

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Organization
from exports.models import File
from exports.services import files
from exports.services.files import LinkRefused, delete_file, expire_files, follow, link


def test_expired_files_lose_their_bytes_and_keep_their_row(file: File) -> None:
    assert expire_files(timezone.now()) == 0
    assert expire_files(timezone.now() + timedelta(days=31)) == 1
    file.refresh_from_db()
    assert (file.deleted_at is not None, default_storage.exists(file.storage_key)) == (True, False)
    assert expire_files(timezone.now() + timedelta(days=31)) == 0


def test_a_deletion_that_was_cut_short_is_finished(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(storage: object, key: str) -> None:
        raise OSError("the storage is away")

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", broken)
        with pytest.raises(OSError, match="away"):
            delete_file(file)
    assert not File.objects.listed().exists()
    assert expire_files(timezone.now()) == 1
    assert not default_storage.exists(file.storage_key)


def test_a_link_dies_with_its_file(file: File) -> None:
    token = link(file, "http://here/").rpartition("/")[2]
    assert follow(token) == file
    File.objects.update(expires_at=timezone.now())
    with pytest.raises(LinkRefused):
        follow(token)


def test_a_link_is_bound_to_its_organization(file: File, elsewhere: Organization) -> None:
    token = link(file, "http://here").rpartition("/")[2]
    File.objects.update(organization=elsewhere)
    with pytest.raises(LinkRefused):
        follow(token)
