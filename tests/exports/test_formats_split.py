"""Files of every format end at the split size, and lose no row: only one larger row may exceed it."""

import io
import random
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from exports.formats import format_named
from exports.sealing.cms import Recipient
from exports.sealing.package import Contents, Package, Pieces, piece_bytes
from tests.exports.format_reading import READERS
from tests.exports.people import MOMENT, Person

LIMIT = 1_000_000
CASES = [case for case in READERS if case not in {"sql-postgresql", "sql-mariadb"}]  # the same files as for SQLite


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(tmp_path_factory.mktemp("people"), "ana")


def batch(sizes: list[int]) -> pa.RecordBatch:
    """Rows that no compression makes smaller, each with a text of so many characters."""
    source = random.Random(7)
    texts = [source.randbytes(size // 2).hex() for size in sizes]
    return pa.RecordBatch.from_pydict({"i": range(len(texts)), "s": texts, "b": [source.randbytes(9) for _ in texts]})


def packed(case: str, person: Person, rows: pa.RecordBatch) -> list[tuple[int, int, list[dict[str, Any]]]]:
    """(sealed size, rows as the package counted them, rows as they are read) of each file."""
    name, read = READERS[case]
    chosen = format_named(name)
    encoder = chosen.encoder(rows.schema, "t")
    pieces, files = Pieces(encoder.pieces(rows, piece_bytes(LIMIT)), encoder.writer), []
    while pieces.next is not None:
        package = Package(pieces, Contents("t", MOMENT, packed=chosen.packed), [Recipient(person.certificate)], LIMIT)
        opened = person.decrypt(b"".join(package))
        with zipfile.ZipFile(io.BytesIO(opened.stdout)) as archive:
            assert package.plain_size == archive.getinfo("t").file_size
            files.append((package.size, package.rows, read(archive.read("t"))))
    return files


@pytest.mark.parametrize("case", CASES)
def test_no_file_is_larger_than_the_split_size_and_no_row_is_lost(case: str, person: Person) -> None:
    rows = batch([3000] * 1500)
    files = packed(case, person, rows)
    assert [int(row["i"]) for _, _, read in files for row in read] == list(range(1500))
    assert [counted for _, counted, _ in files] == [len(read) for _, _, read in files]
    assert max(size for size, _, _ in files) <= LIMIT
    assert min(size for size, _, _ in files[:-1]) > LIMIT * 0.6


@pytest.mark.parametrize("case", CASES)
def test_a_row_larger_than_the_split_size_gets_a_file_of_its_own(case: str, person: Person) -> None:
    files = packed(case, person, batch([100, 5_000_000, 100]))
    assert [[int(row["i"]) for row in read] for _, _, read in files] == [[0], [1], [2]]


def test_what_lies_beside_the_rows_counts_too(person: Person) -> None:
    beside = (("t.jsonschema", bytes(random.Random(7).randbytes(150_000))),)
    encoder = format_named("csv").encoder(batch([1]).schema, "t")
    package = Package(
        Pieces(encoder.pieces(batch([3000] * 600), piece_bytes(LIMIT)), encoder.writer),
        Contents("t.csv", MOMENT, beside=beside),
        [Recipient(person.certificate)],
        LIMIT,
    )
    with zipfile.ZipFile(io.BytesIO(person.decrypt(b"".join(package)).stdout)) as archive:
        assert archive.namelist() == ["t.csv", "t.jsonschema"]
        assert archive.read("t.jsonschema") == beside[0][1]
        assert archive.testzip() is None
    assert package.size <= LIMIT


def test_unzip_accepts_an_archive_of_several_members(person: Person, tmp_path: Path) -> None:
    import subprocess

    encoder = format_named("parquet").encoder(batch([1]).schema, "t")
    contents = Contents("t.parquet", MOMENT, packed=True, beside=(("t.jsonschema", b"{}"),))
    package = Package(
        Pieces(encoder.pieces(batch([10]), piece_bytes(LIMIT)), encoder.writer), contents, [Recipient(person.certificate)], LIMIT
    )
    (tmp_path / "t.zip").write_bytes(person.decrypt(b"".join(package)).stdout)
    done = subprocess.run(["unzip", "-t", str(tmp_path / "t.zip")], capture_output=True, text=True, check=False)
    assert "No errors detected" in done.stdout, done.stdout
