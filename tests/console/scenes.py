"""A furnished house for tests of pages: two organizations, their people, and an export that is finished."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Organization, User
from accounts.roles import ADMINISTRATOR, RETENTION_ADMINISTRATOR
from accounts.services.access import access_to
from accounts.services.people import join
from exports.models import Certificate, Dataset, File, Job, Part, Run, Source
from exports.services import certificates
from tests.console.retained import Retained, retain
from tests.keys import new_certificate
from tests.roles import have_roles

CANARY = "canary-7d1fb0"
PASSWORD = "a password for tests"
ROWS = 60
"""Of the contact history of a scene that is filled."""
SEALED = b"0\x82 sealed bytes of a test" * 1000


@dataclass
class Scene:
    organization: Organization
    owner: User
    teammate: User
    outsider: User
    source: Source
    dataset: Dataset
    certificate: Certificate
    job: Job
    run: Run
    file: File
    retention: Retained


# Slow on purpose, both of them: once is enough.
@cache
def hashed() -> str:
    return make_password(PASSWORD)


@cache
def certificate_pem() -> bytes:
    return new_certificate(3072)[0]


def person(name: str, organization: Organization, *roles: str, superuser: bool = False) -> User:
    user = User.objects.create(username=name, password=hashed(), is_staff=superuser, is_superuser=superuser)
    have_roles()
    join(user, organization, roles)
    return user


def furnish() -> Scene:
    here = Organization.objects.create(key="here", name="Northwind Contact Center")
    there = Organization.objects.create(key="there", name="Elsewhere")
    owner = person("owner", here, ADMINISTRATOR)
    source, dataset = new_source(here)
    access = access_to(owner, here)
    assert access is not None
    certificate = certificates.upload(access, "Archive team", certificate_pem())
    job = new_job(owner, dataset, "Interaction history", cron="0 3 * * *", next_slot=timezone.now() + timedelta(hours=5))
    run = new_run(job, Run.Status.COMPLETED, rows=1200, done=1200)
    file = new_file(run, certificate)
    teammate, outsider = person("teammate", here), person("outsider", there, ADMINISTRATOR)
    return Scene(
        here,
        owner,
        teammate,
        outsider,
        source,
        dataset,
        certificate,
        job,
        run,
        file,
        retain(owner, person("rita", here, RETENTION_ADMINISTRATOR), dataset),
    )


def new_source(organization: Organization) -> tuple[Source, Dataset]:
    url = f"postgresql+psycopg://reader:{CANARY}@db.example/history"
    source = Source.objects.create(organization=organization, key="contact-history", name="Contact history", url=url)
    dataset = Dataset.objects.create(
        source=source,
        name="Interaction",
        table="interactions",
        key_columns=["id"],
        timestamp_column="startDate",
        subtype_column="mediaTypeId",
        subtypes=["chat", "email", "voice"],
    )
    return source, dataset


def new_job(owner: User, dataset: Dataset, title: str, **fields: object) -> Job:
    organization = dataset.source.organization
    return Job.objects.create(
        organization=organization, owner=owner, source=dataset.source, dataset=dataset, title=title, split_bytes=2**28, **fields
    )


def new_run(job: Job, status: str, *, rows: int, done: int, message: str = "") -> Run:
    now = timezone.now()
    run = Run.objects.create(
        organization=job.organization,
        job=job,
        slot=now - timedelta(minutes=job.runs.count() + 1),
        status=status,
        rows_total=rows,
        started_at=now - timedelta(minutes=1),
        finished_at=None if status in Run.ACTIVE else now,
        planned_at=now,
        message=message,
    )
    Part.objects.create(run=run, dataset=job.dataset, number=1, rows_done=done, token=1)
    return run


def new_file(run: Run, certificate: Certificate) -> File:
    part = run.parts.get()
    name = f"Interaction-{run.pk}"
    digest = hashlib.sha256(SEALED).hexdigest()
    return File.objects.create(
        organization=run.organization,
        run=run,
        part=part,
        name=f"{name}.zip.p7m",
        member=f"{name}.json",
        storage_key=default_storage.save(f"{run.pk}/1/{name}.zip.p7m", ContentFile(SEALED)),
        rows=part.rows_done,
        size=len(SEALED),
        sha256=digest,
        plain_size=4 * len(SEALED),
        zip_sha256=digest,
        recipients=[certificate.fingerprint],
        profile="enveloped-data",
        expires_at=timezone.now() + timedelta(days=30, minutes=1),
    )
