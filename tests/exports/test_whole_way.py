"""Any row of any type survives the whole way: database → Arrow → JSON Lines → zip → CMS → openssl → JSON."""

import base64
import io
import json
import struct
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from exports.formats import format_named
from exports.sealing.cms import Recipient
from exports.sealing.package import Contents, Package, Pieces
from exports.sources.base import MixedColumn, Selection
from tests.exports.people import MOMENT, Person
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.test_sources_any_row import ROW, fill

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

SLOW = settings(
    deadline=None, max_examples=15, phases=(Phase.explicit, Phase.generate), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(tmp_path_factory.mktemp("people"), "ana")


def exported(scratch: Scratch, person: Person) -> list[dict[str, Any]]:
    """The rows of table t as whoever opens the sealed file sees them, in the order of column i."""
    try:
        sealed = _sealed(scratch, person, exact=False)
    except MixedColumn:
        sealed = _sealed(scratch, person, exact=True)
    opened = person.decrypt(sealed)
    with zipfile.ZipFile(io.BytesIO(opened.stdout)) as archive:
        lines = archive.read("t.json").splitlines()  # as bytes: a text has line ends that JSON Lines has not
    return sorted((json.loads(line, parse_float=Decimal) for line in lines), key=lambda row: int(row["i"]))


def _sealed(scratch: Scratch, person: Person, *, exact: bool) -> bytes:
    with scratch.open() as reader:
        batches = list(reader.batches(Selection("t", scratch.schema), exact=exact))
    encoder = format_named("jsonl").encoder(batches[0].schema, "t")
    pieces = Pieces(chain.from_iterable(encoder.pieces(batch) for batch in batches), encoder.writer)
    return b"".join(Package(pieces, Contents("t.json", MOMENT), [Recipient(person.certificate)], 10**9))


@SLOW
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_any_row_of_any_database_comes_out_as_it_went_in(scratch: Scratch, person: Person, rows: list[tuple[Any, ...]]) -> None:
    fill(scratch, rows)
    assert [_values(row) for row in exported(scratch, person)] == rows


def _values(row: dict[str, Any]) -> tuple[Any, ...]:
    """n, f, s, b, t, d and day as Python objects."""
    n, f, s, b, t, d, day = (row[name] for name in ("n", "f", "s", "b", "t", "d", "day"))
    return (
        n,
        f if f is None else float(f),
        s,
        b if b is None else base64.b64decode(b, validate=True),
        t if t is None else datetime.fromisoformat(t),
        d if d is None else Decimal(d),
        day if day is None else date.fromisoformat(day),
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abcé"\\', max_size=4), inner, max_size=3),
    max_leaves=8,
)
POSTGRES_ROW = st.fixed_dictionaries({
    "flag": st.none() | st.booleans(),
    "doc": st.none() | JSON.map(json.dumps),
    "mark": st.none() | st.uuids().map(str),
    "moment": st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 in that zone
    "numbers": st.none() | st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=4),
    "address": st.none() | st.ip_addresses(v=4).map(str),
    "span": st.none() | st.timedeltas(timedelta(0), timedelta(days=900)),
    "real": st.none() | st.floats(width=32),
})  # fmt: skip
COLUMNS = "flag bool, doc jsonb, mark uuid, moment timestamptz, numbers int[], address inet, span interval, real real"


@SLOW
@given(rows=st.lists(POSTGRES_ROW, min_size=1, max_size=4))
def test_any_row_of_postgresqls_own_types_comes_out_as_it_went_in(postgres: Scratch, person: Person, rows: list[dict[str, Any]]) -> None:
    postgres.sql("DROP TABLE IF EXISTS t")
    postgres.sql(f"CREATE TABLE t (i int, {COLUMNS})")
    for number, row in enumerate(rows):
        values = ", ".join(f"%s::{column.split()[1]}" for column in COLUMNS.split(", "))
        postgres.sql(f"INSERT INTO t VALUES (%s, {values})", (number, *(row[column.split()[0]] for column in COLUMNS.split(", "))))
    for got, row in zip(exported(postgres, person), rows, strict=True):
        assert got["flag"] is row["flag"]
        assert got["doc"] == (row["doc"] if row["doc"] is None else json.loads(row["doc"], parse_float=Decimal))
        assert (got["mark"], got["address"], got["numbers"]) == (row["mark"], row["address"], row["numbers"])
        assert row["moment"] == (got["moment"] if got["moment"] is None else datetime.fromisoformat(got["moment"]))
        assert _float_text(got["real"]) == _float_text(row["real"])
        assert (got["span"] is None) == (row["span"] is None)
        assert row["span"] is None or postgres.sql("SELECT %s::interval = %s::interval", (got["span"], row["span"])).fetchone() == (True,)  # type: ignore[attr-defined]  # the test's own attribute


def _float_text(value: Any) -> Any:
    """The float of 32 bits that a JSON number, or JSON's name for what is no number, stands for."""
    return value if value is None else repr(struct.unpack("f", struct.pack("f", float(str(value).replace("Infinity", "inf")))))


def test_the_file_of_an_empty_table_is_an_empty_file(sqlite: Scratch, person: Person, tmp_path: Path) -> None:
    sqlite.sql("CREATE TABLE t (i int, s TEXT)")
    assert exported(sqlite, person) == []
