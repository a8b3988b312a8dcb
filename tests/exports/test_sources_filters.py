"""Filters: the same rows in PostgreSQL, MariaDB and SQLite, and exactly those that Python would choose."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.sources.base import Selection, SourceError
from exports.sources.conditions import OPERATORS, Condition, Kind, Operator
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

HOSTILE = "x' OR '1'='1'; DROP TABLE t; -- %s %(a)s %% \\ \" :x ? ` /*"
COLUMNS = {
    "postgresql": "b boolean, i bigint, f float8, d numeric(20, 6), s text, u uuid, day date, at timestamptz",
    "mysql": "b boolean, i bigint, f double, d decimal(20, 6), s varchar(100), u uuid, day date, at datetime(6)",
    "sqlite": "b BOOLEAN, i BIGINT, f DOUBLE, d DECIMAL(20, 6), s TEXT COLLATE NOCASE, u UUID, day DATE, at TIMESTAMP",
}
KINDS = dict(zip("b i f d s u day at".split(), [kind for kind in Kind if kind is not Kind.OTHER], strict=True))


def create(scratch: Scratch, columns: str | None = None) -> None:
    backend = next(name for name in COLUMNS if scratch.url.startswith(name))
    scratch.sql("DROP TABLE IF EXISTS t")
    scratch.sql(f"CREATE TABLE t (id int primary key, {columns or COLUMNS[backend]})")


def chosen(scratch: Scratch, *conditions: Condition) -> list[int]:
    """The ids of the rows that keep the conditions."""
    with scratch.open() as reader:
        selection = Selection("t", scratch.schema, columns=("id",), conditions=conditions)
        reader.check(selection)
        found = [row["id"] for batch in reader.batches(selection) for row in batch.to_pylist()]
        assert reader.count(selection) == len(found)
    return sorted(found)


def insert(scratch: Scratch, *rows: tuple[Any, ...]) -> None:
    """The rows, with their numbers as ids."""
    mark = "?" if "sqlite" in scratch.url else "%s"
    places = [f"({', '.join([str(number), *[mark] * len(row)])})" for number, row in enumerate(rows)]
    scratch.sql(f"INSERT INTO t VALUES {', '.join(places)}", [value for row in rows for value in row])


# --- Any filter over any rows --------------------------------------------------------------------------------------
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
WORDS = [
    "",
    "a",
    "A",
    "ä",
    "Ä",
    "a ",
    " a",
    "aB",
    "AB",
    "ab",
    "%",
    "_",
    "a%",
    "a_",
    "\\",
    "'",
    '"',
    "é",
    "e\u0301",
    "ß",
    "ss",
    "😀",
    "\uffff",
]


def is_held_by_all(value: uuid.UUID) -> bool:
    """MariaDB takes no UUID of a version above 7 that is not of RFC 9562's variant."""
    return value.variant != uuid.RESERVED_NCS or (value.int >> 76 & 15) < 8


MOMENTS = [datetime(2024, 1, 31, 12, 0, second, micro, UTC) for second in (0, 1) for micro in (0, 1, 500_000)]
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.BOOLEAN: st.booleans(),
    Kind.INTEGER: st.integers(-3, 3) | st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1]),
    Kind.NUMBER: st.sampled_from([0.0, -0.0, 0.1, 1 / 3, 1e300, -1e-300])
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    Kind.DECIMAL: st.integers(-300, 300).map(lambda n: Decimal(n) / 100) | st.decimals(-(10**7), 10**7, places=6),
    Kind.TEXT: st.sampled_from([*WORDS, HOSTILE]) | st.text(CHARACTERS, max_size=10),
    Kind.UUID: st.sampled_from([uuid.UUID(int=n) for n in (0, 0xABC, 2**127)]) | st.uuids().filter(is_held_by_all),
    Kind.DATE: st.sampled_from([date(2024, 1, day) for day in (1, 2, 3)]) | st.dates(date(1000, 1, 1)),
    Kind.TIMESTAMP: st.sampled_from(MOMENTS) | st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 the strategy adds the zone
}
ROW = st.tuples(*[st.none() | VALUES[kind] for kind in KINDS.values()])


@st.composite
def conditions(draw: st.DrawFn) -> tuple[Condition, Any]:
    """A condition as a client writes it, and its value in Python's types."""
    name = draw(st.sampled_from(list(KINDS)))
    operator = draw(st.sampled_from(OPERATORS[KINDS[name]]))
    if operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}:
        return Condition(name, operator), None
    if operator in {Operator.IN, Operator.NOT_IN}:
        values = tuple(draw(st.lists(VALUES[KINDS[name]], min_size=1, max_size=3)))
        return Condition(name, operator, tuple(written(value) for value in values)), values
    value = draw(VALUES[KINDS[name]])
    return Condition(name, operator, written(value)), value


def written(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else value.isoformat() if isinstance(value, date) else str(value)


PREDICATES: dict[str, Callable[[Any, Any], bool]] = {
    "eq": eq,
    "ne": ne,
    "lt": lt,
    "le": le,
    "gt": gt,
    "ge": ge,
    "in": lambda value, among: value in among,
    "notIn": lambda value, among: value not in among,
    "contains": lambda value, part: part in value,
    "startsWith": lambda value, part: value.startswith(part),
}


def keeps(row: dict[str, Any], condition: Condition, value: Any) -> bool:
    here = row[condition.attribute]
    if condition.operator in {"isNull", "isNotNull"}:
        return (here is None) == (condition.operator == "isNull")
    return here is not None and PREDICATES[condition.operator](here, value)


def stored(scratch: Scratch, number: int, value: Any) -> Any:
    """The value as the test's driver takes it; in SQLite moments are texts of several forms."""
    if isinstance(value, uuid.UUID):
        return str(value).upper() if number % 2 else str(value)
    if "sqlite" not in scratch.url:
        return value.replace(tzinfo=None) if isinstance(value, datetime) and "mysql" in scratch.url else value
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(sep=" T"[number % 2])
        return text + ("", "Z", "+00:00")[number % 3]
    return str(value) if isinstance(value, date | Decimal) else value


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=6), asked=st.lists(conditions(), min_size=1, max_size=10))
def test_any_filter_chooses_the_rows_that_python_would(scratch: Scratch, rows: list[Any], asked: list[tuple[Condition, Any]]) -> None:
    create(scratch)
    insert(scratch, *[tuple(stored(scratch, number, value) for value in row) for number, row in enumerate(rows)])
    named = [dict(zip(KINDS, row, strict=True)) for row in rows]
    with scratch.open() as reader:
        for condition, value in asked:
            everything = Selection("t", scratch.schema, columns=("id",), conditions=(condition,))
            reader.check(everything)
            found = sorted(row["id"] for batch in reader.batches(everything) for row in batch.to_pylist())
            assert found == [number for number, row in enumerate(named) if keeps(row, condition, value)], condition
        both = Selection("t", scratch.schema, conditions=tuple(condition for condition, _ in asked))
        assert reader.count(both) == sum(all(keeps(row, *each) for each in asked) for row in named)


# --- What a collation would take for the same ----------------------------------------------------------------------
COLLATIONS = {
    "postgresql": ["text", "varchar(20)", "text COLLATE careless", "mood"],
    "mysql": [
        "varchar(20) COLLATE utf8mb4_general_ci",
        "varchar(20) CHARACTER SET latin1",
        "text CHARACTER SET utf8mb3",
    ],
    "sqlite": ["TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM"],
}


@pytest.fixture
def careless(scratch: Scratch) -> list[str]:
    """Types of columns that compare, by themselves, without regard to case, accents or trailing spaces."""
    if scratch.url.startswith("postgresql"):
        scratch.sql("CREATE COLLATION careless (provider = icu, locale = 'und-u-ks-level1', deterministic = false)")
        scratch.sql("CREATE TYPE mood AS ENUM ('b', 'A', 'a ')")
    return next(kinds for name, kinds in COLLATIONS.items() if scratch.url.startswith(name))


def test_texts_are_compared_exactly_whatever_the_collation(scratch: Scratch, careless: list[str]) -> None:
    for kind in careless:
        create(scratch, f"s {kind}")
        insert(scratch, ("A",), ("a ",), ("b",))
        assert chosen(scratch, Condition("s", "eq", "a")) == []
        assert chosen(scratch, Condition("s", "in", ("A", "a", "😀"))) == [0]
        assert chosen(scratch, Condition("s", "notIn", ("a", "A"))) == [1, 2]
        assert chosen(scratch, Condition("s", "contains", "a")) == [1]
        assert chosen(scratch, Condition("s", "lt", "a")) == [0]


def test_an_enum_is_compared_as_its_text(mariadb: Scratch) -> None:
    create(mariadb, "s enum('z', 'A', 'b')")
    insert(mariadb, ("z",), ("A",), ("b",))
    assert chosen(mariadb, Condition("s", "lt", "b")) == [1]
    assert chosen(mariadb, Condition("s", "in", ("a", "b"))) == [2]


def test_sub_types_are_compared_exactly_too(scratch: Scratch, careless: list[str]) -> None:
    create(scratch, f"s {careless[0]}")
    insert(scratch, ("A",))
    assert scratch.rows(subtype="s", subtypes=("a",)) == []
    assert len(scratch.rows(subtype="s", subtypes=("A",))) == 1


def test_null_is_found_by_is_null_alone(scratch: Scratch) -> None:
    create(scratch, "s varchar(10)")
    insert(scratch, (None,), ("open",))
    assert chosen(scratch, Condition("s", "ne", "closed")) == [1]
    assert chosen(scratch, Condition("s", "notIn", ("closed",))) == [1]
    assert chosen(scratch, Condition("s", "isNull")) == [0]


@pytest.mark.parametrize("kind", ["real", "float"])
def test_a_column_of_four_bytes_is_compared_with_what_it_can_hold(scratch: Scratch, kind: str) -> None:
    create(scratch, f"f {kind}")
    insert(scratch, (0.1,))
    assert chosen(scratch, Condition("f", "eq", 0.1)) == [0]
    assert chosen(scratch, Condition("f", "lt", 1e300)) == [0]


def test_attachments_follow_the_filters_of_their_parent(scratch: Scratch) -> None:
    create(scratch, "s varchar(10)")
    insert(scratch, ("open",), ("closed",))
    scratch.sql("CREATE TABLE files (id int primary key, owner int)")
    scratch.sql("INSERT INTO files VALUES (10, 0), (11, 1)")
    parent = Selection("t", scratch.schema, key=("id",), conditions=(Condition("s", "eq", "open"),))
    assert [row["id"] for row in scratch.rows("files", parent=parent, parent_columns=("owner",))] == [10]


# --- What cannot be kept -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("operator", ["eq", "ne", "lt", "contains", "startsWith"])
def test_hostile_values_are_only_values(scratch: Scratch, operator: str) -> None:
    create(scratch, "s varchar(100)")
    insert(scratch, (HOSTILE,))
    expected = [] if operator in {"ne", "lt"} else [0]
    assert chosen(scratch, Condition("s", operator, HOSTILE)) == expected
    assert chosen(scratch) == [0]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (Condition(HOSTILE, "eq", "a"), "no such column"),
        (Condition("id", "contains", "1"), "not compared so"),
        (Condition("id", "or 1=1 --", 1), "no such operator"),
        (Condition("id", "eq", "1 OR 1=1"), "a whole number"),
    ],
)
def test_what_the_table_cannot_be_asked_is_refused(scratch: Scratch, condition: Condition, sentence: str) -> None:
    create(scratch, "s varchar(10)")
    with scratch.open() as reader, pytest.raises(SourceError, match=sentence):
        reader.check(Selection("t", scratch.schema, conditions=(condition,)))


@pytest.mark.parametrize(
    ("kind", "value"),
    [("TIMESTAMP", 1706702400), ("TIMESTAMP", "2024-01-31 12:00:00+02:00"), ("DATE", "31.1.2024"), ("TEXT", b"a"), ("INTEGER", "many")],
)
def test_a_sqlite_column_with_other_values_is_refused_instead_of_leaving_rows_out(sqlite: Scratch, kind: str, value: Any) -> None:
    create(sqlite, f"v {kind}")
    insert(sqlite, (value,))
    condition = Condition("v", "ne", {"TEXT": "b", "INTEGER": 1}.get(kind, "2024-01-01"))
    with pytest.raises(SourceError, match="Column v holds values that are no"):
        chosen(sqlite, condition)
