"""How the content key goes to an elliptic-curve certificate: KeyAgreeRecipientInfo (RFC 5652, 5753), as `openssl cms` reads it.

A fresh key of the same curve agrees with the certificate's (ECDH), the X9.63 KDF makes a key of what they share, and AES-256
key wrap (RFC 3394) wraps the content key with it.
"""

from collections.abc import Sequence

from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVES: dict[str, tuple[str, hashes.HashAlgorithm, str]] = {
    SECP256R1.name: ("P-256", hashes.SHA256(), "1.3.132.1.11.1"),
    SECP384R1.name: ("P-384", hashes.SHA384(), "1.3.132.1.11.2"),
    SECP521R1.name: ("P-521", hashes.SHA512(), "1.3.132.1.11.3"),
}
"""By name of the curve: what people call it, the KDF's hash, and the OID of dhSinglePass-stdDH-…kdf-scheme."""

_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_AES256_WRAP = "2.16.840.1.101.3.4.1.45"
_KEK_BYTES = 32


class _Wrap(core.Sequence):  # type: ignore[misc]  # published without types, like all below
    _fields = [("algorithm", core.ObjectIdentifier)]


class _Scheme(core.Sequence):  # type: ignore[misc]  # published without types
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", _Wrap)]


class _OriginatorKey(core.Sequence):  # type: ignore[misc]  # published without types
    _fields = [("algorithm", _Wrap), ("public_key", core.OctetBitString)]


class _Originator(core.Choice):  # type: ignore[misc]  # published without types
    _alternatives = [("originator_key", _OriginatorKey, {"implicit": 1})]


class _IssuerAndSerial(core.Sequence):  # type: ignore[misc]  # published without types
    _fields = [("issuer", asn1_x509.Name), ("serial_number", core.Integer)]


class _EncryptedKey(core.Sequence):  # type: ignore[misc]  # published without types
    _fields = [("rid", _IssuerAndSerial), ("encrypted_key", core.OctetString)]


class _EncryptedKeys(core.SequenceOf):  # type: ignore[misc]  # published without types
    _child_spec = _EncryptedKey


class _KeyAgree(core.Sequence):  # type: ignore[misc]  # published without types
    _fields = [
        ("version", core.Integer),
        ("originator", _Originator, {"explicit": 0}),
        ("key_encryption_algorithm", _Scheme),
        ("recipient_encrypted_keys", _EncryptedKeys),
    ]


class _SharedInfo(core.Sequence):  # type: ignore[misc]  # published without types
    _fields = [("key_info", _Wrap), ("supp_pub_info", core.OctetString, {"explicit": 2})]


def key_agreement(parsed: asn1_x509.Certificate, public_key: EllipticCurvePublicKey, key: bytes) -> bytes:
    """The RecipientInfo, in DER. `parsed` and `public_key` are the certificate's, which is of one of CURVES; `key` is the content key."""
    _, digest, scheme = CURVES[public_key.curve.name]
    ours = generate_private_key(public_key.curve)
    info = _KeyAgree(
        {
            "version": 3,
            "originator": _Originator(
                "originator_key", {"algorithm": {"algorithm": _EC_PUBLIC_KEY}, "public_key": _point(ours.public_key())}
            ),
            "key_encryption_algorithm": {"algorithm": scheme, "parameters": {"algorithm": _AES256_WRAP}},
            "recipient_encrypted_keys": [
                {
                    "rid": {"issuer": parsed.issuer, "serial_number": parsed.serial_number},
                    "encrypted_key": aes_key_wrap(_wrapping_key(ours, public_key, digest), key),
                }
            ],
        },
        implicit=1,
    )
    return bytes(info.dump())


def agreed_key(info: bytes, private_key: EllipticCurvePrivateKey, own: Sequence[asn1_x509.Certificate]) -> bytes | None:
    """The content key, of a RecipientInfo that key_agreement has made. own: the key's certificates. None if it is for none of them.

    Raises ValueError for what is not of that form.
    """
    given = _KeyAgree.load(info, implicit=1)
    sender = given["originator"].chosen["public_key"].native
    for wrapped in given["recipient_encrypted_keys"]:
        rid = wrapped["rid"]
        if any(rid["issuer"] == each.issuer and rid["serial_number"].native == each.serial_number for each in own):
            theirs = EllipticCurvePublicKey.from_encoded_point(private_key.curve, sender)
            try:
                return aes_key_unwrap(
                    _wrapping_key(private_key, theirs, CURVES[private_key.curve.name][1]), wrapped["encrypted_key"].native
                )
            except InvalidUnwrap:
                return None
    return None


def _wrapping_key(ours: EllipticCurvePrivateKey, theirs: EllipticCurvePublicKey, digest: hashes.HashAlgorithm) -> bytes:
    shared_info = _SharedInfo({"key_info": {"algorithm": _AES256_WRAP}, "supp_pub_info": (_KEK_BYTES * 8).to_bytes(4, "big")})
    return X963KDF(digest, _KEK_BYTES, shared_info.dump()).derive(ours.exchange(ECDH(), theirs))


def _point(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
