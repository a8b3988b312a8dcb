"""What exports.sealing.cms has sealed, opened as a stream with a recipient's private key: memory does not grow with the file.

It reads the one form of BER that `seal` writes, and refuses any other. EnvelopedData has no integrity of its own, so nothing that this
gives may be used before the whole is compared with a hash that is known from elsewhere (File.zip_sha256).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from exports.sealing.agreement import CURVES, agreed_key
from exports.sealing.cms import AES256_GCM, GcmAlgorithm, key_transport

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

_PIECE = 1024 * 1024
_MOST_HEADER = 4 * 1024 * 1024
"""Bytes of the recipients: seal() takes about 600 for each."""
_KEY_BYTES, _TAG_BYTES = 32, 16
_ENVELOPED, _AUTHENTICATED = cms.ContentType("enveloped_data").dump(), cms.ContentType("authenticated_enveloped_data").dump()
_SEQUENCE, _SET, _EXPLICIT_0, _OCTETS, _END = 0x30, 0x31, 0xA0, 0x04, 0x00


class OpeningError(Exception):
    """The file cannot be opened with this key, or is not what was sealed. The text is for the user."""


def read_private_key(pem: str) -> PrivateKey:
    """An RSA key, or one of the curves that files are sealed for, without a passphrase. Raises OpeningError, which tells nothing of the key."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnicodeEncodeError) as error:
        raise OpeningError("This is no private key in PEM form without a passphrase.") from error
    if isinstance(key, RSAPrivateKey) or (isinstance(key, EllipticCurvePrivateKey) and key.curve.name in CURVES):
        return key
    raise OpeningError("Files are sealed for RSA keys and those of the curves P-256, P-384 and P-521 only.")


def belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)


def unseal(chunks: Iterable[bytes], key: PrivateKey, certificates: Sequence[x509.Certificate]) -> Iterator[bytes]:
    """The zip of a sealed file. certificates: those of the key. Raises OpeningError, also at the very end: see above."""
    stream = _Stream(chunks)
    stream.begin(_SEQUENCE)
    kind = stream.element(0x06)
    if kind not in {_ENVELOPED, _AUTHENTICATED}:
        raise _not_ours()
    stream.begin(_EXPLICIT_0)
    stream.begin(_SEQUENCE)
    stream.element(0x02)
    content_key = _content_key(stream.element(_SET), key, certificates)
    stream.begin(_SEQUENCE)
    stream.element(0x06)
    cipher = _cipher(stream.element(_SEQUENCE), content_key, authenticated=kind == _AUTHENTICATED)
    stream.begin(_EXPLICIT_0)
    for piece in stream.octets():
        yield cipher.update(piece)
    stream.end()
    yield cipher.finish(stream.element(_OCTETS) if kind == _AUTHENTICATED else b"")
    for _ in range(3):
        stream.end()
    stream.nothing_more()


# --- Recipients ----------------------------------------------------------------------------------------------------
def _content_key(recipients: bytes, key: PrivateKey, certificates: Sequence[x509.Certificate]) -> bytes:
    own = [asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in certificates]
    try:
        for info in cms.RecipientInfos.load(recipients):
            if (found := _key_of(info, key, own)) is not None and len(found) == _KEY_BYTES:
                return found
    except (ValueError, TypeError, KeyError) as error:  # asn1crypto's and cryptography's ways to say that the bytes are wrong
        raise OpeningError("The file's recipients cannot be read, or its key does not fit.") from error
    raise OpeningError("The file is not sealed for this private key.")


def _key_of(info: cms.RecipientInfo, key: PrivateKey, own: Sequence[asn1_x509.Certificate]) -> bytes | None:
    """None if it is not for the key's certificates."""
    if isinstance(key, EllipticCurvePrivateKey):
        return agreed_key(info.dump(), key, own) if info.name == "kari" else None
    if info.name != "ktri":
        return None
    given = info.chosen
    rid = given["rid"].chosen
    if not any(rid["issuer"] == each.issuer and rid["serial_number"].native == each.serial_number for each in own):
        return None
    return key.decrypt(
        given["encrypted_key"].native, key_transport(is_oaep=given["key_encryption_algorithm"]["algorithm"].native == "rsaes_oaep")
    )


# --- Ciphers -------------------------------------------------------------------------------------------------------
class _Opened:
    """A content cipher at work: `finish` takes what follows the content."""

    def __init__(self, mode: modes.CBC | modes.GCM, key: bytes, finish: Callable[[bytes, bytes], bytes]) -> None:
        self._decryptor = Cipher(algorithms.AES(key), mode).decryptor()
        self._finish = finish
        self._held = b""
        """The last block, which may be padding."""

    def update(self, data: bytes) -> bytes:
        ready = self._held + self._decryptor.update(data)
        self._held = ready[-16:]
        return ready[:-16]

    def finish(self, trailer: bytes) -> bytes:
        try:
            if trailer:
                rest: bytes = self._decryptor.finalize_with_tag(core.OctetString.load(trailer).native)  # type: ignore[attr-defined]  # of GCM
            else:
                rest = self._decryptor.finalize()
        except (InvalidTag, ValueError) as error:
            raise OpeningError("The file's bytes were changed, or the key is not the right one.") from error
        return self._finish(self._held, rest)


def _cipher(algorithm: bytes, key: bytes, *, authenticated: bool) -> _Opened:
    try:
        if authenticated:
            given = GcmAlgorithm.load(algorithm)
            parameters = given["parameters"]
            if (given["algorithm"].native, parameters["icvlen"].native) == (AES256_GCM, _TAG_BYTES):
                return _Opened(modes.GCM(parameters["nonce"].native), key, lambda held, rest: held + rest)
        else:
            given = algos.EncryptionAlgorithm.load(algorithm)
            if given["algorithm"].native == "aes256_cbc":
                return _Opened(modes.CBC(given["parameters"].native), key, _unpadded)
    except (ValueError, TypeError, KeyError) as error:
        raise _not_ours() from error
    raise _not_ours()


def _unpadded(held: bytes, rest: bytes) -> bytes:
    last = held + rest
    size = last[-1] if last else 0
    if not 1 <= size <= 16 or last[-size:] != bytes([size]) * size:
        raise OpeningError("The file's bytes were changed, or the key is not the right one.")
    return last[:-size]


# --- BER -----------------------------------------------------------------------------------------------------------
class _Stream:
    """The bytes, read forward only."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        parts = []
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._chunks, b""))
                if not self._rest:
                    raise OpeningError("The file ends too early: it is not all there.")
            part, self._rest = self._rest[:size], self._rest[size:]
            size -= len(part)
            parts.append(bytes(part))
        return b"".join(parts)

    def begin(self, tag: int) -> None:
        """What has an indefinite length."""
        if self.read(2) != bytes([tag, 0x80]):
            raise _not_ours()

    def end(self) -> None:
        if self.read(2) != b"\0\0":
            raise _not_ours()

    def element(self, tag: int) -> bytes:
        """A whole element, of a definite length."""
        if self.read(1)[0] != tag:
            raise _not_ours()
        size, header = self._length()
        if size > _MOST_HEADER:
            raise _not_ours()
        return bytes([tag]) + header + self.read(size)

    def octets(self) -> Iterator[bytes]:
        """The contents of OCTET STRINGs, up to the end of what holds them, of which one of two bytes is read."""
        while (tag := self.read(1)[0]) == _OCTETS:
            size, _ = self._length()
            while size:
                piece = self.read(min(size, _PIECE))
                size -= len(piece)
                yield piece
        if tag != _END or self.read(1)[0] != _END:
            raise _not_ours()

    def nothing_more(self) -> None:
        if self._rest or any(self._chunks):
            raise _not_ours()

    def _length(self) -> tuple[int, bytes]:
        """And as it is written."""
        first = self.read(1)
        if first[0] < 0x80:
            return first[0], first
        if not 0x81 <= first[0] <= 0x88:
            raise _not_ours()
        more = self.read(first[0] - 0x80)
        return int.from_bytes(more, "big"), first + more


def _not_ours() -> OpeningError:
    return OpeningError("The file has not the form in which Strongroom seals.")
