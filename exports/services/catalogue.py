"""What a source holds: datasets proposed from its catalogue, whether it can be reached, and selections from datasets."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
from sqlalchemy.exc import NoSuchTableError

from exports.models.source import Dataset, Source
from exports.sources import inspecting, open_reader
from exports.sources.base import Place, Selection, SourceError
from exports.sources.conditions import Condition
from exports.sources.contact_history import MEDIA
from exports.sources.generic_types import BINARY

_TIMESTAMPS = ("startdate", "starttime", "createddate", "createdat", "created", "timestamp", "occurredat", "eventtime", "time", "date")
_MODIFIED = (
    "modifieddate",
    "modifiedat",
    "modified",
    "updatedat",
    "updateddate",
    "updated",
    "lastmodified",
    "lastupdated",
    "changedat",
    "lastchange",
)
_SUBTYPES = ("mediatypeid", "mediatype", "subtype", "subtypeid", "channel", "type", "kind")
_SYSTEM = {"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys", "INFORMATION_SCHEMA"}
_MOMENTS = (sa.DateTime, sa.Date)


def test_connection(source: Source) -> str:
    """An empty string if the source can be read; else one sentence saying what is wrong."""
    try:
        with open_reader(source.url), inspecting(source.url) as inspector:
            places = _places(inspector)
    except SourceError as error:
        return str(error)
    return "" if places else "The database can be reached, but holds no table that may be read."


def discover(source: Source) -> list[Dataset]:
    """Datasets for the source's tables and views, unsaved, parents before their children. Raises SourceError."""
    if source.kind == Source.Kind.CONTACT_HISTORY:
        return _contact_history(source)
    with inspecting(source.url) as inspector:
        proposals = [(place, _propose(source, inspector, place)) for place in _places(inspector)]
        found = {place: dataset for place, dataset in proposals if dataset is not None}
        _make_names_unique(list(found.values()))
        for place, dataset in found.items():
            _find_parent(inspector, place, dataset, found)
    return _parents_first(list(found.values()))


def selection(
    dataset: Dataset,
    *,
    date_from: datetime | None = None,
    date_to: datetime | None = None,
    subtypes: Sequence[str] = (),
    conditions: tuple[Condition, ...] = (),
) -> Selection:
    """The rows of a dataset in [date_from, date_to), of the sub-types, that keep the conditions; an attachment's are those of its parent's selection."""
    here = Selection(
        table=dataset.table,
        schema=dataset.schema,
        columns=tuple(dataset.columns),
        key=tuple(dataset.key_columns),
        timestamp=dataset.timestamp_column,
        subtype=dataset.subtype_column,
    )
    if dataset.is_attachment and dataset.parent is not None:
        above = selection(dataset.parent, date_from=date_from, date_to=date_to, subtypes=subtypes, conditions=conditions)
        return replace(here, parent=above, parent_columns=tuple(dataset.parent_columns))
    return replace(here, date_from=date_from, date_to=date_to, subtypes=tuple(subtypes), conditions=conditions)


def changes(
    dataset: Dataset, since: datetime | None, until: datetime, *, subtypes: Sequence[str] = (), conditions: tuple[Condition, ...] = ()
) -> Selection:
    """The rows of a dataset that changed in [since, until): by its own moments, also for an attachment, whose parent must be of the sub-types and keep the conditions."""
    chosen = selection(dataset, subtypes=subtypes, conditions=conditions)
    made = "" if dataset.timestamp_column == dataset.modified_column else dataset.timestamp_column
    return replace(chosen, timestamp=dataset.modified_column, else_timestamp=made, date_from=since, date_to=until)


def _contact_history(source: Source) -> list[Dataset]:
    """The three data types of a contact center's history (semantics: UDM)."""
    interaction = Dataset(
        source=source,
        name="Interaction",
        table="interactions",
        key_columns=["id"],
        timestamp_column="startDate",
        modified_column="modifiedDate",
        subtype_column="mediaTypeId",
        subtypes=list(MEDIA),
        document_column="allAttributes",
    )
    contact = Dataset(
        source=source,
        name="Contact",
        table="contacts",
        key_columns=["ContactId"],
        timestamp_column="createddate",
        modified_column="modifieddate",
        document_column="attributes",
    )
    attachment = Dataset(
        source=source,
        name="Attachment",
        table="attachments",
        key_columns=["id"],
        modified_column="createddate",
        parent=interaction,
        parent_columns=["entityid"],
        is_attachment=True,
    )
    return [interaction, contact, attachment]


def _places(inspector: Inspector) -> list[Place]:
    """Tables and views of every schema that is not the database's own."""
    default = inspector.default_schema_name
    schemas = [default] if inspector.dialect.name in {"mysql", "mariadb", "sqlite"} else inspector.get_schema_names()
    places = []
    for schema in schemas:
        if schema not in _SYSTEM and not str(schema).startswith("pg_"):
            names = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)]
            places += [("" if schema == default else str(schema), name) for name in sorted(names)]
    return places


def _propose(source: Source, inspector: Inspector, place: Place) -> Dataset | None:
    """None for a table that somebody dropped after it was listed."""
    schema, table = place
    try:
        columns = {column["name"]: column["type"] for column in inspector.get_columns(table, schema=schema or None)}
        key = inspector.get_pk_constraint(table, schema=schema or None)["constrained_columns"]
    except NoSuchTableError:
        return None
    return Dataset(
        source=source,
        name=re.sub(r"[^A-Za-z0-9_-]+", "-", table).strip("-")[:100] or "table",
        schema=schema,
        table=table,
        key_columns=list(key),
        timestamp_column=_guess([name for name, kind in columns.items() if isinstance(kind, _MOMENTS)], _TIMESTAMPS, any_of_them=True),
        modified_column=_guess([name for name, kind in columns.items() if isinstance(kind, sa.DateTime)], _MODIFIED, any_of_them=False),
        subtype_column=_guess([name for name, kind in columns.items() if isinstance(kind, sa.String)], _SUBTYPES, any_of_them=False),
        document_column=next((name for name, kind in columns.items() if isinstance(kind, sa.JSON)), ""),
    )


def _guess(names: Sequence[str], wanted: Sequence[str], *, any_of_them: bool) -> str:
    """The name that comes first among the wanted ones, however it is spelled; else the first of all, if any will do."""
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(names)}
    found = next((plain[word] for word in wanted if word in plain), "")
    return found or (names[0] if names and any_of_them else "")


def _make_names_unique(datasets: Sequence[Dataset]) -> None:
    """Tables of the same name in several schemas get the schema's name in front; whatever is still double gets a number."""
    taken: set[str] = set()
    for dataset in datasets:
        if dataset.name in taken and dataset.schema:
            dataset.name = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', dataset.schema)}-{dataset.name}"[:100]
        base, number = dataset.name, 2
        while dataset.name in taken:
            dataset.name, number = f"{base[:90]}-{number}", number + 1
        taken.add(dataset.name)


def _foreign_keys(inspector: Inspector, place: Place) -> list[ReflectedForeignKeyConstraint]:
    """None, too, for a table that somebody dropped after it was listed."""
    try:
        return inspector.get_foreign_keys(place[1], schema=place[0] or None)
    except NoSuchTableError:
        return []


def _find_parent(inspector: Inspector, place: Place, dataset: Dataset, found: dict[Place, Dataset]) -> None:
    """The first foreign key that refers to the whole key of another dataset; with a binary column, the child is an attachment."""
    schema, table = place
    for foreign in _foreign_keys(inspector, place):
        above = found.get((_schema_of(inspector, foreign["referred_schema"], schema), foreign["referred_table"]))
        pairs = dict(zip(foreign["referred_columns"], foreign["constrained_columns"], strict=False))
        if above is None or above is dataset or set(pairs) != set(above.key_columns) or _descends(above, dataset):
            continue
        dataset.parent = above
        dataset.parent_columns = [pairs[name] for name in above.key_columns]
        kinds = [column["type"] for column in inspector.get_columns(table, schema=schema or None)]
        dataset.is_attachment = any(isinstance(kind, BINARY) for kind in kinds)
        return


def _schema_of(inspector: Inspector, referred: str | None, here: str) -> str:
    if referred is None:
        return here if inspector.dialect.name != "postgresql" else ""
    return "" if referred == inspector.default_schema_name else referred


def _descends(dataset: Dataset, ancestor: Dataset) -> bool:
    """Foreign keys may go round in a circle; parents may not."""
    step: Dataset | None = dataset
    while step is not None and step is not ancestor:
        step = step.parent
    return step is ancestor


def _parents_first(datasets: Sequence[Dataset]) -> list[Dataset]:
    def depth(dataset: Dataset) -> int:
        return 0 if dataset.parent is None else depth(dataset.parent) + 1

    return sorted(datasets, key=depth)
