"""The demo that a new house opens with: an organization, its administrator, a source, a certificate, one finished export.

Every function makes what is missing and leaves alone what is there, so that a second start changes nothing.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import transaction
from sqlalchemy.engine import URL

from accounts.models import Organization, User
from accounts.roles import ADMINISTRATOR
from accounts.services.access import Access, access_to
from accounts.services.audit import kind_of, record, values_of
from accounts.services.people import join
from exports.models import Job, Source
from exports.services import catalogue, certificates, demo_source, jobs
from exports.services.definitions import JobDefinition

ADMIN = "admin"


@dataclass(frozen=True)
class House:
    """Who and what a demo job needs. `key` is the file with the private key that opens its exports."""

    organization: Organization
    admin: User
    source: Source
    key: Path

    @property
    def access(self) -> Access:
        return _access(self.admin, self.organization)


def open_house(name: str, *, rows: int, refill: bool = False) -> House:
    """The organization `name`, its administrator, its source with `rows` interactions, its certificate.

    What people may take away (certificate, private key) lies in DATA/`name`. `refill` replaces the source's rows.
    """
    with transaction.atomic():
        organization, is_new = Organization.objects.get_or_create(key=name, defaults={"name": name.replace("-", " ").capitalize()})
        if is_new:
            record("organization.create", organization, organization=organization, user=None, after=values_of(organization))
        admin = _admin(organization)
    return House(organization, admin, _source(organization, rows, refill=refill), _key(organization, admin, settings.DATA / name))


def make_folder_for(url: URL) -> None:
    """The folder in which an SQLite URL's file is to lie."""
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def sign_in_hint() -> str:
    """For people at their own machine: the user, and the password if nobody chose it. Never in production."""
    user = User.objects.filter(username=ADMIN).first()
    if user is None or settings.PRODUCTION:
        return ""
    kept = _password_file()
    if kept.exists() and user.check_password(kept.read_text()):
        return f"  user:     {ADMIN}\n  password: {kept.read_text()}"
    return f"  user:     {ADMIN}\n  password: the one that you chose"


def create_job(house: House, data_type: str, *, attachments: bool, split: str = "") -> Job:
    """A job that exports all rows of `data_type` at once, due now. `split` is its fileSplitSize, e.g. 2MB."""
    definition = JobDefinition(
        source=house.source.key,
        title=f"{data_type} history{' with attachments' if attachments else ''}",
        data_type=data_type,
        all_time=True,
        immediately=True,
        file_split_size=split,
        export_attachments=attachments,
    )
    return jobs.create_job(house.access, definition)


def _admin(organization: Organization) -> User:
    user, is_new = User.objects.get_or_create(username=ADMIN, defaults={"is_staff": True, "is_superuser": True})
    chosen = settings.ADMIN_PASSWORD
    if (chosen and not user.check_password(chosen)) or (is_new and not chosen):
        user.set_password(chosen or _kept_password())
        user.save(update_fields=["password"])
        action = "user.create" if is_new else "user.change-password"
        record(action, user, organization=organization, user=None, after=values_of(user, ["username", "is_superuser", "password"]))
    join(user, organization, [ADMINISTRATOR])
    return user


def _access(admin: User, organization: Organization) -> Access:
    access = access_to(admin, organization)
    assert access is not None, "the demo's administrator has just joined"
    return access


def _password_file() -> Path:
    return Path(settings.DATA) / "keys" / "admin-password"


def _kept_password() -> str:
    """Generated once, and readable by the owner of DATA only."""
    path = _password_file()
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(12).encode())
    return path.read_text()


def _source(organization: Organization, rows: int, *, refill: bool) -> Source:
    source = Source.objects.filter(organization=organization, key="contact-history").first()
    if source and not refill:
        return source
    url = URL.create("sqlite", database=str(settings.SQLITE_FOLDER / f"{organization.key}.sqlite3"))
    make_folder_for(url)
    demo_source.fill(url.render_as_string(), rows)
    with transaction.atomic():
        source, is_new = Source.objects.update_or_create(
            organization=organization,
            key="contact-history",
            defaults={"name": "Contact history", "kind": Source.Kind.CONTACT_HISTORY, "url": url.render_as_string()},
        )
        new = [] if source.datasets.exists() else catalogue.discover(source)
        for dataset in new:
            dataset.save()
        for row in (source, *new) if is_new else new:
            record(f"{kind_of(row)}.create", row, organization=organization, user=None, after=values_of(row))
    return source


def _key(organization: Organization, admin: User, folder: Path) -> Path:
    """The private key that opens the organization's exports; its certificate is uploaded."""
    key, certificate = folder / "private-key.pem", folder / "certificate.pem"
    if not (key.exists() and certificate.exists()):
        _make_key(key, certificate, organization.name)
        certificates.upload(_access(admin, organization), certificate.name, certificate.read_bytes())
    elif not certificates.usable(organization).exists():
        certificates.upload(_access(admin, organization), certificate.name, certificate.read_bytes())
    return key


def _make_key(key: Path, certificate: Path, name: str) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=3650))
        .sign(private, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    _write_private(key, private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    certificate.write_bytes(made.public_bytes(pem))


def _write_private(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
