"""Sealed files, judged by the openssl command line: what it decrypts is what went in, and only for who may."""

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.formats.base import Piece
from exports.sealing.cms import AUTHENTICATED, SMIME, STANDARD, Recipient, SealingError, content_type, seal
from exports.sealing.package import Contents, Package, Pieces
from tests.exports.people import MOMENT, Person


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Person]:
    folder = tmp_path_factory.mktemp("people")
    return Person(folder, "ana"), Person(folder, "björn")


def sealed_for(*recipients: Recipient, data: bytes = b"the rows") -> bytes:
    return b"".join(seal([data], recipients))


@pytest.mark.parametrize("profile", [STANDARD, AUTHENTICATED, SMIME])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 127, 128, 65_536, 3_000_001])
def test_openssl_decrypts_every_profile_at_every_length(people: tuple[Person, Person], profile: str, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    opened = people[0].decrypt(sealed_for(Recipient(people[0].certificate, profile), data=data))
    assert opened.stdout == data, opened.stderr


@settings(max_examples=15, deadline=None)
@given(chunks=st.lists(st.binary(max_size=5_000), max_size=20), profile=st.sampled_from([STANDARD, AUTHENTICATED, SMIME]))
def test_however_the_stream_is_cut_openssl_gives_it_back(people: tuple[Person, Person], chunks: list[bytes], profile: str) -> None:
    sealed = b"".join(seal(chunks, [Recipient(people[0].certificate, profile)]))
    assert people[0].decrypt(sealed).stdout == b"".join(chunks)


@pytest.mark.parametrize("profiles", [(STANDARD, STANDARD), (STANDARD, SMIME), (AUTHENTICATED, AUTHENTICATED)])
def test_each_of_two_recipients_opens_the_file_alone(people: tuple[Person, Person], profiles: tuple[str, str]) -> None:
    sealed = sealed_for(*(Recipient(person.certificate, profile) for person, profile in zip(people, profiles, strict=True)))
    assert [person.decrypt(sealed).stdout for person in people] == [b"the rows"] * 2


def test_who_is_no_recipient_cannot_open_it(people: tuple[Person, Person]) -> None:
    opened = people[1].decrypt(sealed_for(Recipient(people[0].certificate)))
    assert opened.returncode != 0
    assert b"the rows" not in opened.stdout


def test_the_smime_profile_is_what_old_clients_read(people: tuple[Person, Person]) -> None:
    assert people[0].decrypt(sealed_for(Recipient(people[0].certificate, SMIME)), tool="smime").stdout == b"the rows"


def test_a_changed_byte_is_found_in_the_authenticated_profile(people: tuple[Person, Person]) -> None:
    sealed = bytearray(sealed_for(Recipient(people[0].certificate, AUTHENTICATED), data=b"x" * 1000))
    sealed[-200] ^= 1
    assert people[0].decrypt(bytes(sealed)).returncode != 0


def test_profiles_with_different_content_ciphers_cannot_share_a_file(people: tuple[Person, Person]) -> None:
    with pytest.raises(SealingError, match="mix the profile authenticated"):
        content_type([Recipient(people[0].certificate, AUTHENTICATED), Recipient(people[1].certificate, STANDARD)])


def test_nothing_is_sealed_for_nobody() -> None:
    with pytest.raises(SealingError, match="no certificate"):
        list(seal([b"x"], []))


CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    folder = tmp_path_factory.mktemp("curves")
    return {name: Person(folder, name, ec.generate_private_key(curve())) for name, curve in CURVES.items()}


@pytest.mark.parametrize("profile", [STANDARD, AUTHENTICATED])
@pytest.mark.parametrize("curve", CURVES)
def test_openssl_decrypts_for_every_curve(curves: dict[str, Person], curve: str, profile: str) -> None:
    person, data = curves[curve], bytes(range(256)) * 1000
    sealed = sealed_for(Recipient(person.certificate, profile), data=data)
    assert person.decrypt(sealed).stdout == data
    assert person.decrypt_by_key(sealed).stdout == data


@pytest.mark.parametrize("profiles", [(STANDARD, STANDARD), (SMIME, STANDARD), (AUTHENTICATED, AUTHENTICATED)])
def test_rsa_and_curves_share_a_file_and_each_opens_it_alone(
    people: tuple[Person, Person], curves: dict[str, Person], profiles: tuple[str, str]
) -> None:
    recipients = [Recipient(person.certificate, profiles[0]) for person in people]
    recipients += [Recipient(person.certificate, profiles[1]) for person in curves.values()]
    sealed = sealed_for(*recipients)
    for person in (*people, *curves.values()):
        assert person.decrypt(sealed).stdout == person.decrypt_by_key(sealed).stdout == b"the rows"


def test_another_key_of_the_same_curve_opens_nothing(curves: dict[str, Person], tmp_path: Path) -> None:
    stranger = Person(tmp_path, "stranger", ec.generate_private_key(ec.SECP256R1()))
    opened = stranger.decrypt_by_key(sealed_for(Recipient(curves["P-256"].certificate)))
    assert opened.returncode != 0
    assert b"the rows" not in opened.stdout


def test_old_mail_clients_profile_and_a_curve_are_refused_with_a_sentence(curves: dict[str, Person]) -> None:
    with pytest.raises(SealingError, match="smime is for RSA"):
        sealed_for(Recipient(curves["P-256"].certificate, SMIME))


def test_another_curve_is_refused_with_a_sentence(tmp_path: Path) -> None:
    person = Person(tmp_path, "curve", ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(SealingError, match="P-256, P-384 and P-521"):
        sealed_for(Recipient(person.certificate))


def test_two_files_of_the_same_rows_share_no_key(people: tuple[Person, Person]) -> None:
    first, second = (sealed_for(Recipient(people[0].certificate), data=bytes(64)) for _ in range(2))
    assert first[-80:] != second[-80:]


# --- packages: zip inside, within a size ---------------------------------------------------------------------------


def lines(count: int, size: int, *, random: bool = False) -> Iterator[Piece]:
    import random as generator

    source = generator.Random(7)
    for number in range(count):
        body = source.randbytes(size).hex().encode()[:size] if random else b"a" * size
        yield Piece(b"%07d%s\n" % (number, body), 1)


def packed(person: Person, pieces: Pieces, limit: int) -> tuple[Package, bytes]:
    package = Package(pieces, Contents("Interaction-1.json", MOMENT), [Recipient(person.certificate)], limit)
    sealed = b"".join(package)
    return package, sealed


def unpacked(person: Person, sealed: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(person.decrypt(sealed).stdout)) as archive:
        assert archive.testzip() is None
        return archive.read("Interaction-1.json")


def test_a_package_is_a_zip_with_one_member_and_tells_what_is_in_it(people: tuple[Person, Person]) -> None:
    package, sealed = packed(people[0], Pieces(lines(1000, 50)), 10**9)
    plain = unpacked(people[0], sealed)
    assert plain == b"".join(bytes(piece.data) for piece in lines(1000, 50))
    assert (package.rows, package.plain_size, package.size) == (1000, len(plain), len(sealed))
    assert package.zip_sha256 == hashlib.sha256(people[0].decrypt(sealed).stdout).hexdigest()
    assert package.sha256 == hashlib.sha256(sealed).hexdigest()


def test_the_zip_is_what_unzip_accepts(people: tuple[Person, Person], tmp_path: Path) -> None:
    archive = tmp_path / "rows.zip"
    archive.write_bytes(people[0].decrypt(packed(people[0], Pieces(lines(1000, 50)), 10**9)[1]).stdout)
    done = subprocess.run(["unzip", "-t", str(archive)], capture_output=True, text=True, check=False)
    assert "No errors detected" in done.stdout, done.stdout


def test_split_packages_stay_within_their_limit_and_lose_no_row(people: tuple[Person, Person]) -> None:
    limit, pieces, plain, sizes = 1_000_000, Pieces(lines(3000, 1500, random=True)), b"", []
    while pieces.next is not None:
        _, sealed = packed(people[0], pieces, limit)
        sizes.append(len(sealed))
        plain += unpacked(people[0], sealed)
    assert plain == b"".join(bytes(piece.data) for piece in lines(3000, 1500, random=True))
    assert max(sizes) <= limit
    assert min(sizes[:-1]) > limit * 3 // 4


def test_a_row_larger_than_the_limit_gets_a_package_of_its_own(people: tuple[Person, Person]) -> None:
    pieces = Pieces(iter([Piece(b"a" * 10 + b"\n", 1), Piece(next(lines(1, 3_000_000, random=True)).data, 1), Piece(b"b\n", 1)]))
    rows = []
    while pieces.next is not None:
        rows.append(packed(people[0], pieces, 1_000_000)[0].rows)
    assert rows == [1, 1, 1]
