"""An interrupted download goes on where it ended: curl against a real server, and against the S3 store's own link."""

import hashlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccessToken
from exports.models import File, Part, Run
from exports.services.files import delete_file, link
from tests.exports.world import World

SEALED = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(100_000))  # 3.2 MB that differ everywhere


def new_file(world: World, name: str = "Interaction-1.zip.p7m") -> File:
    run = world.run(world.job())
    Run.objects.update(status=Run.Status.COMPLETED)
    part = Part.objects.create(run=run, dataset=run.job.dataset, number=1, status=Part.Status.DONE)
    key = default_storage.save(f"{run.organization_id}/{run.pk}/{part.pk}/1/sealed", ContentFile(SEALED))
    return File.objects.create(
        organization=run.organization,
        run=run,
        part=part,
        name=name,
        storage_key=key,
        rows=1,
        size=len(SEALED),
        sha256=hashlib.sha256(SEALED).hexdigest(),
        plain_size=1,
        profile="enveloped-data",
        expires_at=timezone.now() + timedelta(days=1),
    )


def resumed(url: str, folder: Path, cut: int = 1_000_000) -> tuple[str, bytes]:
    """A download that is cut off after so many bytes, and then goes on: (what curl says of the second half, the file)."""
    part = folder / "part"
    with part.open("wb") as file:
        first = subprocess.Popen(["curl", "-sS", "--limit-rate", "4M", url], stdout=subprocess.PIPE)
        assert first.stdout
        file.write(first.stdout.read(cut))
        first.kill()
        first.wait()
    said = ["-w", "%{http_code} %{size_download}"]
    rest = subprocess.run(["curl", "-sS", "--fail", "-C", "-", "-o", str(part), *said, url], capture_output=True, text=True, check=True)
    return rest.stdout, part.read_bytes()


# --- A folder, and Strongroom's own server -----------------------------------------------------------------------------
@pytest.fixture
def server(world: World) -> Iterator[str]:
    """Gunicorn as `make run` starts it, on this world."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    process = subprocess.Popen(command, env=world.worker_environment(PORT=port), stdout=subprocess.PIPE)
    assert process.stdout
    try:
        while f"localhost:{port}".encode() not in (line := process.stdout.readline()):
            assert line, "the server ended"
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_curl_goes_on_where_it_was_cut_off(world: World, server: str, tmp_path: Path) -> None:
    url = link(new_file(world), server, world.owner)
    assert resumed(url, tmp_path) == (f"206 {len(SEALED) - 1_000_000}", SEALED)
    tag = requests.head(url, timeout=20).headers["ETag"]
    for given, status in ((tag, 206), ('"of another version"', 200)):
        assert requests.get(url, headers={"Range": "bytes=1-", "If-Range": given}, timeout=20).status_code == status


def test_downloads_of_one_file_do_not_disturb_each_other(world: World, server: str, tmp_path: Path) -> None:
    url = link(new_file(world), server, world.owner)
    ranges = [f"{start}-{start + 799_999}" for start in range(0, len(SEALED), 800_000)]
    running = [subprocess.Popen(["curl", "-sS", "-r", asked, url], stdout=subprocess.PIPE) for asked in ranges]
    assert b"".join(process.communicate()[0] for process in running) == SEALED


# --- S3, and the store's own link --------------------------------------------------------------------------------------
@pytest.fixture
def ask(world: World, bucket: Any, settings: LazySettings) -> Callable[[str], str]:
    """Where GET /files/{name} leads to."""
    settings.S3_BUCKET = bucket.name
    client = APIClient()
    _, token = AccessToken.issue(world.owner, world.organization, lifetime=timedelta(hours=1))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    def where(name: str) -> str:
        answer = client.get(f"/udm/v10/files/{quote(name)}")
        assert answer.status_code == 303
        return str(answer["Location"])

    return where


def test_link_is_the_stores_own_and_lives_as_long_as_a_link(
    world: World, s3_endpoint: str, ask: Callable[[str], str], settings: LazySettings
) -> None:
    url = ask(new_file(world).name)
    query = parse_qs(urlsplit(url).query)
    assert url.startswith(s3_endpoint)
    assert query["X-Amz-Expires"] == [str(settings.LINK_SECONDS)]
    assert query["X-Amz-Signature"]
    assert "secret" not in url


def test_curl_goes_on_from_the_store(world: World, ask: Callable[[str], str], tmp_path: Path) -> None:
    assert resumed(ask(new_file(world).name), tmp_path) == (f"206 {len(SEALED) - 1_000_000}", SEALED)


def test_store_sends_the_files_name_and_type(world: World, ask: Callable[[str], str]) -> None:
    answer = requests.get(ask(new_file(world, "Größe-1.zip.p7m").name), timeout=20)
    assert answer.content == SEALED
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=utf-8''{quote('Größe-1.zip.p7m')}"
    assert answer.headers["Content-Type"] == "application/pkcs7-mime; smime-type=enveloped-data"


def test_stores_link_dies_with_the_file(world: World, ask: Callable[[str], str]) -> None:
    file = new_file(world)
    url = ask(file.name)
    delete_file(world.access, file.name)
    assert requests.get(url, timeout=20).status_code in {403, 404}  # a store does not tell strangers what it has not
