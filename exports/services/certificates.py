"""The certificates that files are sealed for. What is refused is neither stored nor logged."""

from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from accounts.roles import ADMINISTER
from accounts.services.access import Access
from accounts.services.audit import values_of
from exports.models import Certificate
from exports.models.certificate import ADVISED_RSA_BITS
from exports.sealing.agreement import CURVES
from exports.sealing.cms import Recipient, SealingError, seal
from exports.services import visible
from exports.services.errors import Invalid, NotFound
from exports.services.trail import CERTIFICATE, tell

HIGHEST_BYTES = 64 * 1024
LOWEST_BITS, HIGHEST_BITS = 2048, 16_384
NAME_LENGTH = 200


_PLAIN_RSA = x509.ObjectIdentifier("1.2.840.113549.1.1.1")
"""Other RSA keys are for signatures only."""

Key = RSAPublicKey | EllipticCurvePublicKey


def usable(organization: Organization, at: datetime | None = None) -> QuerySet[Certificate]:
    """The certificates that a run would seal for now: active and within their validity. Without one no export starts."""
    at = at or timezone.now()
    return organization.certificates.filter(is_active=True, not_before__lte=at, not_after__gt=at)


def listing(access: Access) -> QuerySet[Certificate]:
    """The active ones first, of these the newest."""
    return visible.certificates(access).order_by("-is_active", "-created_at")


def primary(access: Access) -> Certificate | None:
    return visible.certificates(access).filter(is_primary=True).first()


def find(access: Access, pk: int) -> Certificate:
    """Raises NotFound, Denied."""
    certificate = visible.certificates(access).filter(pk=pk).first()
    if certificate is None:
        raise NotFound("There is no such certificate.")
    return certificate


@transaction.atomic
def set_active(access: Access, pk: int, *, active: bool) -> Certificate:
    """From now on new files are sealed for it, or no longer. Raises NotFound, Denied."""
    access.need(ADMINISTER)
    certificate = find(access, pk)
    before = values_of(certificate, ["is_active"])
    certificate.is_active = active
    certificate.save(update_fields=["is_active"])
    action = "certificate.activate" if active else "certificate.deactivate"
    tell(access, action, certificate, before=before, after=values_of(certificate, ["is_active"]))
    return certificate


def upload(
    access: Access,
    name: str,
    data: bytes,
    *,
    profile: str = Certificate.Profile.STANDARD,
    primary: bool = True,
) -> Certificate:
    """Accept an X.509 certificate (PEM or DER) with an RSA key or one of an elliptic curve. As primary it replaces the former one, which becomes inactive.

    Raises Denied, and Invalid under `certificatefilename`, `file` or `profile`.
    """
    access.need(ADMINISTER)
    check_name(name)
    if profile not in Certificate.Profile.values:
        raise Invalid({"profile": f'profile "{profile[:40]}" is unknown. Write one of {", ".join(Certificate.Profile.values)}.'})
    parsed, key = _accept(data, timezone.now())
    if isinstance(key, EllipticCurvePublicKey) and profile == Certificate.Profile.SMIME:
        raise Invalid({"profile": "profile smime is for RSA keys: old mail clients cannot open what is sealed for a curve. Take standard."})
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get(pk=access.organization.pk)
        former = organization.certificates.filter(is_primary=True).first() if primary else None
        if former:
            organization.certificates.filter(pk=former.pk).update(is_primary=False, is_active=False)
        terms = {"organization": organization, "name": name, "profile": profile, "is_primary": primary, "uploaded_by": access.user}
        made = Certificate.objects.create(**terms, **_told_by(parsed, key))
        before = values_of(former, CERTIFICATE) if former else None
        tell(access, "certificate.upload", made, before=before, after=values_of(made, CERTIFICATE))
    return made


def _told_by(parsed: x509.Certificate, key: Key) -> dict[str, Any]:
    """The columns that the certificate itself fills."""
    return {
        "pem": parsed.public_bytes(Encoding.PEM).decode(),
        "subject": parsed.subject.rfc4514_string()[:500],
        "fingerprint": parsed.fingerprint(hashes.SHA256()).hex(),
        "key_kind": CURVES[key.curve.name][0] if isinstance(key, EllipticCurvePublicKey) else "RSA",
        "key_bits": key.key_size,
        "not_before": parsed.not_valid_before_utc,
        "not_after": parsed.not_valid_after_utc,
    }


def warning(certificate: Certificate) -> str:
    """A sentence for the uploader about a key that is accepted but short; empty if all is well."""
    if not certificate.is_weak:
        return ""
    return f"The key has {certificate.key_bits} bits; {ADVISED_RSA_BITS} or more are recommended."


def check_name(name: str) -> None:
    """Raises Invalid unless `name` is a plain file name."""
    if not name or len(name) > NAME_LENGTH or not name.isprintable() or name in {".", ".."} or any(sign in name for sign in '/\\"'):
        sentence = f"must be a plain file name of at most {NAME_LENGTH} characters, without slashes, quotes and control characters."
        raise Invalid({"certificatefilename": f"The certificate's name {sentence}"})


def _accept(data: bytes, now: datetime) -> tuple[x509.Certificate, Key]:
    """Raises Invalid under `file`. The sentences hold nothing of `data`."""
    wrong = _wrong_kind(data)
    if wrong:
        raise Invalid({"file": wrong})
    try:
        parsed = _load(data)
        key = parsed.public_key()
        usage = _key_usage(parsed)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid({"file": "The file cannot be read as an X.509 certificate. Upload one in PEM or DER form."}) from None
    wrong = _wrong_key(parsed, key) or _wrong_time(parsed, now) or _wrong_usage(key, usage)
    if wrong or not isinstance(key, RSAPublicKey | EllipticCurvePublicKey):
        raise Invalid({"file": wrong})
    _try_sealing(parsed)
    return parsed, key


def _try_sealing(parsed: x509.Certificate) -> None:
    """What no rule above foresees, such as an exponent that the library refuses, must not come to light in a run."""
    try:
        list(seal([b""], [Recipient(parsed)]))
    except (SealingError, ValueError, UnsupportedAlgorithm):
        raise Invalid({"file": "Nothing can be sealed for the certificate's key. Upload a certificate with another key."}) from None


def _wrong_kind(data: bytes) -> str:
    if len(data) > HIGHEST_BYTES:
        return f"The file has {len(data)} bytes; a certificate may have at most {HIGHEST_BYTES}."
    if not data.strip():
        return "The file is empty. Upload an X.509 certificate in PEM or DER form."
    if b"PRIVATE KEY-----" in data:
        return "The file holds a private key. Keep it to yourself, and upload the certificate only."
    if data.count(b"-----BEGIN ") > 1:
        return "The file holds more than one object. Upload one certificate, without its chain."
    return _wrong_der(data)


def _wrong_der(data: bytes) -> str:
    """PKCS#12 and bare keys begin with an INTEGER inside their outer SEQUENCE, where a certificate has a SEQUENCE."""
    if data[:1] != b"\x30" or len(data) < 6:
        return ""
    header = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    if data[header : header + 3] == b"\x02\x01\x03":
        return "The file is a PKCS#12 container. Export the certificate from it, without the private key, and upload that."
    if data[header : header + 1] == b"\x02":
        return "The file holds a private key. Keep it to yourself, and upload the certificate only."
    return ""


def _load(data: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(data) if b"-----BEGIN " in data else x509.load_der_x509_certificate(data)


def _key_usage(parsed: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _wrong_key(parsed: x509.Certificate, key: object) -> str:
    if isinstance(key, EllipticCurvePublicKey):
        names = [name for name, _, _ in CURVES.values()]
        return (
            "" if key.curve.name in CURVES else f"The certificate's key is of the curve {key.curve.name}. It must be {' or '.join(names)}."
        )
    if not isinstance(key, RSAPublicKey) or parsed.public_key_algorithm_oid != _PLAIN_RSA:
        return (
            "The certificate's key is neither RSA nor of an elliptic curve that files can be sealed for. Upload one with RSA of 3072 bits."
        )
    if key.key_size < LOWEST_BITS:
        return f"The certificate's RSA key has {key.key_size} bits. It must have {LOWEST_BITS} or more, better {ADVISED_RSA_BITS}."
    return f"The certificate's RSA key has {key.key_size} bits; at most {HIGHEST_BITS} are possible." if key.key_size > HIGHEST_BITS else ""


def _wrong_time(parsed: x509.Certificate, now: datetime) -> str:
    if now >= parsed.not_valid_after_utc:
        return f"The certificate expired on {parsed.not_valid_after_utc:%Y-%m-%d}. Upload one that is valid."
    if now < parsed.not_valid_before_utc:
        return f"The certificate is not valid before {parsed.not_valid_before_utc:%Y-%m-%d}. Upload one that is valid now."
    return ""


def _wrong_usage(key: object, usage: x509.KeyUsage | None) -> str:
    """An RSA key enciphers the content's key, a curve's agrees on one. A certificate that says nothing allows everything."""
    if usage is None:
        return ""
    what, allowed = (
        ("key encipherment", usage.key_encipherment) if isinstance(key, RSAPublicKey) else ("key agreement", usage.key_agreement)
    )
    return "" if allowed else f"The certificate's key usage does not allow {what}. Upload one that may be used for encryption."
