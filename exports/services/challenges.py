"""Prove that you can decrypt: a random secret is sealed for a certificate as files are, and whoever holds its key says it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from django.db import transaction
from django.utils import timezone

from accounts.secrets import digest, matches
from accounts.services.access import Access
from accounts.services.audit import values_of
from exports.models import Certificate, Challenge
from exports.sealing.cms import Recipient, seal
from exports.services.certificates import find
from exports.services.errors import Conflict, Invalid
from exports.services.trail import tell

LIVES = timedelta(minutes=15)
_LONGEST_ANSWER = 200


@dataclass(frozen=True)
class Sealed:
    """`message` is CMS in DER, as files are."""

    message: bytes
    expires_at: datetime


def command(name: str = "") -> str:
    """What prints the secret of the message in the file of that name, or that is piped into it."""
    return f"openssl cms -decrypt -binary -inform DER{f' -in {name}' if name else ''} -inkey KEY.pem"


@transaction.atomic
def challenge(access: Access, pk: int) -> Sealed:
    """A new secret for `access.user`, who has LIVES to answer; an earlier one of theirs is void. Raises NotFound, Denied."""
    certificate = find(access, pk)
    secret, expires_at = secrets.token_urlsafe(32), timezone.now() + LIVES
    recipient = Recipient(x509.load_pem_x509_certificate(certificate.pem.encode()), certificate.profile)
    message = b"".join(seal([secret.encode()], [recipient]))
    open_until = {"digest": digest(secret), "expires_at": expires_at}
    Challenge.objects.update_or_create(certificate=certificate, user=access.user, defaults=open_until)
    tell(access, "certificate.challenge", certificate)
    return Sealed(message, expires_at)


def answer(access: Access, pk: int, secret: str) -> Certificate:
    """The certificate, proven now. Whatever is answered, the challenge is used up.

    Raises NotFound, Denied, Conflict if no challenge is open, Invalid under `secret` if it is wrong.
    """
    certificate = find(access, pk)
    if not _take(access, certificate, secret.strip()[:_LONGEST_ANSWER]):
        raise Invalid({"secret": "secret is not what was sealed. That challenge is used up: ask for another one."})
    return certificate


@transaction.atomic
def _take(access: Access, certificate: Certificate, secret: str) -> bool:
    """Of two answers at the same time one finds the challenge."""
    open_one = Challenge.objects.filter(certificate=certificate, user=access.user).first()
    now = timezone.now()
    if open_one is None or not Challenge.objects.filter(pk=open_one.pk, digest=open_one.digest).delete()[0] or open_one.expires_at <= now:
        raise Conflict("No challenge is open for you. Ask for one, and answer it within 15 minutes.")
    before = values_of(certificate, ["proven_at"])
    if right := matches(secret, open_one.digest):
        certificate.proven_at = now
        certificate.save(update_fields=["proven_at"])
    action = "certificate.prove" if right else "certificate.prove-failed"
    tell(access, action, certificate, before=before, after=values_of(certificate, ["proven_at"]))
    return right
