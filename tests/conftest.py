"""Fixtures that all tests share: two organizations with their people, a source, a certificate, a finished run."""

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import LazySettings, settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from rest_framework.test import APIClient
from sqlalchemy import create_engine

from accounts.models import AccessToken, Organization, User
from accounts.roles import ADMINISTRATOR
from accounts.services.access import Access, access_to
from accounts.services.people import enrol
from exports.models import Certificate, Dataset, File, Job, Part, Run, Source
from exports.services.definitions import JobDefinition
from exports.sources.contact_history import MEDIA, metadata
from tests.keys import new_certificate
from tests.roles import have_roles
from tests.trail import let_tests_flush

let_tests_flush()


def pytest_configure() -> None:
    """What is slow on purpose, or once in a server's life, and here happens in every test."""
    settings.WHITENOISE_AUTOREFRESH = True  # else every new test client lists all static files
    Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.time_cost, Argon2PasswordHasher.parallelism = 8, 1, 1


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: many tests wait for a lease to end, or for another process."""
    return (os.cpu_count() or 1) + 1


SEALED = bytes(range(256)) * 40
"""What the finished run's file holds in the storage: 10240 bytes that differ from their neighbours."""


@pytest.fixture(autouse=True)
def _nothing_is_counted_yet() -> None:
    """Rate limits count in this process's memory, and the users of every test have the same ids."""
    cache.clear()


@pytest.fixture
def storage_folder(tmp_path: Path, settings: LazySettings) -> Path:
    """Files and sources are kept below a folder of the test's own."""
    default = {"BACKEND": "exports.sealing.storage.DurableFileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    settings.SQLITE_FOLDER = tmp_path / "sources"
    settings.SQLITE_FOLDER.mkdir(exist_ok=True)
    return tmp_path


# --- People --------------------------------------------------------------------------------------------------------
def _member(organization: Organization, name: str, *roles: str) -> User:
    user = User.objects.create_user(name)
    have_roles()
    enrol(user, organization, roles)
    return user


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(key="here", name="Here")


@pytest.fixture
def elsewhere(db: None) -> Organization:
    return Organization.objects.create(key="elsewhere", name="Elsewhere")


@pytest.fixture
def owner(organization: Organization) -> User:
    return _member(organization, "owner", ADMINISTRATOR)


@pytest.fixture
def access(owner: User, organization: Organization) -> Access:
    """The owner's: everything in their organization."""
    return access_in(organization, owner)


def access_in(organization: Organization, user: User) -> Access:
    found = access_to(user, organization)
    assert found is not None
    return found


@pytest.fixture
def teammate(organization: Organization) -> User:
    """Of the same organization, without a role."""
    return _member(organization, "teammate")


@pytest.fixture
def outsider(elsewhere: Organization) -> User:
    return _member(elsewhere, "outsider", ADMINISTRATOR)


def _client(user: User, organization: Organization) -> APIClient:
    _, token = AccessToken.issue(user, organization, lifetime=timedelta(hours=1))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def api(owner: User, organization: Organization, storage_folder: Path) -> APIClient:
    return _client(owner, organization)


@pytest.fixture
def teammate_api(teammate: User, organization: Organization) -> APIClient:
    return _client(teammate, organization)


@pytest.fixture
def outsider_api(outsider: User, elsewhere: Organization) -> APIClient:
    return _client(outsider, elsewhere)


# --- What is exported, and for whom it is sealed -------------------------------------------------------------------
@pytest.fixture
def source(organization: Organization, storage_folder: Path) -> Source:
    """A contact history in SQLite, without rows."""
    url = f"sqlite:///{storage_folder}/sources/history.sqlite3"
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return Source.objects.create(organization=organization, key="contact-history", name="Contact history", kind="contact-history", url=url)


@pytest.fixture
def contact(source: Source) -> Dataset:
    return Dataset.objects.create(
        source=source, name="Contact", table="contacts", key_columns=["ContactId"], timestamp_column="createddate"
    )


@pytest.fixture
def interaction(source: Source) -> Dataset:
    """With its attachments."""
    row = Dataset.objects.create(
        source=source,
        name="Interaction",
        table="interactions",
        key_columns=["id"],
        timestamp_column="startDate",
        subtype_column="mediaTypeId",
        subtypes=list(MEDIA),
    )
    Dataset.objects.create(
        source=source,
        name="Attachment",
        table="attachments",
        key_columns=["id"],
        parent=row,
        parent_columns=["entityid"],
        is_attachment=True,
    )
    return row


@pytest.fixture(scope="session")
def certificate_pem() -> bytes:
    """RSA 3072, self-signed, valid now."""
    return new_certificate()[0]


@pytest.fixture
def certificate(organization: Organization, owner: User, certificate_pem: bytes) -> Certificate:
    parsed = x509.load_pem_x509_certificate(certificate_pem)
    return Certificate.objects.create(
        organization=organization,
        name="here.pem",
        pem=parsed.public_bytes(Encoding.PEM).decode(),
        is_primary=True,
        subject=parsed.subject.rfc4514_string(),
        fingerprint=parsed.fingerprint(hashes.SHA256()).hex(),
        key_bits=3072,
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        uploaded_by=owner,
    )


# --- Jobs, runs, files ---------------------------------------------------------------------------------------------
@pytest.fixture
def definition(interaction: Dataset, certificate: Certificate) -> JobDefinition:
    """All interactions, at once: what tests replace fields of."""
    return JobDefinition(source="contact-history", title="All chats", data_type="Interaction", all_time=True, immediately=True)


@pytest.fixture
def make_job(organization: Organization, owner: User, interaction: Dataset, certificate: Certificate) -> Callable[..., Job]:
    """A job's row alone, whatever its fields: nothing is checked, scheduled or started."""

    def make(**fields: object) -> Job:
        defaults = {"source": interaction.source, "dataset": interaction, "title": "All chats", "split_bytes": 2**28, "immediately": True}
        return Job.objects.create(organization=organization, owner=owner, **{**defaults, **fields})

    return make


@pytest.fixture
def make_run(make_job: Callable[..., Job]) -> Callable[..., Run]:
    """A run's row alone, of a job of its own unless one is given."""

    def make(status: str = Run.Status.PENDING, job: Job | None = None, **fields: object) -> Run:
        job = job or make_job()
        return Run.objects.create(organization=job.organization, job=job, status=status, **{"slot": timezone.now(), **fields})

    return make


@pytest.fixture
def completed_run(make_run: Callable[..., Run]) -> Run:
    """With one file, SEALED, that is stored and listed."""
    run = make_run(Run.Status.COMPLETED, rows_total=20, finished_at=timezone.now())
    part = Part.objects.create(run=run, dataset=run.job.dataset, number=1, status=Part.Status.DONE, rows_done=20)
    stem = f"Interaction-{run.pk}"
    key = default_storage.save(f"{run.organization_id}/{run.pk}/{part.pk}/1/{stem}.zip.p7m", ContentFile(SEALED))
    File.objects.create(
        organization=run.organization,
        run=run,
        part=part,
        name=f"{stem}.zip.p7m",
        member=f"{stem}.json",
        storage_key=key,
        rows=20,
        size=len(SEALED),
        sha256=hashlib.sha256(SEALED).hexdigest(),
        plain_size=40_000,
        zip_sha256="0" * 64,
        profile="enveloped-data",
        expires_at=timezone.now() + timedelta(days=30),
    )
    return run


@pytest.fixture
def file(completed_run: Run) -> File:
    row: File = completed_run.files.get()
    return row
