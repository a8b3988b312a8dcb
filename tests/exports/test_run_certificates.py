"""For whom a run seals: nothing is read for a certificate that has expired, and old files open with what they were sealed for."""

import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import LazySettings
from django.core.files.storage import default_storage
from django.utils import timezone

from exports.models import Certificate, Run
from exports.services import certificates
from exports.services.work import run_until_idle
from tests.exports.people import Person
from tests.exports.world import World
from tests.processes import kill


@pytest.fixture
def listener(settings: LazySettings) -> Iterator[socket.socket]:
    """Where the source is said to be: it would notice whoever connects."""
    settings.SOURCE_NETWORKS = [ip_network("127.0.0.0/8")]
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def point(world: World, listener: socket.socket) -> None:
    world.source.url = f"postgresql://reader:none@127.0.0.1:{listener.getsockname()[1]}/history"
    world.source.save()


def test_run_for_an_expired_certificate_ends_before_anything_is_read(world: World, listener: socket.socket) -> None:
    point(world, listener)
    Certificate.objects.update(not_after=timezone.now() - timedelta(seconds=1))
    run = world.run()
    run_until_idle()
    run.refresh_from_db()
    assert (run.status, run.message.partition(". ")[0]) == (Run.Status.FAILED, "The certificate olga.pem has expired")
    with pytest.raises(TimeoutError):
        listener.accept()
    assert world.stored() == set()


def test_the_listener_would_have_noticed(world: World, listener: socket.socket) -> None:
    """Or the test above would see nothing."""
    point(world, listener)
    worker = world.worker()
    try:
        world.run()
        listener.settimeout(30)
        listener.accept()[0].close()
    finally:
        kill(worker)


def test_file_that_is_sealed_for_several_opens_for_each(world: World, tmp_path: Path) -> None:
    people = [Person(tmp_path, "ana"), Person(tmp_path, "eva", ec.generate_private_key(ec.SECP384R1()))]
    for person in people:
        certificates.upload(world.access, person.certificate_file.name, person.certificate_file.read_bytes(), primary=False)
    run = world.run()
    run_until_idle()
    world.assert_whole(run)
    [file] = run.files.all()
    sealed = default_storage.open(file.storage_key).read()
    zips = [person.decrypt(sealed).stdout for person in people]
    assert (len(file.recipients), zips[0], zips[0][:2]) == (3, zips[1], b"PK")


def test_new_certificate_seals_new_files_and_the_old_one_still_opens_old_ones(world: World, tmp_path: Path) -> None:
    old, new = world.certificate, Person(tmp_path, "new")
    first = world.run()
    run_until_idle()
    certificates.upload(world.access, "new.pem", new.certificate_file.read_bytes())
    second = world.run()
    run_until_idle()
    before, after = first.files.get(), second.files.get()
    assert (before.recipients, len(after.recipients)) == ([old.fingerprint], 1)
    assert len(world.open(before)) == 2000
    with pytest.raises(subprocess.CalledProcessError):
        world.open(after)
    assert new.decrypt(default_storage.open(after.storage_key).read()).returncode == 0
