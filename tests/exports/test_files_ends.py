"""The end of files: expired, deleted, and a deletion that was cut short."""

import hashlib
import shlex
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient
from werkzeug.http import parse_options_header

from accounts.models import AuditEntry, Membership, Organization, User
from accounts.roles import ADMINISTRATOR
from accounts.services.access import Access
from accounts.services.people import join
from exports.models import File
from exports.sealing.storage import keys_below
from exports.services import files
from exports.services.files import LinkRefused, end, expire_files, follow, link
from exports.services.work import run_until_idle
from tests.exports.world import World


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


# --- After so many days ------------------------------------------------------------------------------------------------
def test_end_by_age_is_recorded_once_as_the_systems_deed(file: File) -> None:
    moment = timezone.now() + timedelta(days=31)
    for _ in range(2):
        expire_files(moment)
    [entry] = AuditEntry.objects.filter(action__startswith="file.")
    assert (entry.action, entry.actor, entry.actor_id, entry.target_label) == ("file.expire", "the system", None, file.name)


def test_deletion_that_was_cut_short_is_not_recorded_as_the_end_of_its_days(
    access: Access, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(files, "end", print)
        files.delete_file(access, file.name)
    assert expire_files(timezone.now()) == 1
    assert [entry.action for entry in AuditEntry.objects.all()] == ["file.delete"]


def test_history_stays_and_says_what_became_of_the_files(api: APIClient, file: File) -> None:
    url = f"/udm/v10/export/history/{file.run_id}"
    assert "filesExpired" not in api.get(url).json()
    expire_files(timezone.now() + timedelta(days=31))
    record = api.get(url).json()
    assert (record["fileName"], record["fileSize"], record["filesExpired"]) == ("", 0, 1)


def test_history_tells_deleted_from_expired(api: APIClient, access: Access, file: File) -> None:
    files.delete_file(access, file.name)
    record = api.get(f"/udm/v10/export/history/{file.run_id}").json()
    assert (record.get("filesExpired"), record["filesDeleted"]) == (None, 1)


def test_retention_is_a_setting(world: World, settings: LazySettings) -> None:
    settings.FILE_RETENTION_DAYS = 3
    run = world.run()
    run_until_idle()
    left = run.files.get().expires_at - timezone.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)


# --- Many at once ------------------------------------------------------------------------------------------------------
@pytest.fixture
def hundred(file: File) -> list[str]:
    """As many names as are answered at once."""
    for number in range(2, 101):
        name = f"Interaction-{file.run_id}-{number}.zip.p7m"
        key = default_storage.save(f"{file.organization_id}/{number}/{name}", ContentFile(b"sealed"))
        File.objects.create(
            **{field: getattr(file, field) for field in ("organization", "run", "part", "rows", "plain_size", "zip_sha256", "expires_at")},
            name=name,
            storage_key=key,
            size=6,
            sha256=hashlib.sha256(b"sealed").hexdigest(),
        )
    return list(File.objects.order_by("pk").values_list("name", flat=True))


def test_a_hundred_links_come_at_once_and_each_works(api: APIClient, client: Client, hundred: list[str]) -> None:
    answer = api.get("/udm/v10/files", {"filename": ",".join(hundred)})
    sizes = [int(client.head(item["path"])["Content-Length"]) for item in answer.json()]
    assert sizes == [10_240, *[6] * 99]


def test_a_hundred_files_are_deleted_at_once(api: APIClient, hundred: list[str]) -> None:
    assert api.delete(f"/udm/v10/files?filename={','.join(hundred)}").status_code == 204
    assert not File.objects.filter(deleted_at=None).exists()
    assert not list(keys_below(default_storage, "."))
    assert AuditEntry.objects.filter(action="file.delete").count() == 100


def test_one_name_more_deletes_nothing(api: APIClient, hundred: list[str]) -> None:
    answer = api.delete(f"/udm/v10/files?filename={','.join([*hundred, 'more'])}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["filename"])
    assert File.objects.listed().count() == 100


# --- Names -------------------------------------------------------------------------------------------------------------
NAMES = [
    "Größe-1.zip.p7m",
    "数据-1.zip.p7m",
    "a b-1.zip.p7m",
    'quo"te-1.zip.p7m',
    "emoji-🔒-1.zip.p7m",
    "semi;colon=1.zip.p7m",
    "שלום-1.zip.p7m",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_downloaded_under_that_name(api: APIClient, client: Client, file: File, name: str) -> None:
    """Read by another library's parser of RFC 6266."""
    File.objects.update(name=name)
    answer = client.get(api.get(f"/udm/v10/files/{quote(name)}")["Location"])
    kind, options = parse_options_header(answer["Content-Disposition"])
    assert (answer.status_code, kind, options["filename"]) == (200, "attachment", name)
    assert answer["Content-Disposition"].isascii()


@pytest.mark.parametrize("name", [*NAMES, "$(touch pwned)-1.zip.p7m", "it's-1.zip.p7m"])
def test_decrypt_command_takes_any_name_as_one_word(name: str) -> None:
    words = shlex.split(File(name=name).decrypt_command)
    assert words[words.index("-in") + 1] == name
    assert words[-2:] == ["unzip", name.removesuffix(".p7m")]


def test_certificates_name_may_be_in_any_script(api: APIClient, certificate_pem: bytes) -> None:
    upload = SimpleUploadedFile("証明書.pem", certificate_pem)
    assert api.post(f"/udm/v10/cipher/{quote('Schlüssel 証明書.pem')}", {"file": upload}, format="multipart").status_code == 201
    assert api.get("/udm/v10/cipher").json()["name"] == "Schlüssel 証明書.pem"
