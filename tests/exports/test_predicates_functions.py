"""What functions make of columns, the same in PostgreSQL, MariaDB and SQLite; and which predicates an index answers."""

from typing import Any

import pytest

from exports.sources.base import Selection, SourceError
from exports.sources.conditions import Condition
from exports.sources.expressions import Call, Column, Expression, Literal
from exports.sources.generic import GenericReader
from exports.sources.postgresql import PostgresReader
from exports.sources.predicates import And, Compare, Exists, KeyIn, Not, Or, Predicate
from exports.sources.selecting import select_count
from exports.sources.sqlite import SQLiteReader
from tests.exports.any_predicate import value_of
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.test_predicates import fill

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

# --- Functions -----------------------------------------------------------------------------------------------------
A, B, S, T = (Column(name) for name in "abst")
INTEGERS = [-3, -1, 0, 2, 7, 2**31, 2**63 - 1, -(2**63), None]
STRINGS = ["", "a", "A ", " ä", "äa", "aXbX", "Straße", "😀a", None]
EXPRESSIONS: dict[str, list[Expression]] = {
    "bigint": [
        *[Call(name, (A, B)) for name in ("add", "sub", "mul", "div", "mod")],
        *[Call(outer, (Call(inner, (A, B)), A)) for outer in ("mul", "div", "mod", "sub") for inner in ("add", "div", "mod", "sub")],
        *[Call(outer, (A, Call(inner, (B, Literal(2))))) for outer in ("div", "mod", "sub") for inner in ("div", "mod", "mul", "sub")],
        Call("length", (Call("concat", (S, T)),)),
        Call("indexof", (S, T)),
        Call("sub", (Call("indexof", (S, T)), Call("length", (T,)))),
    ],
    "text": [
        *[Call(name, (S,)) for name in ("tolower", "toupper", "trim")],
        Call("concat", (Call("trim", (S,)), Call("concat", (T, S)))),
        *[Call("substring", (Call("concat", (S, T)), Literal(start), Literal(2))) for start in (0, 1, 9)],
        Call("substring", (S, Literal(1))),
    ],
}


@pytest.mark.parametrize("kind", EXPRESSIONS)
def test_functions_give_what_python_gives(scratch: Scratch, kind: str) -> None:
    expressions = EXPRESSIONS[kind]
    pairs: list[tuple[Any, ...]] = [(a, b, None, None) for a in INTEGERS for b in INTEGERS] if kind == "bigint" else []
    pairs += [(None, None, s, t) for s in STRINGS for t in STRINGS]
    wanted = [[value_of(each, dict(zip("abst", pair, strict=True))) for each in expressions] for pair in pairs]
    text = {"bigint": "bigint", "text": "varchar(40) COLLATE utf8mb4_bin" if "mysql" in scratch.url else "text"}
    results = ", ".join(f"w{number} {text[kind]}" for number in range(len(expressions)))
    fill(scratch, f"a bigint, b bigint, s varchar(20), t varchar(20), {results}", *[(*p, *w) for p, w in zip(pairs, wanted, strict=True)])
    with scratch.open() as reader:
        for number, expression in enumerate(expressions):
            known = [row for row, values in enumerate(wanted) if values[number] is not None]
            for where in (Compare(expression, "eq", (Column(f"w{number}"),)), Compare(expression, "isNotNull")):
                batches = reader.batches(Selection("t", scratch.schema, columns=("id",), where=where))
                assert sorted(row["id"] for batch in batches for row in batch.to_pylist()) == known, where


@pytest.mark.parametrize(
    ("compare", "sentence"),
    [
        (Compare(Call("upper", (S,)), "eq", (Literal("A"),)), "no function upper of text"),
        (Compare(Call("length", (A,)), "eq", (Literal(1),)), "no function length of integer"),
        (Compare(S, "eq", (A,)), "type text cannot be compared with one of the type integer"),
        (Compare(A, "contains", (Literal(1),)), "no operator contains"),
        (Compare(A, "eq"), "does not take 0 values"),
        (Compare(A, "isNull", (B,)), "does not take 1 values"),
    ],
)
def test_what_is_not_compared_so_is_refused(scratch: Scratch, compare: Compare, sentence: str) -> None:
    fill(scratch, "a bigint, b bigint, s varchar(20)")
    with scratch.open() as reader, pytest.raises(SourceError, match=sentence):
        reader.check(Selection("t", scratch.schema, where=compare))


def test_a_sqlite_column_with_other_values_is_refused_in_predicates_too(sqlite: Scratch) -> None:
    fill(sqlite, "n INTEGER", ("many",))
    fill(sqlite, "owner int, at TIMESTAMP", (0, "yesterday"), table="files")
    aged = Exists("files", "", ("owner",), ("id",), Compare(Call("year", (Column("at"),)), "lt", (Literal(2024),)))
    for where, name in ((Not(Condition("n", "eq", 1)), "n"), (aged, "at")):
        with sqlite.open() as reader, pytest.raises(SourceError, match=f"Column {name} holds values that are no"):
            reader.check(Selection("t", where=where))


# --- Indexes -------------------------------------------------------------------------------------------------------
def plan(scratch: Scratch, where: Predicate) -> str:
    """How the database would find the rows."""
    with scratch.open() as reader:
        statement = select_count(reader, Selection("t", scratch.schema, key=("id",), where=where))  # type: ignore[arg-type] # all readers are backends
        if isinstance(reader, PostgresReader):
            reader._execute("SET enable_seqscan TO off")
            return str(reader._execute(f"EXPLAIN {reader._literal(statement)}"))
        if isinstance(reader, SQLiteReader):
            text, values = reader._compiled(statement)
            return str(reader._query(f"EXPLAIN QUERY PLAN {text}", values))
        assert isinstance(reader, GenericReader)
        compiled = statement.compile(dialect=reader._connection.dialect, compile_kwargs={"render_postcompile": True})
        return str(reader._connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).fetchall())


@pytest.mark.parametrize("operator", ["lt", "le", "gt", "ge", "eq"])
def test_a_comparison_with_a_moment_uses_the_index(scratch: Scratch, operator: str) -> None:
    kind = "datetime(6)" if "mysql" in scratch.url else "timestamptz" if "postgresql" in scratch.url else "TIMESTAMP"
    fill(scratch, f"at {kind}, s varchar(20)", *[(f"20{year}-01-31 12:00:00", "x") for year in range(10, 60)])
    scratch.sql("CREATE INDEX aged ON t (at)")
    cutoff = "2012-01-01T00:00:00Z" if operator in {"lt", "le", "eq"} else "2057-01-01T00:00:00Z"
    rule = And((Condition("at", operator, cutoff), Not(Or((Condition("s", "eq", "held"), KeyIn(((1,), (2,))))))))
    assert "aged" in plan(scratch, rule)
