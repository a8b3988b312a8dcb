"""What is accepted as a certificate, and the sentence for everything else."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID

from accounts.services.access import Access
from exports.models import Certificate
from exports.services.certificates import primary, upload, usable, warning
from exports.services.errors import Invalid

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
KEY = rsa.generate_private_key(65537, 2048)


def certificate_of(
    key: CertificateIssuerPrivateKeyTypes = KEY,
    *,
    start: datetime = NOW - DAY,
    end: datetime = NOW + DAY,
    encipherment: bool | None = None,
    agreement: bool = False,
    public: rsa.RSAPublicKey | None = None,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    builder = x509.CertificateBuilder(name, name, public or key.public_key(), x509.random_serial_number(), start, end)
    if encipherment is not None:
        usage = x509.KeyUsage(True, False, encipherment, False, agreement, False, False, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def private(encoding: Encoding, form: PrivateFormat) -> bytes:
    return KEY.private_bytes(encoding, form, NoEncryption())


def signed_by_itself(key: ed25519.Ed25519PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    return x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - DAY, NOW + DAY).sign(key, None)


CURVE = ec.generate_private_key(ec.SECP384R1())
GOOD = certificate_of()
REFUSED = {
    "nothing": (b"", "empty"),
    "noise": (b"\x00" * 100, "cannot be read"),
    "broken PEM": (pem(GOOD)[:200] + b"\n-----END CERTIFICATE-----\n", "cannot be read"),
    "PEM private key": (private(Encoding.PEM, PrivateFormat.PKCS8), "private key"),
    "certificate with private key": (pem(GOOD) + private(Encoding.PEM, PrivateFormat.PKCS8), "private key"),
    "DER private key": (private(Encoding.DER, PrivateFormat.PKCS8), "private key"),
    "PKCS#12": (pkcs12.serialize_key_and_certificates(b"x", KEY, GOOD, None, BestAvailableEncryption(b"x")), "PKCS#12"),
    "chain": (pem(GOOD) + pem(GOOD), "more than one"),
    "64 KB and more": (pem(GOOD) + b"\n" * 65_536, "at most 65536"),
    "RSA 1024": (pem(certificate_of(rsa.generate_private_key(65537, 1024))), "1024 bits"),
    "RSA of 20000 bits": (pem(certificate_of(public=rsa.RSAPublicNumbers(65537, 2**20_000 + 1).public_key())), "at most 16384"),
    "RSA with an exponent that no library takes": (
        pem(certificate_of(public=rsa.RSAPublicNumbers(2**100 + 1, 2**4095 + 1).public_key())),
        "Nothing can be sealed",
    ),
    "a curve of others": (pem(certificate_of(ec.generate_private_key(ec.SECP256K1()))), "P-256 or P-384 or P-521"),
    "Ed25519": (pem(signed_by_itself(ed25519.Ed25519PrivateKey.generate())), "neither RSA nor"),
    "curve for signatures only": (pem(certificate_of(CURVE, encipherment=True)), "key agreement"),
    "expired": (pem(certificate_of(start=NOW - 2 * DAY, end=NOW - DAY)), "expired"),
    "not yet valid": (pem(certificate_of(start=NOW + DAY, end=NOW + 2 * DAY)), "not valid before"),
    "for signatures only": (pem(certificate_of(encipherment=False)), "key encipherment"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_sentence_and_neither_stored_nor_logged(access: Access, case: str, caplog: pytest.LogCaptureFixture) -> None:
    data, words = REFUSED[case]
    with pytest.raises(Invalid, match=words) as refused:
        upload(access, "c.pem", data)
    assert list(refused.value.errors) == ["file"]
    assert refused.value.__cause__ is None
    assert (Certificate.objects.count(), caplog.text) == (0, "")


@pytest.mark.parametrize(
    "data", [pem(GOOD), GOOD.public_bytes(Encoding.DER), b"Bag Attributes\n" + pem(GOOD), pem(certificate_of(encipherment=True))]
)
def test_pem_and_der_are_accepted(access: Access, data: bytes) -> None:
    certificate = upload(access, "c.pem", data)
    assert certificate.pem.startswith("-----BEGIN CERTIFICATE-----\n")
    assert (certificate.key_bits, certificate.subject, certificate.uploaded_by) == (2048, "CN=tests", access.user)
    assert "3072" in warning(certificate)


@pytest.mark.parametrize("profile", ["standard", "authenticated"])
@pytest.mark.parametrize("encipherment", [None, False])
def test_a_curve_is_accepted_without_a_warning(access: Access, profile: str, encipherment: bool | None) -> None:
    certificate = upload(access, "c.pem", pem(certificate_of(CURVE, encipherment=encipherment, agreement=True)), profile=profile)
    assert (certificate.key, certificate.key_bits, warning(certificate)) == ("P-384", 384, "")


def test_a_curve_for_old_mail_clients_is_refused(access: Access) -> None:
    with pytest.raises(Invalid, match="smime is for RSA keys") as refused:
        upload(access, "c.pem", pem(certificate_of(CURVE)), profile="smime")
    assert list(refused.value.errors) == ["profile"]


@pytest.mark.parametrize("bits", [2048, 3072])
def test_a_short_key_is_warned_about(access: Access, bits: int) -> None:
    certificate = upload(access, "c.pem", pem(certificate_of(KEY if bits == 2048 else rsa.generate_private_key(65537, bits))))
    assert bool(warning(certificate)) == certificate.is_weak == (bits < 3072)


def test_a_new_primary_replaces_the_former_one(access: Access) -> None:
    first, second = (upload(access, name, pem(GOOD)) for name in ("1.pem", "2.pem"))
    assert primary(access) == second
    assert list(usable(access.organization)) == [second]
    assert list(access.organization.certificates.order_by("pk")) == [first, second]


def test_a_further_recipient_leaves_the_primary_one(access: Access) -> None:
    first = upload(access, "1.pem", pem(GOOD))
    upload(access, "2.pem", pem(GOOD), primary=False)
    assert primary(access) == first
    assert usable(access.organization).count() == 2


def test_a_refused_certificate_leaves_the_former_one(access: Access) -> None:
    first = upload(access, "1.pem", pem(GOOD))
    with pytest.raises(Invalid):
        upload(access, "2.pem", b"x")
    assert list(usable(access.organization)) == [first]


@pytest.mark.parametrize("profile", ["", "plain", "STANDARD"])
def test_an_unknown_profile_is_refused(access: Access, profile: str) -> None:
    with pytest.raises(Invalid, match="standard, authenticated, smime"):
        upload(access, "c.pem", pem(GOOD), profile=profile)
