"""CMS (RFC 5652) as a stream: EnvelopedData and AuthEnvelopedData (RFC 5083, 5084) for one or more recipients, RSA or elliptic curve.

The length of the content is not known when the first byte goes out, so the outer structures have BER's indefinite length
and the content is a sequence of OCTET STRINGs, as `openssl cms -encrypt -stream` writes it too. Only the recipients and
the algorithm identifiers are built by a library (asn1crypto); nothing here decides about trust (exports/services/certificates.py).
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding

from exports.sealing.agreement import CURVES, key_agreement

STANDARD, AUTHENTICATED, SMIME = "standard", "authenticated", "smime"
AES256_GCM = "2.16.840.1.101.3.4.1.46"

_END = b"\x00\x00"
_SEQUENCE, _EXPLICIT_0, _CONTENT_0 = b"\x30\x80", b"\xa0\x80", b"\xa0\x80"
_VERSION_0, _VERSION_2 = core.Integer(0).dump(), core.Integer(2).dump()
_DATA = cms.ContentType("data").dump()


class SealingError(Exception):
    """These recipients cannot share a file, or a certificate cannot be sealed for. The text is for the user."""


@dataclass(frozen=True)
class Recipient:
    """A certificate with an RSA key or one of an elliptic curve, and how files are sealed for it: standard, authenticated or smime."""

    certificate: x509.Certificate
    profile: str = STANDARD

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def content_type(recipients: Sequence[Recipient]) -> str:
    """`enveloped-data` or `authEnveloped-data`, the S/MIME type of what `seal` writes. One file has one content cipher."""
    if not recipients:
        raise SealingError("There is no certificate to seal for.")
    authenticated = {recipient.profile == AUTHENTICATED for recipient in recipients}
    if len(authenticated) == 2:
        raise SealingError(
            "The active certificates mix the profile authenticated with others; one file can have only one. Give all the same."
        )
    return "authEnveloped-data" if authenticated == {True} else "enveloped-data"


def seal(chunks: Iterable[bytes], recipients: Sequence[Recipient]) -> Iterator[bytes]:
    """Encrypt with a fresh AES-256 key that each recipient's private key gives back. Yields the CMS message in BER."""
    key = os.urandom(32)
    authenticated = content_type(recipients) == "authEnveloped-data"
    cipher: _ContentCipher = _Gcm(key) if authenticated else _Cbc(key)
    kind = "authenticated_enveloped_data" if authenticated else "enveloped_data"
    infos = sorted(_recipient_info(recipient, key) for recipient in recipients)
    version = _VERSION_2 if not authenticated and any(map(is_curve, recipients)) else _VERSION_0
    yield b"".join((
        _SEQUENCE, cms.ContentType(kind).dump(), _EXPLICIT_0, _SEQUENCE, version, _set(infos),
        _SEQUENCE, _DATA, cipher.algorithm, _CONTENT_0,
    ))  # fmt: skip
    for chunk in chunks:
        yield from _octets(cipher.update(chunk))
    yield from _octets(cipher.finish())
    yield _END + _END + cipher.trailer + _END * 3


def _octets(data: bytes) -> Iterator[bytes]:
    if data:
        yield core.OctetString(b"").dump()[:1] + _length(len(data))
        yield data


def _set(sorted_members: list[bytes]) -> bytes:
    members = b"".join(sorted_members)
    return b"\x31" + _length(len(members)) + members


def _length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    encoded = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(encoded)]) + encoded


class _ContentCipher(Protocol):
    algorithm: bytes
    trailer: bytes

    def update(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Cbc:
    """AES-256-CBC with PKCS#7 padding. No integrity of its own: the signed manifest has the hashes."""

    trailer = b""

    def __init__(self, key: bytes) -> None:
        iv = os.urandom(16)
        self.algorithm = algos.EncryptionAlgorithm({"algorithm": "aes256_cbc", "parameters": core.OctetString(iv)}).dump()
        self._encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        self._length = 0

    def update(self, data: bytes) -> bytes:
        self._length += len(data)
        return self._encryptor.update(data)

    def finish(self) -> bytes:
        tail = 16 - self._length % 16
        return self._encryptor.update(bytes([tail]) * tail) + self._encryptor.finalize()


class _GcmParameters(core.Sequence):  # type: ignore[misc]  # published without types
    """RFC 5084: GCMParameters. ICV length 16, not the default of 12."""

    _fields = [("nonce", core.OctetString), ("icvlen", core.Integer, {"default": 12})]


class GcmAlgorithm(core.Sequence):  # type: ignore[misc]  # published without types
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", _GcmParameters)]


class _Gcm:
    """AES-256-GCM; the tag follows the content, so a changed byte is found on decryption."""

    trailer = b""

    def __init__(self, key: bytes) -> None:
        nonce = os.urandom(12)
        self.algorithm = GcmAlgorithm({"algorithm": AES256_GCM, "parameters": {"nonce": nonce, "icvlen": 16}}).dump()
        self._encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()

    def update(self, data: bytes) -> bytes:
        return self._encryptor.update(data)

    def finish(self) -> bytes:
        tail = self._encryptor.finalize()
        self.trailer = core.OctetString(self._encryptor.tag).dump()
        return tail


def is_curve(recipient: Recipient) -> bool:
    return isinstance(recipient.certificate.public_key(), EllipticCurvePublicKey)


def _recipient_info(recipient: Recipient, key: bytes) -> bytes:
    """In DER. Raises SealingError for a key that nothing can be sealed for."""
    public_key = recipient.certificate.public_key()
    parsed = asn1_x509.Certificate.load(recipient.certificate.public_bytes(Encoding.DER))
    if isinstance(public_key, EllipticCurvePublicKey) and public_key.curve.name in CURVES:
        if recipient.profile == SMIME:
            raise SealingError("The profile smime is for RSA keys: old mail clients cannot open what is sealed for an elliptic curve.")
        return key_agreement(parsed, public_key, key)
    if not isinstance(public_key, RSAPublicKey):
        raise SealingError("Files can be sealed for certificates with an RSA key or one of the curves P-256, P-384 and P-521 only.")
    algorithm = _transport_algorithm(recipient.profile)
    info = cms.RecipientInfo(
        "ktri",
        {
            "version": "v0",
            "rid": cms.RecipientIdentifier("issuer_and_serial_number", {"issuer": parsed.issuer, "serial_number": parsed.serial_number}),
            "key_encryption_algorithm": algorithm,
            "encrypted_key": public_key.encrypt(key, key_transport(is_oaep=recipient.profile != SMIME)),
        },
    )
    return bytes(info.dump())


def _transport_algorithm(profile: str) -> cms.KeyEncryptionAlgorithm:
    if profile == SMIME:
        return cms.KeyEncryptionAlgorithm({"algorithm": "rsaes_pkcs1v15"})
    sha256 = {"algorithm": "sha256"}
    parameters = {"hash_algorithm": sha256, "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256}}
    return cms.KeyEncryptionAlgorithm({"algorithm": "rsaes_oaep", "parameters": parameters})


def key_transport(*, is_oaep: bool) -> rsa_padding.AsymmetricPadding:
    """How a content key is wrapped for an RSA key."""
    return rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA256()), hashes.SHA256(), None) if is_oaep else rsa_padding.PKCS1v15()
