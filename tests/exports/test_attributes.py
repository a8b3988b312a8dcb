"""What rows can be filtered by, as each catalogue says."""

import pytest
from django.conf import LazySettings

from accounts.models import Organization, User
from accounts.roles import AUDITOR
from accounts.services.access import Access, Denied
from accounts.services.people import join
from exports.models import Dataset, Source
from exports.services.attributes import attributes
from exports.services.errors import Conflict, Invalid
from exports.services.nearest import known_names
from tests.conftest import access_in
from tests.exports.sources_fixtures import Scratch, mariadb, postgres, scratch, sqlite

__all__ = ["mariadb", "postgres", "scratch", "sqlite"]

TYPES = {
    "postgresql": "a boolean, b int, c float8, d numeric(10, 2), e varchar(10), f uuid, g date, h timestamptz, i bytea",
    "mysql": "a boolean, b int, c double, d decimal(10, 2), e varchar(10), f uuid, g date, h datetime(6), i blob",
    "sqlite": "a BOOLEAN, b INTEGER, c REAL, d DECIMAL(10, 2), e VARCHAR(10), f UUID, g DATE, h TIMESTAMP, i BLOB",
}
KINDS = ["boolean", "integer", "number", "decimal", "text", "uuid", "date", "timestamp", "other"]


@pytest.fixture
def table(scratch: Scratch, organization: Organization, settings: LazySettings) -> Dataset:
    """A table with a column of each kind, as a dataset of the organization."""
    settings.SQLITE_FOLDER = scratch.folder
    scratch.sql(f"CREATE TABLE t ({next(types for name, types in TYPES.items() if scratch.url.startswith(name))})")
    source = Source.objects.create(organization=organization, key="scratch", name="Scratch", url=scratch.url)
    return Dataset.objects.create(source=source, name="Thing", table="t", schema=scratch.schema)


def test_each_column_has_its_kind(table: Dataset, access: Access) -> None:
    [(dataset, found)] = attributes(access, ["Thing"])
    assert dataset == table
    assert [(attribute.name, attribute.type.value) for attribute in found] == list(zip("abcdefghi", KINDS, strict=True))


def test_operators_follow_the_kind(interaction: Dataset, access: Access) -> None:
    [(_, found)] = attributes(access, ["Interaction"])
    operators = {attribute.name: set(attribute.operators) for attribute in found}
    assert {"eq", "in", "contains", "startsWith", "isNull"} <= operators["subject"]
    assert "lt" in operators["startDate"]
    assert "contains" not in operators["startDate"]
    assert operators["allAttributes"] == {"isNull", "isNotNull"}


def test_without_names_all_data_types_are_told_and_no_attachments(interaction: Dataset, contact: Dataset, access: Access) -> None:
    assert [dataset.name for dataset, _ in attributes(access)] == ["Contact", "Interaction"]


def test_a_column_that_is_not_exported_cannot_be_asked_for(interaction: Dataset, access: Access) -> None:
    Dataset.objects.filter(pk=interaction.pk).update(columns=["id", "status"])
    [(_, found)] = attributes(access, ["Interaction"])
    assert [attribute.name for attribute in found] == ["id", "status"]


def test_an_unknown_name_is_refused_with_what_there_is(interaction: Dataset, access: Access) -> None:
    with pytest.raises(Invalid) as refused:
        attributes(access, ["Interaction", "Interacton"])
    assert refused.value.errors == {"entities": 'entities names "Interacton", which is unknown. There are: Interaction.'}


def test_of_many_names_the_nearest_are_told() -> None:
    many = [f"column{number}" for number in range(40)] + ["status", "Statute"]
    assert known_names("STATUSS", many) == "Did you mean status, Statute?"
    assert known_names("zzz", many) == "There are 42, e.g. column0, column1, column2, column3, column4."


def test_other_organizations_have_nothing_to_ask_for(interaction: Dataset, elsewhere: Organization, outsider: User) -> None:
    assert attributes(access_in(elsewhere, outsider)) == []


def test_who_may_not_export_is_denied(interaction: Dataset, organization: Organization, teammate: User) -> None:
    join(teammate, organization, [AUDITOR])
    with pytest.raises(Denied):
        attributes(access_in(organization, teammate))


def test_a_source_that_cannot_be_read_is_told_by_name(interaction: Dataset, access: Access) -> None:
    Source.objects.update(url="sqlite:///gone.sqlite3")
    with pytest.raises(Conflict, match="Contact history"):
        attributes(access)
