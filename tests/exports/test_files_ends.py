"""The end of files: expired, deleted, and a deletion that was cut short."""

from datetime import timedelta

import pytest
from django.core import signing
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Membership, Organization, User
from accounts.roles import ADMINISTRATOR
from accounts.services.people import join
from exports.models import File
from exports.services import files
from exports.services.files import LinkRefused, end, expire_files, follow, link


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
            end(file)
    assert not File.objects.listed().exists()
    assert expire_files(timezone.now()) == 1
    assert not default_storage.exists(file.storage_key)


@pytest.fixture
def token(file: File, owner: User) -> str:
    return link(file, "http://here/", owner).rpartition("/")[2]


def test_a_link_dies_with_its_file(file: File, owner: User, token: str) -> None:
    assert follow(token) == (file, owner)
    File.objects.update(expires_at=timezone.now())
    with pytest.raises(LinkRefused):
        follow(token)


def test_a_link_is_bound_to_its_organization(elsewhere: Organization, owner: User, token: str) -> None:
    join(owner, elsewhere, [ADMINISTRATOR])
    File.objects.update(organization=elsewhere)
    with pytest.raises(LinkRefused):
        follow(token)


def test_a_link_dies_with_the_role_of_whom_it_was_given_to(owner: User, token: str) -> None:
    Membership.objects.get(user=owner).roles.clear()
    with pytest.raises(LinkRefused):
        follow(token)


def test_a_link_dies_with_the_membership_of_whom_it_was_given_to(owner: User, token: str) -> None:
    owner.organizations.clear()
    with pytest.raises(LinkRefused):
        follow(token)


def test_a_link_dies_with_the_account_of_whom_it_was_given_to(owner: User, token: str) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(LinkRefused):
        follow(token)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["organization", "file", "user"])
def test_what_a_link_names_cannot_be_swapped(place: int, file: File, elsewhere: Organization, outsider: User, token: str) -> None:
    given = signing.loads(token, salt="exports.download")
    given[place] = [str(elsewhere.pk), file.pk + 1, outsider.pk][place]
    payload = signing.dumps(given, salt="another").partition(":")[0]
    with pytest.raises(LinkRefused):
        follow(":".join([payload, *token.split(":")[1:]]))
