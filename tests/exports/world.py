"""A small real world for engine tests: an organization with a contact history in SQLite, a certificate and its key."""

import io
import json
import os
import subprocess
import tempfile
import zipfile
from collections import Counter
from functools import cache
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from accounts.models import Organization, User
from accounts.roles import ADMINISTRATOR
from accounts.services.access import access_to
from accounts.services.people import join
from exports.models import Dataset, File, Job, Run, Source
from exports.sealing.storage import keys_below, read_hash
from exports.services import catalogue, certificates
from exports.services.demo_source import fill
from exports.sources.contact_history import KIND
from tests.exports import worker
from tests.keys import new_certificate
from tests.processes import fork
from tests.roles import have_roles


@cache
def _history(rows: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        fill(f"sqlite:///{folder}/history.sqlite3", rows)
        return Path(folder, "history.sqlite3").read_bytes()


@cache
def _certificate() -> tuple[bytes, bytes]:
    return new_certificate(2048)


class World:
    """`url` is the source's; by default a SQLite file with `rows` interactions in `folder`/sources."""

    work_for_ever = staticmethod(worker.main)

    def __init__(self, folder: Path, rows: int, url: str | None = None) -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder}/sources/history.sqlite3"
        if url is None:
            (folder / "sources").mkdir(exist_ok=True)
            (folder / "sources" / "history.sqlite3").write_bytes(_history(rows))
        self.organization = Organization.objects.create(key="acme", name="Acme")
        self.owner = User.objects.create_user("olga", password="unusable!")
        have_roles()
        join(self.owner, self.organization, [ADMINISTRATOR])
        certificate, self.key = _certificate()
        access = access_to(self.owner, self.organization)
        assert access is not None
        self.access = access
        self.certificate = certificates.upload(access, "olga.pem", certificate)
        self.source = Source.objects.create(organization=self.organization, key="history", name="History", kind=KIND, url=self.url)
        self.datasets = {}
        for dataset in catalogue.discover(self.source):
            dataset.save()
            self.datasets[dataset.name] = dataset

    def job(self, dataset: str = "Interaction", split_bytes: int = 10**9, **fields: Any) -> Job:
        chosen: Dataset = self.datasets[dataset]
        base: dict[str, Any] = {"organization": self.organization, "owner": self.owner, "source": self.source, "dataset": chosen}
        return Job.objects.create(**{**base, "title": f"All of {dataset}", "split_bytes": split_bytes, **fields})

    def run(self, job: Job | None = None, **fields: Any) -> Run:
        """A pending run, as a due slot makes it."""
        job = job or self.job(**fields)
        return Run.objects.create(organization=self.organization, job=job, slot=timezone.now())

    def stored(self) -> set[str]:
        """All objects in the storage, temporary ones included."""
        return set(keys_below(default_storage, str(self.organization.pk)))

    def decrypted(self, file: File) -> bytes:
        """The zip of a sealed file, as `openssl cms` gives it."""
        with default_storage.open(file.storage_key) as stored, tempfile.NamedTemporaryFile() as key:
            key.write(self.key)
            key.flush()
            command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", key.name]
            plain: bytes = subprocess.run(command, input=stored.read(), capture_output=True, check=True).stdout
        return plain

    def open(self, file: File) -> list[dict[str, Any]]:
        """The rows of a sealed file."""
        with zipfile.ZipFile(io.BytesIO(self.decrypted(file))) as archive:
            assert archive.namelist() == [file.member, *self.beside(file)]
            return [json.loads(line) for line in archive.read(file.member).splitlines()]

    def beside(self, file: File) -> list[str]:
        """What the zip holds beside the rows: in the first file of a dataset, or of each part of a DataSync, the JSON Schema."""
        stem = Path(file.member).stem
        begins = file.part.number == 1 or file.run.job.kind == Job.Kind.DATA_SYNC
        return [f"{stem}.jsonschema"] if begins and "." not in stem else []

    def ids(self, run: Run, dataset: str = "Interaction", column: str = "id") -> Counter[str]:
        """How often each key is in the run's files; each should be there once."""
        files = run.files.filter(part__dataset__name=dataset)
        return Counter(row[column] for file in files for row in self.open(file))

    def assert_whole(self, *runs: Run) -> None:
        """The invariants I2, I5, I6 and I8: what is listed exists and matches, nothing else is stored, counts are reality."""
        kept = set[str]()
        for run in runs:
            run.refresh_from_db()
            assert run.status == Run.Status.COMPLETED, (run.status, run.message, run.traceback)
            self._assert_counts(run)
            kept |= {run.manifest_key, *run.files.values_list("storage_key", flat=True)}
        assert self.stored() == kept

    def _assert_counts(self, run: Run) -> None:
        files = list(run.files.order_by("pk"))
        for file in files:
            assert read_hash(default_storage, file.storage_key) == (file.size, file.sha256)
            assert len(self.open(file)) == file.rows
        with default_storage.open(run.manifest_key) as stored:
            manifest = json.loads(stored.read())
        assert manifest["rows"] == sum(file.rows for file in files) == sum(part.rows_done for part in run.parts.all())
        assert [entry["name"] for entry in manifest["files"]] == [file.name for file in files]

    def worker_environment(self, **more: str) -> dict[str, str]:
        """The environment of a process that works on this world."""
        database = connection.settings_dict
        if connection.vendor == "sqlite":
            url = f"sqlite:///{database['NAME']}"
        else:
            url = f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}/{database['NAME']}"
        return {
            **os.environ,
            "DATA": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "STRONGROOM_DATABASE_URL": url,
            "STRONGROOM_SECRET_KEY": settings.SECRET_KEY,
            "STRONGROOM_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
            "STRONGROOM_LEASE_SECONDS": "2",
            "STRONGROOM_POLL_SECONDS": "1",
            "STRONGROOM_RETRY_SECONDS": "0",
            "STRONGROOM_RUN_ATTEMPTS": "100",
            **more,
        }

    def worker(self, **more: str) -> ForkServerProcess:
        """A process that works until it is killed."""
        return fork(self.work_for_ever, self.worker_environment(**more))
