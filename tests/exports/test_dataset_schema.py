"""The JSON Schema of a dataset: every line of its files is valid by it, whatever the source holds."""

import io
import json
import zipfile
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from exports.formats.json_schema import json_schema
from exports.services.work import run_until_idle
from exports.sources.base import MixedColumn, Selection
from tests.exports.format_reading import written
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite
from tests.exports.test_formats_any_row import ODD_MARIADB, ODD_POSTGRES
from tests.exports.test_sources_any_row import ROW, TYPES
from tests.exports.world import World

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]


def schema_of(scratch: Scratch) -> dict[str, Any]:
    with scratch.open() as reader:
        described = json_schema(reader.schema(Selection("t", scratch.schema)), "t", loose=reader.loose)
    jsonschema.Draft7Validator.check_schema(described)
    return described


def lines(scratch: Scratch, *, exact: bool) -> list[Any]:
    with scratch.open() as reader:
        data = written("jsonl", reader.batches(Selection("t", scratch.schema), exact=exact))
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def wrong(scratch: Scratch) -> list[str]:
    """What the schema says of the lines as they are exported, and as they would be if they were read value by value."""
    validator = jsonschema.Draft7Validator(schema_of(scratch), format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
    found = lines(scratch, exact=True)
    try:
        found += lines(scratch, exact=False)
    except MixedColumn:
        assert found
    return [f"{error.json_path}: {error.message}" for line in found for error in validator.iter_errors(line)]


@settings(
    deadline=None, max_examples=6, phases=(Phase.explicit, Phase.generate), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_any_row_is_valid(scratch: Scratch, rows: list[tuple[Any, ...]]) -> None:
    backend = next(known for known in TYPES if scratch.url.startswith(known))
    scratch.sql("DROP TABLE IF EXISTS t")
    scratch.sql(f"CREATE TABLE t ({TYPES[backend]})")
    for row in rows:
        stored = [v if v is None or isinstance(v, int | float | bytes) else str(v) for v in row]
        scratch.sql(f"INSERT INTO t VALUES ({', '.join(['?' if backend == 'sqlite' else '%s'] * 7)})", stored)
    assert wrong(scratch) == []


def test_postgresqls_own_types_are_valid_and_so_are_their_nulls(postgres: Scratch) -> None:
    postgres.sql(f"CREATE TABLE t (i int, {', '.join(ODD_POSTGRES)}, day date, at timestamp)")
    values = [value for _, value in ODD_POSTGRES.values()]
    postgres.sql(f"INSERT INTO t VALUES (0, {', '.join(['%s'] * 12)}, 'infinity', '0044-03-15 12:00 BC'), (1{', NULL' * 14})", values)
    postgres.sql("INSERT INTO t (big, real, day, at, moment) VALUES ('NaN', 'NaN', '12024-01-01', '-infinity', '0001-01-01 BC')")
    assert wrong(postgres) == []


def test_mariadbs_own_types_are_valid_and_so_are_zero_dates(mariadb: Scratch) -> None:
    mariadb.sql(f"CREATE TABLE t (i int, {', '.join(f'{column} NULL' for column in ODD_MARIADB)}, day date, at datetime)")
    mariadb.sql(f"INSERT INTO t VALUES (0, {', '.join(['%s'] * 8)}, '0000-00-00', '2024-00-15')", [v for _, v in ODD_MARIADB.values()])
    mariadb.sql(f"INSERT INTO t VALUES (1{', NULL' * 10})")
    assert wrong(mariadb) == []


@pytest.mark.parametrize("declared", ["", "INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "DATETIME"])
def test_whatever_an_sqlite_column_holds_is_valid(sqlite: Scratch, declared: str) -> None:
    sqlite.sql(f"CREATE TABLE t (v {declared})")
    for value in (1, 2.5, float("inf"), "word", b"\0", None):
        sqlite.sql("INSERT INTO t VALUES (?)", (value,))
    assert wrong(sqlite) == []


def test_a_wrong_line_is_found(postgres: Scratch) -> None:
    postgres.sql("CREATE TABLE t (n int, s text, at timestamptz, b bytea)")
    validator = jsonschema.Draft7Validator(schema_of(postgres), format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
    good = {"n": 1, "s": "x", "at": "2024-01-01T00:00:00+00:00", "b": None}
    assert validator.is_valid(good)
    for change in ({"n": "1"}, {"n": 1.5}, {"s": 1}, {"at": "yesterday"}, {"b": 5}, {"more": 1}):
        assert not validator.is_valid(good | change), change
    assert not validator.is_valid({"n": 1})


def opened(world: World, name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(world.decrypted(world.organization.files.get(name=name)))) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def test_the_first_file_of_each_dataset_has_its_schema_and_no_other(world: World) -> None:
    run = world.run(split_bytes=250_000, export_attachments=True)
    run_until_idle()
    world.assert_whole(run)
    with_schema = {name for name in run.files.values_list("name", flat=True) if len(opened(world, name)) == 2}
    assert with_schema == {f"Interaction-{run.pk}.zip.p7m", f"Interaction-Attachment-{run.pk}.zip.p7m"}
    assert run.files.count() > 2


def test_every_exported_line_is_valid_by_the_schema_beside_it(world: World) -> None:
    run = world.run()
    run_until_idle()
    members = opened(world, f"Interaction-{run.pk}.zip.p7m")
    validator = jsonschema.Draft7Validator(json.loads(members[f"Interaction-{run.pk}.jsonschema"]))
    rows = [json.loads(line) for line in members[f"Interaction-{run.pk}.json"].splitlines()]
    assert len(rows) == 2_000
    assert [error for row in rows for error in validator.iter_errors(row)] == []
