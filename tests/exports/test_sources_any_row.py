"""Any row of plain types survives the way from the database to Arrow."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

TYPES = {
    "postgres": "n bigint, f float8, s text, b bytea, t timestamp, d numeric(30,10), day date",
    "mysql": "n bigint, f double, s text, b blob, t datetime(6), d decimal(30,10), day date",
    "sqlite": "n INTEGER, f REAL, s TEXT, b BLOB, t TEXT, d TEXT, day TEXT",
}
ROW = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.none() | st.binary(max_size=20),
    st.none() | st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001 columns without time zone
    st.none() | st.decimals(-(10**19), 10**19, places=10),
    st.none() | st.dates(date(1000, 1, 1)),
)


def fill(scratch: Scratch, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Make table t of the rows, numbered in column i. Gives them as they were stored: in SQLite as texts what it has no type for."""
    backend = next(name for name in TYPES if scratch.url.startswith(name))
    scratch.sql("DROP TABLE IF EXISTS t")
    scratch.sql(f"CREATE TABLE t (i int, {TYPES[backend]})")
    mark = "?" if backend == "sqlite" else "%s"
    stored = [tuple(_text(v) for v in row) if backend == "sqlite" else row for row in rows]
    for number, row in enumerate(stored):
        scratch.sql(f"INSERT INTO t VALUES ({', '.join([mark] * 8)})", (number, *row))
    return stored


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_any_row_survives(scratch: Scratch, rows: list[tuple[Any, ...]]) -> None:
    stored = fill(scratch, rows)
    read = sorted((tuple(row.values()) for row in scratch.rows()), key=lambda row: int(row[0]))
    assert [_decimal(row[1:]) for row in read] == [_decimal(row) for row in stored]


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, datetime | date | Decimal) else value


def _decimal(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its decimal as a number, however it is spelled."""
    return (*row[:5], None if row[5] is None else Decimal(row[5]), row[6])


def test_moments_with_a_zone_are_utc(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (v timestamptz)")
    postgres.sql("INSERT INTO t VALUES ('2024-07-01 12:00+02')")
    assert postgres.values() == [datetime(2024, 7, 1, 10, tzinfo=UTC)]
