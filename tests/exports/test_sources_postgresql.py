"""PostgreSQL: every type exactly, one snapshot, cancelling, a lost connection."""

import threading
import time
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from exports.sources.base import ConnectionLost, MixedColumn, Selection, SourceError
from tests.exports.sources_fixtures import Scratch, postgres

__all__ = ["postgres"]


@pytest.mark.parametrize(
    ("declared", "literal", "expected"),
    [
        ("bool", "true", True),
        ("int2", "-32768", -32768),
        ("int8", "9223372036854775807", 2**63 - 1),
        ("float4", "0.1", pytest.approx(0.1, rel=1e-7)),
        ("float8", "'-Infinity'", float("-inf")),
        ("numeric", "12345678901234567890.01234567890", "12345678901234567890.01234567890"),
        ("numeric", "'NaN'", '"NaN"'),
        ("numeric(6,2)", "1.50", "1.50"),
        ("money", "'-1234.50'", "-1234.50"),
        ("text", "E'o''\\\\ % \\n é😀'", "o'\\ % \n é😀"),
        ("char(3)", "'a'", "a  "),
        ("bytea", r"'\x00ff27'", b"\x00\xff'"),
        ("date", "'0001-01-01'", date(1, 1, 1)),
        ("timestamp", "'1969-12-31 23:59:59.999999'", datetime(1969, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001 wall-clock time
        ("timestamptz", "'1883-11-18 12:03:58.000001-05'", datetime(1883, 11, 18, 17, 3, 58, 1, tzinfo=UTC)),
        ("time", "'23:59:59.000001'", "23:59:59.000001"),
        ("timetz", "'12:00+02'", "12:00:00+02"),
        ("interval", "'1 year -2 days 3.5 seconds'", "P1Y-2DT3.5S"),
        ("uuid", "'123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000"),
        ("inet", "'::1/64'", "::1/64"),
        ("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
        ("bit(3)", "B'101'", "101"),
        ("int4range", "'[1,5)'", "[1,5)"),
        ("tsvector", "'a b'", "'a' 'b'"),
        ("oid", "4294967295", "4294967295"),
        ("xml", "'<a/>'", "<a/>"),
        ("jsonb", """'{"n": 1.10, "big": 12345678901234567890}'""", '{"n": 1.10, "big": 12345678901234567890}'),
        ("json", """E'{"a":\\n 1.10,\\r "b": "\\\\n"}'""", '{"a":  1.10,  "b": "\\n"}'),
        ("int4[]", "'{{1,2},{3,NULL}}'", "[[1,2],[3,null]]"),
        ("float8[]", "'{NaN,Infinity,0.1}'", '["NaN","Infinity",0.1]'),
        ("text[]", "ARRAY['a\"b', null]", '["a\\"b",null]'),
    ],
)
def test_value_survives(postgres: Scratch, declared: str, literal: str, expected: Any) -> None:
    postgres.sql(f"CREATE TABLE t (v {declared})")
    postgres.sql(f"INSERT INTO t VALUES (NULL), ({literal})")
    assert postgres.values() == [None, expected]


def test_enum_domain_and_composite_survive(postgres: Scratch) -> None:
    postgres.sql("CREATE TYPE mood AS ENUM ('so so', 'fine')")
    postgres.sql("CREATE DOMAIN small AS int CHECK (value < 10)")
    postgres.sql("CREATE TYPE pair AS (a int, b text)")
    postgres.sql("CREATE TABLE t (m mood, d small, p pair)")
    postgres.sql("INSERT INTO t VALUES ('so so', 7, ROW(1, 'x'))")
    assert postgres.rows() == [{"m": "so so", "d": 7, "p": '{"a":1,"b":"x"}'}]


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("0044-03-15 12:00:00.5+00 BC", "-0043-03-15T12:00:00.500000+00:00"),
        ("0001-01-01 00:00:00+00 BC", "0000-01-01T00:00:00.000000+00:00"),
        ("12024-01-01 00:00:00+00", "+12024-01-01T00:00:00.000000+00:00"),
        ("2024-02-29 12:00:00+02", "2024-02-29T10:00:00.000000+00:00"),
    ],
)
def test_moment_that_arrow_has_not_is_read_exactly(postgres: Scratch, literal: str, expected: str) -> None:
    postgres.sql("CREATE TABLE t (v timestamptz)")
    postgres.sql(f"INSERT INTO t VALUES ('2024-01-01'), ('{literal}')")
    if not literal.startswith("2024"):
        with pytest.raises(MixedColumn):
            postgres.values()
    assert postgres.values(exact=True)[1] == expected


def test_infinite_date_is_not_passed_on(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (v date)")
    postgres.sql("INSERT INTO t VALUES ('infinity')")
    with pytest.raises(MixedColumn):
        postgres.values()
    assert postgres.values(exact=True) == ["infinity"]


def test_snapshot_is_shared(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (v int)")
    postgres.sql("INSERT INTO t VALUES (1)")
    everything = Selection("t", postgres.schema)
    with postgres.open() as first, postgres.open() as second:
        name = first.export_snapshot()
        postgres.sql("INSERT INTO t VALUES (2)")
        assert second.count(everything) == 2
        assert second.use_snapshot(name)
        assert second.count(everything) == 1
        assert sum(batch.num_rows for batch in second.batches(everything)) == 1


def test_snapshot_that_is_gone_is_refused(postgres: Scratch) -> None:
    with postgres.open() as first:
        name = first.export_snapshot()
    with postgres.open() as second:
        assert not second.use_snapshot(name)
        assert not second.use_snapshot("x'; DROP TABLE t; --")


def test_cancel_stops_a_silent_server(postgres: Scratch) -> None:
    postgres.sql("CREATE VIEW t AS SELECT pg_sleep(20)::text AS v")
    with postgres.open() as reader:
        threading.Timer(0.3, reader.cancel).start()
        start = time.monotonic()
        with pytest.raises(SourceError, match="cancelled"):
            list(reader.batches(Selection("t", postgres.schema)))
        assert time.monotonic() - start < 1.5


def test_killed_connection_is_connection_lost(postgres: Scratch) -> None:
    postgres.sql("CREATE VIEW t AS SELECT n, repeat('x', 1000) AS v FROM generate_series(1, 500000) n")
    with postgres.open() as reader:
        stream = reader.batches(Selection("t", postgres.schema))
        next(stream)
        with psycopg.connect("postgresql://postgres@127.0.0.1/test", autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()",
                (f"COPY%{postgres.schema}%",),
            )
        with pytest.raises(ConnectionLost):
            list(stream)


def test_reader_reads_again_after_half_a_read(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t AS SELECT n, repeat('x', 1000) AS v FROM generate_series(1, 20000) n")
    with postgres.open() as reader:
        half = reader.batches(Selection("t", postgres.schema))
        next(half)
        half.close()  # type: ignore[attr-defined] # a generator, as every reader's stream is
        assert sum(batch.num_rows for batch in reader.batches(Selection("t", postgres.schema))) == 20000


def test_every_cell_is_in_its_place_over_many_batches(postgres: Scratch) -> None:
    postgres.sql(
        "CREATE TABLE t AS SELECT n, n % 3 = 0 AS b, nullif(n % 7, 0)::int2 AS s, CASE WHEN n % 11 > 0 THEN repeat('é', n % 40) END AS v, "
        "CASE WHEN n % 5 > 0 THEN jsonb_build_array(n) END AS j FROM generate_series(1, 100000) n"
    )
    expected = [(n, n % 3 == 0, n % 7 or None, "é" * (n % 40) if n % 11 else None, f"[{n}]" if n % 5 else None) for n in range(1, 100_001)]
    with postgres.open() as reader:
        batches = list(reader.batches(Selection("t", postgres.schema)))
    assert len(batches) > 3
    for batch in batches:
        batch.validate(full=True)
    assert sorted(row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)) == expected


def test_a_row_longer_than_a_batch_is_read(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t AS SELECT n, repeat(chr(64 + n), 10000000) AS v FROM generate_series(1, 3) n")
    assert [(row["n"], len(row["v"]), set(row["v"])) for row in postgres.rows()] == [(n, 10_000_000, {chr(64 + n)}) for n in (1, 2, 3)]


def test_a_row_that_cannot_be_read_stops_the_stream(postgres: Scratch) -> None:
    postgres.sql("CREATE VIEW t AS SELECT n, 1 / (90000 - n) AS v FROM generate_series(1, 100000) n")
    with postgres.open() as reader:
        with pytest.raises(SourceError, match="division by zero"):
            list(reader.batches(Selection("t", postgres.schema)))
        assert reader.count(Selection("t", postgres.schema, columns=("n",))) == 100_000


def test_a_type_that_has_changed_meanwhile_is_not_taken_for_the_old_one(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (v bigint)")
    postgres.sql("INSERT INTO t VALUES (1)")
    with postgres.open() as reader:
        reader.schema(Selection("t", postgres.schema))
        postgres.sql("ALTER TABLE t ALTER v TYPE timestamp USING now()")
        with pytest.raises(MixedColumn, match="v came as timestamp"):
            list(reader.batches(Selection("t", postgres.schema)))
