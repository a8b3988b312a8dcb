"""MariaDB, read through SQLAlchemy."""

import threading
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest

from exports.sources.base import MixedColumn, Selection, SourceError
from tests.exports.sources_fixtures import Scratch, mariadb

__all__ = ["mariadb"]


@pytest.mark.parametrize(
    ("declared", "literal", "expected"),
    [
        ("bool", "true", 1),
        ("bit(9)", "b'100000001'", 257),
        ("year", "2024", 2024),
        ("bigint unsigned", "18446744073709551615", 2**64 - 1),
        ("decimal(30,10)", "12345678901234567890.0123456789", "12345678901234567890.0123456789"),
        ("float", "16777217.0", 16777216.0),
        ("float", "1.2345678", pytest.approx(1.2345678, rel=1e-7)),
        ("double", "0.1", 0.1),
        ("datetime(6)", "'1969-12-31 23:59:59.999999'", datetime(1969, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001 wall-clock time
        ("timestamp(6) null", "'2024-01-01 00:00:00.5'", datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)),
        ("date", "'1000-01-01'", date(1000, 1, 1)),
        ("time(3)", "'-838:59:58.5'", "-838:59:58.500000"),
        ("json", """'{"a":\\n 1.10}'""", '{"a":  1.10}'),
        ("blob", "x'00ff'", b"\x00\xff"),
        ("tinyblob", "x'00ff'", b"\x00\xff"),
        ("mediumblob", "x'00ff'", b"\x00\xff"),
        ("longblob", "x'00ff'", b"\x00\xff"),
        ("enum('a','b')", "'b'", "b"),
        ("set('x','y')", "'y,x'", "x,y"),
        ("longtext", "'é😀 % \\\\'", "é😀 % \\"),
        ("uuid", "'123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000"),
    ],
)
def test_value_survives(mariadb: Scratch, declared: str, literal: str, expected: Any) -> None:
    mariadb.sql("SET time_zone = '+00:00'")
    mariadb.sql(f"CREATE TABLE t (v {declared})")
    mariadb.sql(f"INSERT INTO t VALUES (NULL), ({literal})")
    assert mariadb.values() == [None, expected]


@pytest.mark.parametrize(("declared", "text"), [("datetime", "0000-00-00 00:00:00"), ("date", "0000-00-00")])
def test_zero_date_is_its_text(mariadb: Scratch, declared: str, text: str) -> None:
    mariadb.sql(f"CREATE TABLE t (v {declared})")
    mariadb.sql(f"INSERT INTO t VALUES ('{text}')")
    with pytest.raises(MixedColumn):
        mariadb.values()
    assert mariadb.values(exact=True) == [text]


def test_geometry_is_refused_by_name(mariadb: Scratch) -> None:
    mariadb.sql("CREATE TABLE t (place point)")
    with mariadb.open() as reader, pytest.raises(SourceError, match=r"Column place is of type .*cast it in a view"):
        reader.check(Selection("t"))


def test_cancel_kills_the_query(mariadb: Scratch) -> None:
    mariadb.sql("CREATE VIEW t AS SELECT sleep(20) AS v")
    with mariadb.open() as reader:
        threading.Timer(0.3, reader.cancel).start()
        start = time.monotonic()
        with pytest.raises(SourceError, match="cancelled"):
            list(reader.batches(Selection("t")))
        assert time.monotonic() - start < 2
