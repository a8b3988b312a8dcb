"""/udm/v10/files, /file-metadatas and the links that they give."""

from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.conf import LazySettings
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from exports.models import File, Run
from tests.conftest import SEALED

FILES = "/udm/v10/files"


@pytest.fixture
def link(api: APIClient, file: File) -> str:
    return str(api.get(f"{FILES}/{file.name}")["Location"])


def body(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # the test's own attribute


def test_a_file_answers_303_to_a_link_that_needs_no_token(link: str, client: Client, file: File) -> None:
    answer = client.get(link)
    assert (answer.status_code, body(answer)) == (200, SEALED)
    assert answer["Content-Disposition"] == f'attachment; filename="{file.name}"'
    assert (answer["ETag"], answer["Accept-Ranges"]) == (f'"{file.sha256}"', "bytes")


def test_links_come_in_the_order_of_the_names(api: APIClient, client: Client, file: File) -> None:
    answer = api.get(FILES, {"filename": f"{file.name}"}, content_type="application/json")
    assert answer.status_code == 200
    assert [body(client.get(item["path"])) for item in answer.json()] == [SEALED]


def test_unknown_names_are_a_404_that_lists_them(api: APIClient, file: File) -> None:
    answer = api.get(FILES, {"filename": f"no.zip,{file.name},nor.zip"})
    assert (answer.status_code, answer.json()) == (404, [{"path": "no.zip"}, {"path": "nor.zip"}])


def test_more_than_a_hundred_names_are_a_400(api: APIClient) -> None:
    answer = api.get(FILES, {"filename": ",".join(f"{number}.zip" for number in range(101))})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["filename"])


HOSTILE = ["..", "../x", "..%2f..%2fetc%2fpasswd", "%252e%252e%252f", "a\\b", "nul\0", "/etc/passwd", "a\r\nSet-Cookie: x=1", "x" * 300]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("method", ["get", "delete"])
def test_hostile_names_are_404(api: APIClient, file: File, name: str, method: str) -> None:
    answer = getattr(api, method)(f"{FILES}/{quote(name, safe='%')}")
    assert answer.status_code == 404
    assert not answer.has_header("Set-Cookie")
    assert default_storage.exists(file.storage_key)


def test_a_token_with_any_byte_changed_is_refused(link: str, client: Client) -> None:
    token = link.rpartition("/")[2]
    for place, letter in enumerate(token):
        forged = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        assert client.get(f"/download/{forged}").status_code == 403, place


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (1, 403)])
def test_a_link_ends_with_its_time(
    api: APIClient, file: File, client: Client, *, settings: LazySettings, seconds: int, status: int
) -> None:
    settings.LINK_SECONDS = 900
    with time_machine.travel(timezone.now(), tick=False) as clock:
        link = api.get(f"{FILES}/{file.name}")["Location"]
        clock.shift(900 + seconds)
        assert client.get(link).status_code == status


def test_a_link_to_a_deleted_file_is_refused(api: APIClient, link: str, client: Client, file: File) -> None:
    assert api.delete(f"{FILES}/{file.name}").status_code == 204
    assert client.get(link).status_code == 403
    assert api.get(f"{FILES}/{file.name}").status_code == 404


def test_a_link_to_an_expired_file_is_refused(link: str, client: Client, file: File) -> None:
    File.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == 403


RANGES = [
    ("bytes=0-0", 206, SEALED[:1], "bytes 0-0/10240"),
    ("bytes=10000-", 206, SEALED[10_000:], "bytes 10000-10239/10240"),
    ("bytes=-5", 206, SEALED[-5:], "bytes 10235-10239/10240"),
    ("bytes=-99999", 206, SEALED, "bytes 0-10239/10240"),
    ("bytes=10239-99999", 206, SEALED[-1:], "bytes 10239-10239/10240"),
    ("bytes=10240-", 416, b"", "bytes */10240"),
    ("bytes=-0", 416, b"", "bytes */10240"),
    ("bytes=5-4", 200, SEALED, None),
    ("bytes=0-1,4-5", 200, SEALED, None),
    ("bytes=-", 200, SEALED, None),
    ("lines=1-2", 200, SEALED, None),
    ("bytes=" + "9" * 5000 + "-", 200, SEALED, None),
]


@pytest.mark.parametrize(("asked", "status", "expected", "content_range"), RANGES)
def test_ranges(link: str, client: Client, *, asked: str, status: int, expected: bytes, content_range: str | None) -> None:
    answer = client.get(link, HTTP_RANGE=asked)
    assert (answer.status_code, answer.get("Content-Range")) == (status, content_range)
    assert status == 416 or body(answer) == expected
    assert status == 416 or answer["Content-Length"] == str(len(expected))


def test_a_range_of_another_version_gets_the_whole_file(link: str, client: Client, file: File) -> None:
    assert client.get(link, HTTP_RANGE="bytes=0-0", HTTP_IF_RANGE='"other"').status_code == 200
    assert client.get(link, HTTP_RANGE="bytes=0-0", HTTP_IF_RANGE=f'"{file.sha256}"').status_code == 206


def test_head_tells_the_size_and_sends_nothing(link: str, client: Client) -> None:
    answer = client.head(link)
    assert (answer.status_code, answer["Content-Length"], answer.content) == (200, "10240", b"")
    assert client.post(link).status_code == 405


# --- Lists and ends ------------------------------------------------------------------------------------------------
EMPTY = {"count": 0, "from": 0, "items": [], "size": 100}
"""The document knows no 204 here."""


def test_metadata_names_the_decrypt_command(api: APIClient, file: File) -> None:
    item = api.get("/udm/v10/file-metadatas", {"historyId": str(file.run_id), "jobTitle": "chat"}).json()["items"][0]
    assert (item["name"], item["size"], item["sha256"]) == (file.name, 10240, file.sha256)
    assert item["decryptCommand"] == file.decrypt_command


@pytest.mark.parametrize(
    "query", [{"name": "x"}, {"type": "Contact"}, {"startDate": "2099-01-01"}, {"endDate": "2020-01-01"}, {"source": "x"}]
)
def test_metadata_filters(api: APIClient, file: File, query: dict[str, str]) -> None:
    assert api.get("/udm/v10/file-metadatas", query).json() == EMPTY


def test_only_completed_runs_have_files(api: APIClient, file: File) -> None:
    Run.objects.update(status=Run.Status.FAILED)
    assert api.get("/udm/v10/file-metadatas").json() == EMPTY
    assert api.get(f"{FILES}/{file.name}").status_code == 404


def test_delete_removes_the_bytes_and_keeps_the_row(api: APIClient, file: File) -> None:
    assert api.delete(FILES + f"?filename={file.name}").status_code == 204
    file.refresh_from_db()
    assert file.deleted_at is not None
    assert not default_storage.exists(file.storage_key)


def test_delete_with_an_unknown_name_deletes_nothing(api: APIClient, file: File) -> None:
    assert api.delete(FILES + f"?filename={file.name},no.zip").status_code == 404
    assert default_storage.exists(file.storage_key)
