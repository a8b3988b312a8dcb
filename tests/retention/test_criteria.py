"""Criteria: what an OData filter means, in three databases, and what it may not say."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings

from accounts.models import Organization
from exports.models import Dataset, Source
from exports.services.errors import Invalid
from exports.sources.base import Selection
from exports.sources.conditions import Condition
from exports.sources.predicates import And, Exists, Not, Or
from retention.services.criteria import parse_criteria
from retention.services.odata.names import SourceCatalogue
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)
COLUMNS = {
    "postgresql": "s text, n bigint, price numeric(10,2), f float8, active boolean, u uuid, day date, startDate timestamptz, endDate timestamptz, allAttributes jsonb",
    "mysql": "s varchar(50), n bigint, price decimal(10,2), f double, active boolean, u uuid, day date, startDate datetime(6), endDate datetime(6), allAttributes json",
    "sqlite": "s TEXT, n BIGINT, price DECIMAL(10,2), f DOUBLE, active BOOLEAN, u UUID, day DATE, startDate TIMESTAMP, endDate TIMESTAMP, allAttributes JSON",
}
UUID = "123e4567-e89b-12d3-a456-426614174000"
ROWS = [
    (0, "open", 1, "19.90", 1.5, True, UUID, "2024-01-31", "2024-01-31 12:00:00", "2024-02-01 00:00:00", "{}"),
    (1, "Größe's", 7, "-2.50", -0.5, False, None, "2024-02-29", "2024-02-29 23:59:59.5", "2024-02-29 23:59:59.5", None),
    (2, None, None, None, None, None, None, None, None, None, None),
    (3, " Open ", -7, "0.50", 2.5, True, None, "2023-12-31", "2023-12-31 00:00:00", None, None),
]
EVERY = {0, 1, 2, 3}


@pytest.fixture
def resource(scratch: Scratch, organization: Organization, settings: LazySettings) -> Dataset:
    """Conversations with messages, which have marks."""
    backend = next(name for name in COLUMNS if scratch.url.startswith(name))
    settings.SQLITE_FOLDER = scratch.folder
    names = COLUMNS[backend] if backend != "postgresql" else _quoted(COLUMNS[backend])
    scratch.sql(f"CREATE TABLE conversations (id int primary key, {names})")
    scratch.sql("CREATE TABLE messages (id int primary key, owner int, size int, body varchar(20))")
    scratch.sql("CREATE TABLE marks (id int primary key, message int, label varchar(20))")
    mark = "?" if backend == "sqlite" else "%s"
    for row in ROWS:
        scratch.sql(f"INSERT INTO conversations VALUES ({', '.join([mark] * len(row))})", row)
    scratch.sql("INSERT INTO messages VALUES (1, 0, 10, 'hello'), (2, 0, 20, NULL), (3, 1, 30, 'hello'), (4, NULL, 1, 'lost')")
    scratch.sql("INSERT INTO marks VALUES (1, 1, 'spam'), (2, 3, NULL)")
    return _datasets(Source.objects.create(organization=organization, key="s", name="S", url=scratch.url), scratch.schema)


def _quoted(columns: str) -> str:
    """With their capitals, which PostgreSQL would change."""
    return ", ".join('"{}" {}'.format(*part.split(" ", 1)) for part in columns.replace("10,2", "10;2").split(", ")).replace("10;2", "10,2")


def _datasets(source: Source, schema: str) -> Dataset:
    own: dict[str, Any] = {"source": source, "schema": schema, "key_columns": ["id"]}
    top = Dataset.objects.create(name="Conversation", table="conversations", document_column="allAttributes", **own)
    message = Dataset.objects.create(name="Chat-Message", table="messages", parent=top, parent_columns=["owner"], **own)
    Dataset.objects.create(name="marks", table="marks", parent=message, parent_columns=["message"], **own)
    return top


@pytest.fixture
def found(scratch: Scratch, resource: Dataset) -> Callable[[str], set[int]]:
    """The ids of the rows that a filter means."""
    catalogue = SourceCatalogue()

    def read(text: str) -> set[int]:
        where = parse_criteria(resource, text, catalogue, now=NOW)
        with scratch.open() as reader:
            selection = Selection("conversations", scratch.schema, columns=("id",), key=("id",), where=where)
            reader.check(selection)
            return {row["id"] for batch in reader.batches(selection) for row in batch.to_pylist()}

    return read


Found = Callable[[str], set[int]]


def means(found: Found, filters: dict[str, set[int]]) -> None:
    """Each filter means these rows, and `not` of it all others."""
    for text, expected in filters.items():
        assert found(text) == expected, text
        assert found(f"not ({text})") == EVERY - expected, text


# --- What filters mean ---------------------------------------------------------------------------------------------
def test_constants_are_compared_with_columns_of_every_kind(found: Found) -> None:
    means(
        found,
        {
            "s eq 'Größe''s'": {1},
            "n ge 1": {0, 1},
            "price eq 19.9": {0},
            "price lt 1": {1, 3},
            "f gt 15e-1": {3},
            "active": {0, 3},
            "active eq false": {1},
            f"u eq {UUID.upper()}": {0},
            "day le 2024-01-31": {0, 3},
            "startDate eq 2024-02-29T23:59:59.5Z": {1},
            "startDate lt 2024-01-31T14:00:01+02:00": {0, 3},
            "startDate ge 2024-01-31": {0, 1},
            "1 eq n": {0},
            "0 lt n": {0, 1},
        },
    )


def test_a_comparison_with_null_is_false_except_for_eq_and_ne(found: Found) -> None:
    means(found, {"s ne 'open'": {1, 2, 3}, "n lt 5": {0, 3}, "n gt null": set(), "s eq null": {2}, "null ne endDate": {0, 1}})
    means(found, {"allAttributes eq null": {1, 2, 3}, "tolower(s) eq null": {2}, "contains(s, null)": set()})


def test_whole_numbers_are_compared_with_fractions_exactly(found: Found) -> None:
    means(found, {"n gt 0.5": {0, 1}, "n lt 7.5": {0, 1, 3}, "n le -6.5": {3}, "n ge 1.0": {0, 1}, "n eq 1.5": set(), "n ne 1.5": EVERY})


def test_in_is_an_eq_with_each(found: Found) -> None:
    means(found, {"n in (1, 7.0, 8.5)": {0, 1}, "s in ('open')": {0}, "s in('x', null)": {2}, "day in (2024-01-31,2024-02-29)": {0, 1}})


def test_logic_binds_as_odata_says(found: Found) -> None:
    means(found, {"n eq 1 or n eq 7 and s eq 'x'": {0}, "(n eq 1 or n eq 7) and s eq 'x'": set(), "not (active) and n eq 7": {1}})
    means(found, {"(n eq 1) eq false": {1, 2, 3}, "contains(s, 'p') ne true": {1, 2}, "true": EVERY, "false": set()})


def test_functions_of_texts(found: Found) -> None:
    means(
        found,
        {
            "contains(s, 'ö')": {1},
            "startswith(s, ' O')": {3},
            "endswith(s, '''s')": {1},
            "length(s) eq 7": {1},
            "indexof(s, 'pen') eq 1": {0},
            "substring(s, 2) eq 'en'": {0},
            "substring(s, 1, 2) in ('pe', 'Op')": {0, 3},
            "tolower(trim(s)) eq 'open'": {0, 3},
            "toupper(s) eq 'GRößE''S'": {1},
            "concat(s, concat('-', s)) eq 'open-open'": {0},
            "contains(tolower(s), 'OPEN')": set(),
        },
    )


def test_functions_of_moments_and_numbers(found: Found) -> None:
    means(
        found,
        {
            "year(startDate) eq 2023 or month(day) eq 2": {1, 3},
            "day(startDate) eq 31 and hour(startDate) eq 12": {0},
            "minute(startDate) eq second(startDate)": EVERY,
            "date(startDate) eq 2024-02-29": {1},
            "time(startDate) gt 12:00:00": {1},
            "startDate lt now() sub duration'P150DT12H'": {0, 3},
            "year(startDate) lt year(now())": {3},
            "round(price) eq -3 or floor(f) eq 2": {1, 3},
            "ceiling(price) eq 1": {3},
            "n add 1 mul 2 eq 3": {0},
            "n div 2 eq -3 or n mod 4 eq 3": {1, 3},
            "n div (n sub n) eq null": EVERY,
            "-n eq 7": {3},
        },
    )


def test_columns_are_compared_with_each_other(found: Found) -> None:
    means(found, {"startDate lt endDate": {0}, "startDate eq endDate": {1, 2}, "n lt price": {0, 3}, "day eq date(startDate)": EVERY})


def test_any_and_all_ask_the_children(found: Found) -> None:
    means(
        found,
        {
            "chatMessages/any()": {0, 1},
            "ChatMessage/any(m: m/size gt 10)": {0, 1},
            "chatMessages/all(m: m/size gt 10)": {1, 2, 3},
            "chatMessages/all(m: m/body eq 'hello')": {1, 2, 3},
            "chatMessages/any(m: m/marks/any(x: x/label eq 'spam') and m/size lt 15)": {0},
            "chatMessages/any(m: m/marks/all(x: x/label eq 'spam'))": {0},
            "chatMessages/any(m: not (m/marks/any()))": {0},
        },
    )


def test_plain_comparisons_are_conditions_that_an_index_can_answer(resource: Dataset) -> None:
    before = Condition("startDate", "lt", "2024-01-31T00:00:00+00:00")
    assert parse_criteria(resource, "startDate lt 2024-01-31 and s eq 'open'") == And((before, Condition("s", "eq", "open")))


def test_now_is_the_moment_at_which_the_filter_is_read(resource: Dataset) -> None:
    assert parse_criteria(resource, "startDate lt now()", now=NOW) == Condition("startDate", "lt", NOW.isoformat())


def test_all_is_that_no_child_is_otherwise(resource: Dataset) -> None:
    schema = resource.schema
    big = Condition("size", "gt", 1)
    exists = Exists("messages", schema, ("owner",), ("id",), Not(big))
    assert parse_criteria(resource, "chatMessages/all(m: m/size gt 1)") == Not(exists)


# --- What filters may not say --------------------------------------------------------------------------------------
@pytest.fixture
def refused(sqlite: Scratch, organization: Organization, settings: LazySettings) -> Callable[[str], str]:
    """What is said of a filter that is wrong, of conversations in SQLite; within a tenth of a second."""
    settings.SQLITE_FOLDER = sqlite.folder
    sqlite.sql(f"CREATE TABLE conversations (id int primary key, {COLUMNS['sqlite']})")
    sqlite.sql("CREATE TABLE messages (id int primary key, owner int, size int, body varchar(20))")
    sqlite.sql("CREATE TABLE marks (id int primary key, message int, label varchar(20))")
    resource = _datasets(Source.objects.create(organization=organization, key="s", name="S", url=sqlite.url), "")
    Dataset.objects.create(source=resource.source, name="mark", table="marks", parent=resource, parent_columns=["message"])
    Dataset.objects.create(source=resource.source, name="Mark-s", table="marks", parent=resource, parent_columns=["message"])
    catalogue = SourceCatalogue()
    catalogue.kinds(resource)

    def say(text: str) -> str:
        seconds = []
        for _ in range(3):  # of which one is without garbage to collect
            begun = time.thread_time()
            with pytest.raises(Invalid) as error:
                parse_criteria(resource, text, catalogue)
            seconds.append(time.thread_time() - begun)
        assert min(seconds) < 0.1
        assert list(error.value.errors) == ["criteria.Conversation"]
        return str(error.value)

    return say


Refused = Callable[[str], str]


@pytest.mark.parametrize(
    ("text", "column", "sentence"),
    [
        ("n eq 1 and", 8, '"and" cannot stand here'),
        ("n eq (1", 8, "Something is missing at the end"),
        ("n eq 1)", 7, '")" cannot stand here'),
        ("n == 1", 3, "the operator is eq"),
        ("n eq 1 && s eq 'x'", 8, '"&" begins no word'),
        ("s eq 'open", 6, "This quote is never closed"),
        ("n eq 1\0", 7, "begins no word"),
        ("   ", 1, "an empty one says nothing"),
        ("n in ()", 7, '")" cannot stand here'),
        ("\ud800 eq 1", 1, "begins no word"),
        ("chatMessages/any(m)", 19, '")" cannot stand here'),
    ],
)
def test_a_syntax_error_is_told_with_its_place(refused: Refused, text: str, column: int, sentence: str) -> None:
    said = refused(text)
    assert f"criteria.Conversation cannot be read at column {column}: " in said
    assert sentence in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stardate eq null", "stardate is unknown in Conversation. Did you mean startDate, endDate?"),
        ("chatMessages/any(m: m/sise eq 1)", "m/sise is unknown in Chat-Message. There are: id, owner, size, body."),
        ("masseges/any()", "masseges are no children of Conversation. There are: Chat-Message, Mark-s, mark."),
        ("marks/any()", "marks may mean Mark-s or mark."),
        ("chatMessages/size eq 1", "chatMessages are many rows: ask chatMessages/any(x: …)"),
        ("chatMessages/any(m: size eq 1)", "Inside any and all only columns of m can be compared, as m/column, not size."),
        ("chatMessages/any(m: m/marks/any(m: m/label eq 'x'))", "m already names another row."),
        ("allAttributes/a eq 'x'", "allAttributes/a looks into a document"),
        ("allAttributes eq 'x'", "It can only be compared with null."),
        ("foo(s) eq 1", "There is no function foo."),
        ("upper(s) eq 'X'", "There is no function upper. Did you mean toupper?"),
        ("geo.length(s) eq 1", "There is no geo.length of text."),
        ("length(s, s) eq 1", "length takes 1 arguments, not 2."),
        ("f(a=1,b=2,c=3)", "arguments are given without names"),
        ("a/b/c/any(x: x/y eq 1)", "A path is a column"),
    ],
)
def test_unknown_names_are_told_with_what_there_is(refused: Refused, text: str, sentence: str) -> None:
    assert sentence in refused(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("n eq 'x'", "n is of the type integer and cannot be compared with the text x. Write a number, e.g. 42."),
        ("s eq 1", "Write a text in single quotes"),
        ("active eq 1", "Write true or false."),
        ("u eq 'x'", "Write a UUID without quotes."),
        (f"u gt {UUID}", "u is of the type uuid, which gt does not compare. It knows eq, ne, in."),
        ("day eq 2024-01-31T00:00:00Z", "Write a day without quotes"),
        ("startDate eq '2024-01-31'", "Write a moment without quotes"),
        ("time(startDate) eq 'x'", "Write a time of day without quotes"),
        ("startDate eq 2024-02-30", "2024-02-30 is no day of the calendar."),
        ("startDate eq 2024-01-31T00:00:00.1234567Z", "is no moment to the microsecond."),
        ("startDate lt now() sub duration'P1M'", "years and months have no length of their own"),
        ("startDate lt 9999-12-31T00:00:00Z add duration'P900D'", "No calendar and no number goes so far."),
        ("n eq 99999999999999999999", "a whole number of at most 64 bits"),
        ("price eq 1e999", "a number of at most 65 digits"),
        ("s eq n", "s is of the type text and cannot be compared with n of the type integer."),
        ("length(n) eq 1", "There is no length of integer."),
        ("price mul 2 eq 4", "Of columns only whole numbers can be reckoned with"),
        ("substring(s, n) eq 'x'", "substring takes whole numbers from 0"),
        ("n in (1, n)", "A list behind in holds constants only."),
        ("not n eq 1", "what not is about stands in brackets, e.g. not (a eq 1)."),
        ("n", "n alone is no condition: compare it with something."),
        ("1 eq 1", "Two constants are compared"),
    ],
)
def test_what_does_not_fit_a_type_is_told_with_what_does(refused: Refused, text: str, sentence: str) -> None:
    assert sentence in refused(text)


HOSTILE: dict[str, tuple[str, str]] = {
    "a megabyte": ("x" * (1 << 20), "at most 8192 characters, this one 1048576"),
    "ten thousand terms": (" or ".join(["n eq 1"] * 10_000), "at most 8192 characters"),
    "a list of a hundred thousand values": (f"n in ({','.join(['1'] * 100_000)})", "at most 8192 characters"),
    "terms": (" or ".join(["n eq 1"] * 201), "at most 200 terms (comparisons, functions, operators)."),
    "joins": (" and ".join(["active"] * 201), "at most 200 terms"),
    "sums": ("n eq " + "n add " * 190 + "n", "nested at most 4 deep"),
    "values": (f"n in ({','.join(['1'] * 1001)})", "at most 1000 values"),
    "open brackets": ("(" * 8000, "at column 21: A filter is at most 20 levels deep."),
    "brackets": ("(" * 4000 + "n eq 1" + ")" * 4000, "at most 20 levels deep"),
    "not": ("not " * 2000 + "active", "at most 20 levels deep"),
    "not in brackets": ("not (" * 21 + "active" + ")" * 21, "at most 20 levels deep"),
    "minus": ("-" * 8000 + "n eq 1", "at most 20 levels deep"),
    "eq true": ("active eq true" + " eq true" * 190, "at most 20 levels deep"),
    "functions": ("length(" * 500 + "s" + ")" * 500, "at most 20 levels deep"),
    "functions of functions": ("tolower(" * 15 + "s" + ")" * 15 + " eq 'x'", "nested at most 4 deep"),
    "a path": ("a/" * 4000 + "a", "at most 200 terms"),
    "a short path": ("a/" * 150 + "a eq 1", "is unknown in Conversation"),
    "three lambdas": ("chatMessages/any(a: a/marks/any(b: b/marks/any(c: c/id eq 1)))", "marks are no children of marks"),
    "many lambdas": ("chatMessages/any(" * 100, "at most 20 levels deep"),
    "quotes": ("s eq " + "'" * 8001, "This quote is never closed"),
    "digits": ("n eq " + "9" * 8000, "is no number of at most 100 digits"),
    "an exponent": ("price eq 1e" + "9" * 8000, "is no number of at most 100 digits"),
    "a duration": ("startDate lt duration'P" + "1" * 8000, "at column"),
    "a fraction": ("startDate lt 2024-01-01T00:00:00." + "1" * 8000, "at column"),
    "spaces": ("n" + " " * 8000 + "eq", "at column 8002"),
    "NUL in a text": ("s eq 'a\0'", "none of them NUL"),
    "half a character": ("s eq '\ud800'", "at most 1000 characters"),
    "a long text": (f"s eq '{'x' * 1001}'", "at most 1000 characters"),
    "a long name": ("x" * 127 + " eq 1", "is unknown in Conversation"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_filter_is_refused_at_once(refused: Refused, name: str) -> None:
    text, sentence = HOSTILE[name]
    said = refused(text)
    assert sentence in said
    assert len(said) < 500


def test_lambdas_stand_in_one_another_twice_at_most(refused: Refused) -> None:
    marks = Dataset.objects.get(name="marks")
    Dataset.objects.create(source=marks.source, name="notes", table="marks", parent=marks, parent_columns=["message"])
    text = "chatMessages/any(a: a/marks/any(b: b/notes/any(c: c/id eq 1)))"
    assert "any and all may stand inside one another at most 2 deep." in refused(text)


def test_what_keeps_the_limits_is_read(resource: Dataset) -> None:
    catalogue = SourceCatalogue()
    assert parse_criteria(resource, " or ".join(["n eq 1"] * 200), catalogue) == Or((Condition("n", "eq", 1),) * 200)
    assert parse_criteria(resource, f"n in ({','.join(['1'] * 1000)})", catalogue)
    assert parse_criteria(resource, "(" * 20 + "n eq 1" + ")" * 20, catalogue) == Condition("n", "eq", 1)
