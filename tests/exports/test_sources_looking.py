"""What a reader says of a selection without reading all of it: estimate, extent, first rows, size. The same in each database."""

from collections.abc import Iterable
from typing import Any

import pytest

from exports.sources.base import Extent, Selection
from exports.sources.conditions import Condition
from exports.sources.predicates import Exists, KeyIn, Not, Predicate
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

MOMENT = {"postgresql": "timestamptz", "mysql": "datetime(6)", "sqlite": "timestamp"}
BYTES = {"postgresql": "bytea", "mysql": "longblob", "sqlite": "blob"}


def named(scratch: Scratch, types: dict[str, str]) -> str:
    return next(found for name, found in types.items() if scratch.url.startswith(name))


def fill(scratch: Scratch, columns: str, rows: Iterable[tuple[Any, ...]], table: str = "t") -> None:
    scratch.sql(f"CREATE TABLE {table} ({columns})")
    mark = "?" if "sqlite" in scratch.url else "%s"
    for row in rows:
        scratch.sql(f"INSERT INTO {table} VALUES ({', '.join([mark] * len(row))})", row)


def of(scratch: Scratch, where: Predicate | None = None, **more: Any) -> Selection:
    return Selection("t", scratch.schema, key=("id",), where=where, **more)


def test_extent_counts_and_names_the_oldest_and_the_newest(scratch: Scratch) -> None:
    days = ["2024-01-03 10:00:00", "2024-01-01 00:00:00", "2024-01-02 12:30:00"]
    fill(scratch, f"id int primary key, at {named(scratch, MOMENT)}", [*enumerate(days), (3, None)])
    with scratch.open() as reader:
        found = reader.extent(of(scratch, timestamp="at"))
        fewer = reader.extent(of(scratch, Condition("id", "lt", 2), timestamp="at"))
    assert (found.rows, fewer.rows) == (4, 2)
    assert [text[:19].replace("T", " ") for text in (found.oldest or "", found.newest or "")] == [days[1], days[0]]


def test_extent_of_nothing_has_no_moments(scratch: Scratch) -> None:
    fill(scratch, f"id int primary key, at {named(scratch, MOMENT)}", [])
    with scratch.open() as reader:
        assert reader.extent(of(scratch, timestamp="at")) == reader.extent(of(scratch)) == Extent(0, None, None)


def test_head_shows_few_rows_shortened_and_bytes_by_their_number(scratch: Scratch) -> None:
    fill(
        scratch,
        f"id int primary key, s text, b {named(scratch, BYTES)}",
        [(n, "é" * 300, b"\0" * 5000) for n in range(9)] + [(9, None, None)],
    )
    with scratch.open() as reader:
        found = reader.head(of(scratch, Condition("id", "ge", 8)), 5)
        assert len(reader.head(of(scratch), 5).rows) == 5
    assert found.columns == ("id", "s", "b")
    assert sorted(found.rows, key=str) == [("8", "é" * 100 + "…", "(5000 bytes)"), ("9", None, None)]


def test_row_bytes_is_the_mean_of_a_sample(scratch: Scratch) -> None:
    fill(scratch, "id int primary key, s varchar(2000)", [(n, "x" * 1000) for n in range(20)])
    with scratch.open() as reader:
        found = reader.row_bytes(of(scratch), 10)
        assert reader.row_bytes(of(scratch, Condition("id", "lt", 0)), 10) is None
    assert found is not None
    assert 1000 <= found <= 1020


@pytest.mark.parametrize("place", ["postgres", "mariadb"])
def test_estimate_is_near(place: str, request: pytest.FixtureRequest) -> None:
    scratch: Scratch = request.getfixturevalue(place)
    fill(scratch, "id int primary key, n int", [(n, n % 10) for n in range(500)])
    scratch.sql("ANALYZE t" if place == "postgres" else "ANALYZE TABLE t PERSISTENT FOR ALL")
    with scratch.open() as reader:
        found = reader.estimate(of(scratch, Condition("id", "lt", 100)))
    assert found is not None
    assert 50 <= found <= 200


def test_sqlite_does_not_guess(sqlite: Scratch) -> None:
    fill(sqlite, "id int primary key", [(1,)])
    with sqlite.open() as reader:
        assert reader.estimate(of(sqlite)) is None


def test_key_names_its_columns_where_the_selection_has_another(scratch: Scratch) -> None:
    fill(scratch, "id int primary key", [(1,), (2,)])
    fill(scratch, "no int primary key, above int", [(7, 1), (8, 2)], table="below")
    where = Exists("below", scratch.schema, ("above",), ("id",), KeyIn(((7,),), ("no",)))
    with scratch.open() as reader:
        kept = [reader.count(of(scratch, each)) for each in (where, Not(where), KeyIn(((1,), (2,), (3,)), ("id",)))]
        assert kept == [1, 1, 2]
