"""Secrets at rest: a model field whose column holds ciphertext, and digests of credentials that are shown once."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


def _cipher() -> MultiFernet:
    keys = [urlsafe_b64encode(hashlib.sha256(key.encode()).digest()) for key in settings.ENCRYPTION_KEYS]
    return MultiFernet([Fernet(key) for key in keys])


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
    _CharField = models.CharField[str, str]
else:
    _TextField = models.TextField
    _CharField = models.CharField


class EncryptedTextField(_TextField):
    """Text that is encrypted (AES-128-CBC with HMAC, Fernet) on its way into the database and decrypted on its way out.

    The first of settings.ENCRYPTION_KEYS encrypts, all of them decrypt.
    """

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else _cipher().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        return None if value is None else _cipher().decrypt(value.encode()).decode()


class DigestField(_CharField):
    """A credential whose column holds its SHA-256: rows are found by the credential, and never give it back.

    For rows that are written once: what is read is the digest, and saving that would digest it again.
    """

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else digest(str(value))


def new_credential() -> tuple[str, str, str]:
    """A fresh credential: (what its user keeps, the prefix to look it up by, the digest that is stored)."""
    prefix, rest = secrets.token_hex(6), secrets.token_urlsafe(32)
    credential = f"{prefix}.{rest}"
    return credential, prefix, digest(credential)


def digest(credential: str) -> str:
    """SHA-256 in hex. Enough without salt or stretching: what is hashed has 256 random bits."""
    return hashlib.sha256(credential.encode()).hexdigest()


NO_DIGEST = "-" * 64
"""What to compare with when no row was found, so that this takes as long: no credential has it."""


def matches(credential: str, stored_digest: str) -> bool:
    """Compare in constant time."""
    return secrets.compare_digest(digest(credential), stored_digest)
