"""I9: restore(purge(x)) = x, for any row of plain types and what goes along with it, in every database, column by column."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.models import Dataset
from exports.sources.predicates import And
from retention.models import Hold, Purge
from tests.exports.test_sources_any_row import ROW, TYPES
from tests.retention.purge_world import PurgeWorld
from tests.retention.restoring import completed

FOREVER: dict[str, Any] = {
    "deadline": None,
    "max_examples": 8,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}
MORE_TYPES = {
    "postgresql": (
        "id uuid PRIMARY KEY, f bool, r real, z timestamptz, j jsonb, jj json, a int[], w numeric, i interval, ti time, c char(5), e bytea[]",
        (
            "('6f1c1d5c-4b8e-4b2e-9a53-0d7d0c3c7a11', true, 'NaN', '2024-07-01 12:00+02', '{\"b\": [1, 1.50, null]}', '{\"a\" : 1}', '{1,NULL,3}',"
            " 12345678901234567890.00100, '1 day 02:03:04.5', '23:59:59.123456', 'ab', ARRAY[decode('00ff','hex')]), "
            "('6f1c1d5c-4b8e-4b2e-9a53-0d7d0c3c7a12', NULL, '-Infinity', 'infinity', NULL, NULL, '{}', 'NaN', NULL, NULL, '', NULL)"
        ),
    ),
    "mysql": (
        "id BINARY(16) PRIMARY KEY, f BIT(9), r FLOAT, z TIMESTAMP(6) NULL, j JSON, y YEAR, ti TIME(6), c CHAR(5), e ENUM('a','b'), s SET('x','y'), u BIGINT UNSIGNED",
        (
            "(UNHEX('00112233445566778899AABBCCDDEEFF'), b'101', 1.1, '2024-07-01 12:00:00.123456', '{\"b\" : [1, 1.50, null]}', 2024, "
            "'-838:59:59', 'ab', 'b', 'x,y', 18446744073709551615), "
            "(UNHEX('00000000000000000000000000000000'), NULL, NULL, NULL, NULL, NULL, NULL, '', NULL, '', 0)"
        ),
    ),
    "sqlite": (
        "id BLOB PRIMARY KEY NOT NULL, f BOOLEAN, r, j JSON, b BLOB, n NUMERIC, t TEXT",
        (
            "(x'0001ff', 1, 'a text', '{\"a\" : 1.50}', x'00', 1.5, 'a' || char(10) || 'b'), "
            "(x'00', NULL, 2.5, NULL, 'QUJD', '1e400', 'NaN'), (x'01', 0, x'41', '[]', NULL, 9007199254740993, '')"
        ),
    ),
}


@pytest.fixture
def typed(purging: PurgeWorld) -> PurgeWorld:
    """With a table t of plain types, and c, whose rows refer to it."""
    backend = purging.engine.url.get_backend_name()
    types = TYPES["postgres" if backend == "postgresql" else backend]
    with purging.writing() as connection:
        connection.exec_driver_sql(f"CREATE TABLE t (i int PRIMARY KEY NOT NULL, {types})")
        connection.exec_driver_sql(f"CREATE TABLE c (k int PRIMARY KEY NOT NULL, t_i int, {types}, FOREIGN KEY (t_i) REFERENCES t (i))")
    parent = Dataset.objects.create(source=purging.source, name="T", table="t", key_columns=["i"])
    child = Dataset.objects.create(source=purging.source, name="C", table="c", key_columns=["k"], parent=parent, parent_columns=["t_i"])
    purging.datasets |= {"T": parent, "C": child}
    return purging


def fill(world: PurgeWorld, rows: Sequence[tuple[Any, ...]]) -> None:
    """Each row once in t, and once in c below a row of t; one row of c refers to none."""
    backend = world.engine.url.get_backend_name()
    mark = "?" if backend == "sqlite" else "%s"
    stored = [
        tuple(str(v) if backend == "sqlite" and not isinstance(v, int | float | str | bytes | None) else v for v in row) for row in rows
    ]
    with world.writing() as connection:
        connection.exec_driver_sql("DELETE FROM c")
        connection.exec_driver_sql("DELETE FROM t")
        for number, row in enumerate(stored):
            connection.exec_driver_sql(f"INSERT INTO t VALUES ({', '.join([mark] * 8)})", (number, *row))
            connection.exec_driver_sql(f"INSERT INTO c VALUES ({', '.join([mark] * 9)})", (number, number // 2, *row))
        connection.exec_driver_sql(f"INSERT INTO c VALUES ({', '.join([mark] * 9)})", (-1, None, *stored[0]))


def contents(world: PurgeWorld, *tables: str) -> list[str]:
    """Every column of every row, as the driver has it, with its type; in PostgreSQL as the server spells the row."""
    is_postgresql = world.engine.url.get_backend_name() == "postgresql"
    with world.engine.connect() as connection:
        found = [connection.exec_driver_sql(f"SELECT {'x::text' if is_postgresql else '*'} FROM {table} x").all() for table in tables]
    return sorted(f"{table} {tuple(row)!r}" for table, rows in zip(tables, found, strict=True) for row in rows)


def assert_comes_back(world: PurgeWorld, dataset: str, *tables: str) -> None:
    Hold.objects.update(ends_at=timezone.now() - timedelta(seconds=1))  # of the example before
    before = contents(world, *tables)
    purge = world.purged(And(()), dataset)
    assert purge.status == Purge.Status.COMPLETED, (purge.message, purge.traceback)
    assert not contents(world, tables[0]), (purge.selected, purge.kept, list(purge.batches.values_list("kept", flat=True)))
    restore = completed(world, purge)
    assert restore.conflicts == {}
    assert contents(world, *tables) == before


@settings(**FOREVER)
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_any_row_comes_back_with_what_went_along(typed: PurgeWorld, rows: list[tuple[Any, ...]]) -> None:
    fill(typed, rows)
    assert_comes_back(typed, "T", "t", "c")


def test_rows_of_other_types_come_back(purging: PurgeWorld) -> None:
    columns, rows = MORE_TYPES[purging.engine.url.get_backend_name()]
    with purging.writing() as connection:
        connection.exec_driver_sql(f"CREATE TABLE m ({columns})".replace("%", "%%"))
        connection.exec_driver_sql(f"INSERT INTO m VALUES {rows}".replace("%", "%%"))
    purging.datasets["M"] = Dataset.objects.create(source=purging.source, name="M", table="m", key_columns=["id"])
    assert_comes_back(purging, "M", "m")


def test_the_null_of_json_and_no_value_come_back_as_what_they_were(purging: PurgeWorld) -> None:
    other = "JSONB" if purging.engine.dialect.name == "postgresql" else "JSON"
    with purging.writing() as connection:
        connection.exec_driver_sql(f"CREATE TABLE m (id int PRIMARY KEY NOT NULL, j JSON, t VARCHAR(9), k {other})")
        rows = "(1, 'null', 'null', NULL), (2, NULL, NULL, 'null'), (3, '[null]', 'x', ' null'), (4, 'null', ' null', 'null'), (5, NULL, '', NULL)"
        connection.exec_driver_sql(f"INSERT INTO m VALUES {rows}")
    purging.datasets["M"] = Dataset.objects.create(source=purging.source, name="M", table="m", key_columns=["id"])
    restore = completed(purging, purging.purged(And(()), "M"))
    assert restore.restored == {"M": 5}
    assert restore.conflicts == {}
    with purging.engine.connect() as connection:
        text = {"postgresql": "CAST({} AS text)", "sqlite": "{}"}.get(purging.engine.dialect.name, "CAST({} AS char)")
        found = connection.exec_driver_sql(f"SELECT id, {text.format('j')}, t, trim({text.format('k')}) FROM m ORDER BY id").fetchall()
    no, null = None, "null"
    assert [tuple(row) for row in found] == [
        (1, null, null, no),
        (2, no, no, null),
        (3, "[null]", "x", null),
        (4, null, " null", null),
        (5, no, "", no),
    ]
