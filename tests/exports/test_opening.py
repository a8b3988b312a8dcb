"""Sealed files opened by Strongroom itself, with a private key that an organization keeps."""

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.sealing.cms import AUTHENTICATED, SMIME, STANDARD, Recipient, seal
from exports.sealing.opening import OpeningError, belongs, read_private_key, unseal
from exports.sealing.unzipping import ZipRefused, member_bytes
from tests.exports.people import Person

CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
PROFILES = [STANDARD, AUTHENTICATED, SMIME]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    folder = tmp_path_factory.mktemp("people")
    curves = {name: Person(folder, name, ec.generate_private_key(curve())) for name, curve in CURVES.items()}
    return {"ana": Person(folder, "ana"), "björn": Person(folder, "björn"), **curves}


def opened(sealed: list[bytes] | bytes, person: Person) -> bytes:
    chunks = [sealed] if isinstance(sealed, bytes) else sealed
    return b"".join(unseal(chunks, read_private_key(person.key_file.read_text()), [person.certificate]))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 65_536, 3_000_001])
def test_what_was_sealed_is_given_back_at_every_length(people: dict[str, Person], profile: str, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert opened(list(seal([data], [Recipient(people["ana"].certificate, profile)])), people["ana"]) == data


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("profile", [STANDARD, AUTHENTICATED])
def test_a_key_of_a_curve_opens_it(people: dict[str, Person], curve: str, profile: str) -> None:
    sealed = b"".join(seal([b"the rows"], [Recipient(people[curve].certificate, profile)]))
    assert opened(sealed, people[curve]) == b"the rows"


@pytest.mark.parametrize("who", ["ana", "björn", "P-256", "P-384"])
def test_each_of_several_recipients_opens_it_alone(people: dict[str, Person], who: str) -> None:
    recipients = [Recipient(people[name].certificate) for name in ("ana", "P-256", "björn", "P-384")]
    assert opened(b"".join(seal([b"the rows"], recipients)), people[who]) == b"the rows"


@settings(max_examples=40, deadline=None)
@given(chunks=st.lists(st.binary(max_size=3_000), max_size=10), cut=st.integers(1, 500), profile=st.sampled_from(PROFILES))
def test_however_the_stream_is_cut_it_is_given_back(people: dict[str, Person], chunks: list[bytes], cut: int, profile: str) -> None:
    sealed = b"".join(seal(chunks, [Recipient(people["ana"].certificate, profile)]))
    assert opened([sealed[n : n + cut] for n in range(0, len(sealed), cut)], people["ana"]) == b"".join(chunks)


@pytest.mark.parametrize("other", ["björn", "P-521"])
def test_who_is_no_recipient_cannot_open_it(people: dict[str, Person], other: str) -> None:
    with pytest.raises(OpeningError, match="not sealed for this private key"):
        opened(b"".join(seal([b"the rows"], [Recipient(people["ana"].certificate)])), people[other])


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255), kind=st.sampled_from(["ana", "P-256"]))
def test_a_changed_byte_of_an_authenticated_file_never_gives_other_rows(
    people: dict[str, Person], place: int, flip: int, kind: str
) -> None:
    sealed = bytearray(b"".join(seal([b"the rows" * 20], [Recipient(people[kind].certificate, AUTHENTICATED)])))
    sealed[place % len(sealed)] ^= flip
    with suppress(OpeningError):
        assert opened(bytes(sealed), people[kind]) == b"the rows" * 20


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, 900))
def test_a_truncated_file_is_refused(people: dict[str, Person], length: int) -> None:
    sealed = b"".join(seal([b"the rows" * 30], [Recipient(people["ana"].certificate)]))
    with pytest.raises(OpeningError):
        opened(sealed[: min(length, len(sealed) - 1)], people["ana"])


@settings(max_examples=200, deadline=None)
@given(junk=st.binary(max_size=200), start=st.booleans())
def test_junk_is_refused_in_words(people: dict[str, Person], junk: bytes, *, start: bool) -> None:
    sealed = b"".join(seal([b"the rows"], [Recipient(people["ana"].certificate)]))
    with pytest.raises(OpeningError):
        opened((sealed[:40] if start else b"") + junk, people["ana"])


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "\ud800"])
def test_what_is_no_key_is_refused_without_being_told(pem: str) -> None:
    with pytest.raises(OpeningError, match="no private key in PEM form"):
        read_private_key(pem)


def test_a_key_belongs_to_its_own_certificate_only(people: dict[str, Person]) -> None:
    key = read_private_key(people["ana"].key_file.read_text())
    assert belongs(key, people["ana"].certificate)
    assert not belongs(key, people["björn"].certificate)


# --- Zips ----------------------------------------------------------------------------------------------------------
def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", compression) as opened:
        for name, data in members:
            opened.writestr(name, data)
    return archive


def read(archive: io.BytesIO, size: int = 3) -> bytes:
    return b"".join(member_bytes(archive, "rows.json", size))


def test_the_member_is_read_with_or_without_its_schema() -> None:
    assert read(zipped(("rows.json", b"abc"))) == b"abc"
    assert read(zipped(("rows.json", b"abc"), ("rows.jsonschema", b"{}"))) == b"abc"


@pytest.mark.parametrize(
    "names",
    [["../rows.json"], ["/rows.json"], ["rows.json", "../../etc/x"], ["rows.json"] * 2, ["a\\rows.json"], [], ["rows.json", "b", "c"]],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_other_members_are_refused(names: list[str]) -> None:
    with pytest.raises(ZipRefused, match="must hold rows"):
        read(zipped(*[(name, b"abc") for name in names]))


def test_a_bomb_is_refused_before_it_is_opened() -> None:
    with pytest.raises(ZipRefused, match="must have 3 bytes, not 50000000"):
        read(zipped(("rows.json", bytes(50_000_000))))


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_that() -> None:
    archive = bytearray(zipped(("rows.json", bytes(5_000_000))).getvalue())
    lie = (5_000_000).to_bytes(4, "little")
    with pytest.raises(ZipRefused):
        read(io.BytesIO(bytes(archive).replace(lie, (3).to_bytes(4, "little"))))


def test_a_bomb_beside_the_rows_is_refused() -> None:
    with pytest.raises(ZipRefused):
        read(zipped(("rows.json", b"abc"), ("rows.jsonschema", bytes(50_000_000))))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(compression: int) -> None:
    with pytest.raises(ZipRefused, match="not compressed as Strongroom does it"):
        read(zipped(("rows.json", b"abc"), compression=compression))


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 1000), flip=st.integers(1, 255), cut=st.integers(0, 400))
def test_damaged_zips_are_refused_in_words(place: int, flip: int, cut: int) -> None:
    archive = bytearray(zipped(("rows.json", b"abc" * 50)).getvalue())
    archive[place % len(archive)] ^= flip
    with suppress(ZipRefused):
        assert read(io.BytesIO(bytes(archive[: len(archive) - cut])), 150) == b"abc" * 50
