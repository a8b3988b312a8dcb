"""SQL: the same file for three databases."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from exports.sources.base import number_text
from tests.exports.format_reading import READERS, there_and_back, written

DATABASES = [case for case in READERS if case.startswith("sql-")]
TEXT = st.text(st.sampled_from("'\"\\\r\n\t;-/*é:%$`.") | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def batch(**columns: list[Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@pytest.mark.parametrize("case", DATABASES)
@settings(deadline=None, max_examples=20, phases=(Phase.explicit, Phase.generate))
@given(values=st.lists(TEXT, min_size=1, max_size=30))
def test_any_text_is_loaded(case: str, values: list[str]) -> None:
    assert [row["s"] for row in there_and_back(case, [batch(s=values)])] == values


LINES = ["\\", "\\q", "delimiter //", ".quit", "/* not a comment", "*/", "-- no\n.exit", "a\n\\! true\nb", "COPY", "\r\n", "$1 %s :x ?"]


@pytest.mark.parametrize("case", DATABASES)
def test_lines_that_clients_take_for_commands_are_loaded_as_text(case: str) -> None:
    assert [row["s"] for row in there_and_back(case, [batch(s=LINES)])] == LINES


@pytest.mark.parametrize("case", ["sql-mariadb", "sql-sqlite"])
def test_a_nul_is_loaded_where_texts_may_hold_one(case: str) -> None:
    assert [row["s"] for row in there_and_back(case, [batch(s=["a\0b'\\"])])] == ["a\0b'\\"]


def test_a_nul_is_refused_by_postgresql_and_nothing_is_loaded() -> None:
    with pytest.raises(ValueError, match="invalid byte sequence"):
        there_and_back("sql-postgresql", [batch(s=["fine", "a\0b"])])


@pytest.mark.parametrize("case", DATABASES)
def test_rows_are_added_to_a_table_that_is_there(case: str) -> None:
    name, read = READERS[case]
    data = written(name, [batch(i=[1])])
    assert [row["i"] for row in read(data + data)] == [1, 1]


@pytest.mark.parametrize("case", DATABASES)
def test_a_large_table_is_loaded_by_statements_of_bounded_size(case: str) -> None:
    rows = batch(i=list(range(20_000)), s=["x" * 50] * 20_000)
    data = written("sql", [rows])
    assert 9 <= data.count(b"INSERT INTO") <= 20
    assert [row["i"] for row in READERS[case][1](data)] == list(range(20_000))


@pytest.mark.parametrize("case", DATABASES)
def test_decimals_keep_every_digit(case: str) -> None:
    digits = "12345678901234567890123456789.0123456789"
    schema = pa.schema([pa.field("d", pa.string(), metadata=number_text((39, 10)))])
    rows = pa.RecordBatch.from_arrays([pa.array([digits])], schema=schema)
    assert [str(row["d"]) for row in there_and_back(case, [rows])] == [digits]
