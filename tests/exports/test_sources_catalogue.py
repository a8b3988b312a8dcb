"""Datasets from a catalogue, and selections from datasets. Nothing here is saved."""

from datetime import UTC, datetime

import pytest

from exports.models.source import Dataset, Source
from exports.services import catalogue
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]


@pytest.fixture
def shop(scratch: Scratch, settings: object) -> Source:
    settings.SQLITE_FOLDER = scratch.folder  # type: ignore[attr-defined] # pytest-django's settings
    binary = "bytea" if "postgres" in scratch.url else "blob"
    scratch.sql("CREATE TABLE orders (id int primary key, placed timestamp NULL, channel varchar(20))")
    scratch.sql(f"CREATE TABLE scans (id int primary key, of_order int, body {binary}, FOREIGN KEY (of_order) REFERENCES orders (id))")
    return Source(key="shop", url=scratch.url, kind=Source.Kind.SQL)


def test_discover_finds_roles(shop: Source, scratch: Scratch) -> None:
    found = {d.table: d for d in catalogue.discover(shop) if d.schema == scratch.schema}
    orders, scans = found["orders"], found["scans"]
    assert (orders.key_columns, orders.timestamp_column, orders.subtype_column) == (["id"], "placed", "channel")
    assert (scans.parent, scans.parent_columns, scans.is_attachment) == (orders, ["of_order"], True)


def test_connection_is_fine(shop: Source) -> None:
    assert catalogue.test_connection(shop) == ""


def test_connection_without_tables_says_so(sqlite: Scratch, settings: object) -> None:
    settings.SQLITE_FOLDER = sqlite.folder  # type: ignore[attr-defined] # pytest-django's settings
    sqlite.sql("PRAGMA user_version = 1")
    assert "holds no table" in catalogue.test_connection(Source(url=sqlite.url))


def test_contact_history_has_its_three_types() -> None:
    found = catalogue.discover(Source(kind=Source.Kind.CONTACT_HISTORY))
    assert [d.name for d in found] == ["Interaction", "Contact", "Attachment"]
    assert found[2].parent is found[0]


def test_attachment_s_selection_goes_through_its_parent() -> None:
    attachment: Dataset = catalogue.discover(Source(kind=Source.Kind.CONTACT_HISTORY))[2]
    since = datetime(2024, 1, 1, tzinfo=UTC)
    chosen = catalogue.selection(attachment, date_from=since, subtypes=["chat"])
    assert (chosen.date_from, chosen.subtypes, chosen.parent_columns) == (None, (), ("entityid",))
    assert chosen.parent
    assert (chosen.parent.date_from, chosen.parent.subtypes, chosen.parent.subtype) == (since, ("chat",), "mediaTypeId")
