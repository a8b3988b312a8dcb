"""Predicates: the same rows in PostgreSQL, MariaDB and SQLite, true or false of every row."""

import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.sources.base import Selection, SourceError
from exports.sources.conditions import Condition
from exports.sources.predicates import And, Exists, HasMember, KeyIn, Not, Or, Predicate, dump_predicate, load_predicate
from tests.exports.any_predicate import NAMES as COLUMN_NAMES
from tests.exports.any_predicate import Row, columns, document, is_true, predicates, rows
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.test_sources_filters import stored

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

HOSTILE = "x' OR '1'='1'; DROP TABLE t; -- %s %(a)s %% \\ \" :x ? ` /* $.* [0]"
OPEN = Condition("s", "eq", "open")


def fill(scratch: Scratch, columns: str, *rows: tuple[Any, ...], table: str = "t", key: str = "id int primary key") -> None:
    """A table with the rows, which have their numbers as ids unless they have a key of their own."""
    scratch.sql(f"CREATE TABLE {table} ({', '.join(part for part in (key, columns) if part)})")
    mark = "?" if "sqlite" in scratch.url else "%s"
    whole = [(number, *row) if key.startswith("id int") else row for number, row in enumerate(rows)]
    if whole:
        places = ", ".join(f"({', '.join([mark] * len(row))})" for row in whole)
        scratch.sql(f"INSERT INTO {table} VALUES {places}", [value for row in whole for value in row])


def chosen(scratch: Scratch, where: Predicate, *, key: tuple[str, ...] = ("id",), of: str = "id", **selection: Any) -> list[Any]:
    """What the rows of which the predicate is true have in the column `of`; its JSON form means the same."""
    with scratch.open() as reader:
        here = Selection("t", scratch.schema, columns=(of,), key=key, where=load_predicate(dump_predicate(where)), **selection)
        reader.check(here)
        found = [row[of] for batch in reader.batches(here) for row in batch.to_pylist()]
        assert reader.count(here) == len(found)
    return sorted(found)


def both(scratch: Scratch, where: Predicate, expected: list[int], rows: int) -> None:
    """The predicate is true of these rows, and its negation of all others."""
    assert chosen(scratch, where) == expected
    assert chosen(scratch, Not(where)) == [number for number in range(rows) if number not in expected]


# --- Logic ---------------------------------------------------------------------------------------------------------
def test_null_makes_a_comparison_false_and_its_negation_true(scratch: Scratch) -> None:
    fill(scratch, "s varchar(10)", ("open",), (None,), ("closed",))
    both(scratch, OPEN, [0], 3)
    both(scratch, Condition("s", "ne", "open"), [2], 3)
    both(scratch, Condition("s", "notIn", ("open", "shut")), [2], 3)
    both(scratch, Condition("s", "isNull"), [1], 3)


def test_and_or_and_not_nest(scratch: Scratch) -> None:
    fill(scratch, "s varchar(10), n int", ("open", 1), (None, 1), ("closed", None), (None, None))
    one = Condition("n", "eq", 1)
    both(scratch, And((OPEN, one)), [0], 4)
    both(scratch, Or((OPEN, one)), [0, 1], 4)
    both(scratch, And((Not(OPEN), one)), [1], 4)
    both(scratch, Or((Not(OPEN), Not(one))), [1, 2, 3], 4)
    both(scratch, Not(Not(OPEN)), [0], 4)


def test_without_parts_and_is_true_and_or_is_false(scratch: Scratch) -> None:
    fill(scratch, "", (), ())
    both(scratch, And(()), [0, 1], 2)
    both(scratch, Or(()), [], 2)


def test_a_thousand_parts_are_not_too_many(scratch: Scratch) -> None:
    fill(scratch, "s varchar(10)", ("3",), ("x",), (None,))
    parts = tuple(Condition("s", "eq", str(number)) for number in range(1500))
    both(scratch, Or(parts), [0], 3)
    both(scratch, And(tuple(Not(part) for part in parts)), [1, 2], 3)


def test_where_is_true_besides_everything_else_of_the_selection(scratch: Scratch) -> None:
    fill(scratch, "s varchar(10), n int", ("open", 1), ("open", 2), ("closed", 1))
    assert chosen(scratch, OPEN, conditions=(Condition("n", "eq", 1),)) == [0]
    assert chosen(scratch, OPEN, after=(0,)) == [1]


def test_a_column_that_is_not_there_is_named(scratch: Scratch) -> None:
    fill(scratch, "s varchar(10)")
    for where in (Not(Condition("gone", "eq", 1)), HasMember("gone", "a"), Exists("t", scratch.schema, ("gone",), ("id",))):
        with scratch.open() as reader, pytest.raises(SourceError, match="gone"):
            reader.check(Selection("t", scratch.schema, where=where))


# --- Members of documents ------------------------------------------------------------------------------------------
DOCUMENTS = {"postgresql": ("jsonb", "json"), "mysql": ("json", "longtext"), "sqlite": ("JSON", "TEXT")}
TEXTS = ["", "{", "null", "1", '"a"', '["a"]', '[{"a": 1}]', '{"a": 1} x', "{a: 1}"]
"""Without the member a; most are no JSON."""
NAMES = ["a", "A", "", "a b", "a.b", "*", "[0]", "0", "$", 'a"b', "a\\b", "a'b", "\\u0061", "ü", "u\u0308", "😀", "\uffff", "a\n", HOSTILE]


def kinds(scratch: Scratch) -> tuple[str, str]:
    return next(found for name, found in DOCUMENTS.items() if scratch.url.startswith(name))


def fits(scratch: Scratch, kind: str, text: str) -> bool:
    """Whether a column of the type takes the text."""
    if kind in {"longtext", "TEXT", "JSON"}:
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("which", [0, 1])
def test_a_member_is_found_by_its_exact_name(scratch: Scratch, which: int) -> None:
    documents = [json.dumps({name: None}, ensure_ascii=bool(number % 2)) for number, name in enumerate(NAMES)]
    fill(scratch, f"d {kinds(scratch)[which]}", *[(document,) for document in documents], ("{}",), (None,))
    for number, name in enumerate(NAMES):
        both(scratch, HasMember("d", name), [number], len(NAMES) + 2)


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_object_has_no_member(scratch: Scratch, which: int) -> None:
    kind = kinds(scratch)[which]
    rows = [(text,) for text in TEXTS if fits(scratch, kind, text)]
    fill(scratch, f"d {kind}", *rows, ('{"b": {"a": 1}}',), (' {"b": "a", "a": [], "a": 2} ',))
    both(scratch, HasMember("d", "a"), [len(rows) + 1], len(rows) + 2)


def test_a_json_with_what_no_text_holds_is_looked_into_all_the_same(postgres: Scratch) -> None:
    fill(
        postgres,
        "d json",
        (r'{"b": "\u0000", "a": 1}',),
        (r'{"b": "\ud800 \udc00\ud800", "a": 1}',),
        (r'{"\ud83d\ude00": "\udead"}',),
        (r'{"b\\": "\\u0000", "a": "\\\u0000"}',),
        (r'{"a\u0000": 1}',),
    )
    both(postgres, HasMember("d", "a"), [0, 1, 3], 5)
    both(postgres, HasMember("d", "😀"), [2], 5)
    both(postgres, HasMember("d", "b\\"), [3], 5)


def test_a_column_without_documents_is_refused(scratch: Scratch) -> None:
    fill(scratch, "n int")
    if "sqlite" in scratch.url:  # where any column may hold the text of one
        assert chosen(scratch, HasMember("n", "a")) == []
        return
    with scratch.open() as reader, pytest.raises(SourceError, match="Column n holds no JSON documents"):
        reader.check(Selection("t", scratch.schema, where=HasMember("n", "a")))


@pytest.mark.parametrize("name", ["a\0", "\ud800"])
def test_a_name_that_no_member_has_everywhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="without NUL"):
        HasMember("d", name)


# --- Children ------------------------------------------------------------------------------------------------------
def test_rows_are_found_by_their_children(scratch: Scratch) -> None:
    fill(scratch, "", (), (), ())
    fill(scratch, "owner int, s varchar(10)", (0, "open"), (0, "closed"), (1, None), (None, "open"), table="files")
    files = Exists("files", scratch.schema, ("owner",), ("id",))
    both(scratch, files, [0, 1], 3)
    both(scratch, Exists("files", scratch.schema, ("owner",), ("id",), OPEN), [0], 3)
    every = Not(Exists("files", scratch.schema, ("owner",), ("id",), Not(OPEN)))
    both(scratch, every, [2], 3)


def test_a_table_may_be_its_own_child(scratch: Scratch) -> None:
    fill(scratch, "above int, s varchar(10)", (None, None), (0, None), (1, "open"), (0, "closed"))
    child = Exists("t", scratch.schema, ("above",), ("id",), OPEN)
    both(scratch, child, [1], 4)
    both(scratch, Exists("t", scratch.schema, ("above",), ("id",), child), [0], 4)
    both(scratch, Exists("t", scratch.schema, ("above",), ("id",), And((Not(child), Not(OPEN)))), [0], 4)


def test_children_are_found_by_composite_keys(scratch: Scratch) -> None:
    fill(scratch, "a int, b varchar(5)", (1, "x"), (1, "y"), (2, "x"))
    fill(scratch, "pa int, pb varchar(5)", (1, "y"), (2, "y"), table="files")
    both(scratch, Exists("files", scratch.schema, ("pa", "pb"), ("a", "b")), [1], 3)


def test_the_selection_of_a_parent_keeps_its_own_predicate(scratch: Scratch) -> None:
    fill(scratch, "owner int", (0,), (1,), (0,))
    fill(scratch, "s varchar(10)", ("open",), ("closed",), table="above")
    parent = Selection("above", scratch.schema, key=("id",), where=And((OPEN, Exists("t", scratch.schema, ("owner",), ("id",)))))
    assert chosen(scratch, Not(Condition("owner", "isNull")), parent=parent, parent_columns=("owner",)) == [0, 2]


# --- Keys ----------------------------------------------------------------------------------------------------------
MOMENT = datetime(2024, 1, 31, 12, 0, 0, 1, UTC)
KEYS: dict[str, dict[str, list[Any]]] = {
    "postgresql": {
        "uuid": [uuid.UUID(int=1), uuid.UUID(int=2)],
        "numeric": [Decimal("1.10"), Decimal("1.100000000000000000001"), Decimal("1e30")],
        "timestamptz": [MOMENT, MOMENT.replace(microsecond=2)],
        "timestamp": [MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None, year=999)],
        "date": [date(2024, 1, 31), date(1, 1, 1)],
        "bytea": [b"\0\xff", b"\0"],
        "bigint": [2**63 - 1, 2**63 - 2],
        "char(4)": ["a   ", "A   "],
        "text": ["a", "A", "a ", "ä", HOSTILE],
        "boolean": [True, False],
    },
    "mysql": {
        "uuid": [str(uuid.UUID(int=1)), str(uuid.UUID(int=2))],
        "decimal(40,25)": [Decimal("1.1"), Decimal("1.1000000000000000000000001"), Decimal("1e14")],
        "datetime(6)": [MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None, microsecond=2)],
        "timestamp(6)": [MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None, microsecond=2)],
        "date": [date(2024, 1, 31), date(1000, 1, 1)],
        "varbinary(9)": [b"\0\xff", b"\0"],
        "binary(3)": [b"abc", b"abd"],
        "bigint unsigned": [2**64 - 1, 2**63],
        "varchar(100) collate utf8mb4_bin": ["a", "A", "ä", "😀", HOSTILE],
    },
    "sqlite": {
        "TEXT": ["a", "A", "a ", "2024-01-31", HOSTILE],
        "INTEGER": [2**63 - 1, 2**63 - 2],
        "BLOB": [b"\0\xff", b"\0", "a", 1],
        "TIMESTAMP": ["2024-01-31 12:00:00", "2024-01-31T12:00:00Z"],
        "UUID": [str(uuid.UUID(int=10)), str(uuid.UUID(int=11)).upper()],
    },
}


def of_kind(scratch: Scratch) -> dict[str, list[Any]]:
    return next(found for name, found in KEYS.items() if scratch.url.startswith(name))


def test_each_key_finds_its_own_row_alone(scratch: Scratch) -> None:
    for kind, values in of_kind(scratch).items():
        scratch.sql("DROP TABLE IF EXISTS t")
        fill(scratch, "n int", *[(value, number) for number, value in enumerate(values)], key=f"k {kind} primary key")
        for number, value in enumerate(values):
            assert chosen(scratch, KeyIn(((value,),)), key=("k",), of="n") == [number], (kind, value)
        assert chosen(scratch, Not(KeyIn(((values[0],),))), key=("k",), of="n") == list(range(1, len(values)))


def test_the_keys_that_a_reader_gives_find_their_rows(scratch: Scratch) -> None:
    for kind, values in of_kind(scratch).items():
        scratch.sql("DROP TABLE IF EXISTS t")
        fill(scratch, "n int", *[(value, number) for number, value in enumerate(values)], key=f"k {kind} primary key")
        with scratch.open() as reader:
            keys = reader.boundaries(Selection("t", scratch.schema, key=("k",)), 1)
        assert len(chosen(scratch, KeyIn(tuple(keys)), key=("k",), of="n")) == len(values) - 1, kind


@pytest.mark.parametrize(("value", "there"), [("42", [0]), ("043", []), (42, [0])])
def test_a_key_may_be_given_as_text(scratch: Scratch, value: Any, there: list[int]) -> None:
    fill(scratch, "n int", (42, 0), (44, 1), key="k bigint primary key")
    assert chosen(scratch, KeyIn(((value,),)), key=("k",), of="n") == there


def test_a_key_that_only_collates_alike_is_another(mariadb: Scratch, sqlite: Scratch) -> None:
    for place, kind in ((mariadb, "varchar(20) collate utf8mb4_general_ci"), (sqlite, "TEXT COLLATE NOCASE")):
        fill(place, "n int", ("A", 0), ("ö", 1), key=f"k {kind} primary key")
        assert chosen(place, KeyIn((("a",), ("A ",), ("Ö",))), key=("k",), of="n") == []
        assert chosen(place, KeyIn((("A",), ("ö",))), key=("k",), of="n") == [0, 1]


def test_composite_keys_are_compared_as_a_whole(scratch: Scratch) -> None:
    fill(scratch, "a int, b varchar(5)", (1, "x"), (1, "y"), (2, "x"), (2, "y"))
    keys = tuple((number, "x") for number in range(2, 900))
    assert chosen(scratch, KeyIn(((1, "y"), *keys)), key=("a", "b")) == [1, 2]
    assert chosen(scratch, Not(KeyIn(((1, "y"), *keys))), key=("a", "b")) == [0, 3]


def test_no_key_is_the_key_of_no_row(scratch: Scratch) -> None:
    fill(scratch, "s varchar(9)", ("a",), ("b",))
    both(scratch, KeyIn(()), [], 2)
    assert chosen(scratch, KeyIn((("\ud800",), ("a\0",))), key=("s",)) == []


def test_keys_of_another_number_of_columns_are_refused(scratch: Scratch) -> None:
    fill(scratch, "")
    with scratch.open() as reader, pytest.raises(SourceError, match="has 1 columns, not 2"):
        reader.check(Selection("t", scratch.schema, key=("id",), where=KeyIn(((1, 2),))))


def test_more_than_a_thousand_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 1000 keys, not 1001"):
        KeyIn(tuple((number,) for number in range(1001)))


# --- JSON ----------------------------------------------------------------------------------------------------------
def test_a_predicate_survives_json_exactly() -> None:
    keys = ((1, "a", b"\0"), (Decimal("1.10"), MOMENT, uuid.UUID(int=1)), (date(2024, 1, 31), True, MOMENT.replace(tzinfo=None)))
    every = And((Or(()), Not(Condition("a", "in", (1, 1.5, "x"))), Condition("b", "isNull"), HasMember("d", HOSTILE), KeyIn(keys)))
    whole = Exists("t", "s", ("a", "b"), ("c", "d"), Not(Exists("t", "", ("a",), ("b",), every)))
    loaded = load_predicate(json.loads(json.dumps(dump_predicate(whole))))
    assert loaded == whole
    assert str(loaded) == str(whole)


@pytest.mark.parametrize("dumped", [{}, {"and": 1}, {"or": [{}]}, {"xor": []}, {"and": [], "or": []}, {"not": None}, {"exists": {}}])
def test_what_is_no_predicate_is_refused(dumped: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no predicate"):
        load_predicate(dumped)


# --- Any predicate over any rows -----------------------------------------------------------------------------------
def fill_any(scratch: Scratch, found: list[Row]) -> None:
    backend = next(name for name in KEYS if scratch.url.startswith(name))
    mark = "?" if backend == "sqlite" else "%s"
    scratch.sql("DROP TABLE IF EXISTS t")
    scratch.sql("DROP TABLE IF EXISTS c")
    scratch.sql(f"CREATE TABLE t (id int primary key, {columns(backend)})")
    scratch.sql("CREATE TABLE c (owner int, s varchar(10))")
    for row in found:
        values = [row["id"], *[stored(scratch, row["id"], row[name]) for name in COLUMN_NAMES], document(row)]
        scratch.sql(f"INSERT INTO t VALUES ({', '.join([mark] * len(values))})", values)
        for child in row["children"]:
            scratch.sql(f"INSERT INTO c VALUES ({mark}, {mark})", [row["id"], child["s"]])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_predicate_is_true_of_the_rows_that_python_says(scratch: Scratch, data: st.DataObject) -> None:
    found = data.draw(rows())
    fill_any(scratch, found)
    with scratch.open() as reader:
        for where in data.draw(st.lists(predicates(scratch.schema), min_size=1, max_size=10)):
            assert load_predicate(json.loads(json.dumps(dump_predicate(where)))) == where
            for predicate in (where, Not(where)):
                selection = Selection("t", scratch.schema, columns=("id",), key=("id",), where=predicate)
                ids = sorted(row["id"] for batch in reader.batches(selection) for row in batch.to_pylist())
                assert ids == [row["id"] for row in found if is_true(predicate, row)], predicate
