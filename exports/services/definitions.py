"""What a job is to be: the definition as a client gives it, and the checks that it must pass.

Fields are named in errors by the path that they have in the User Data Management API's Job (`schedulerParam.cron`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from accounts.services.access import Access
from exports.formats import DEFAULT, LABELS
from exports.models import Dataset, Job, Source
from exports.services import schedule, visible
from exports.services.attributes import attributes_of
from exports.services.errors import Invalid
from exports.services.filters import conditions_of, stored, wrong_filters
from exports.services.nearest import known_names, shown
from exports.services.splitting import split_bytes
from exports.services.sync import why_not
from exports.sources.conditions import Condition, Kind

TITLE_LENGTH, DESCRIPTION_LENGTH, MOST_RUNS = 200, 10_000, 1_000_000
MOST_LAG, MOST_OVERLAP = 86_400, 7 * 86_400
_LATE = timedelta(minutes=1)
"""A start date may lie so far in the past: clocks differ, and requests take their time."""


@dataclass(frozen=True)
class JobDefinition:
    """What to export, when, and in which shape.

    source: key of a source. data_type: name of one of its datasets. media: sub-types, empty = all. filters: all must be kept.
    all_time, or date_from ≤ timestamp < date_to (either may be open). One of immediately, cron, start_date says when;
    start_date with cron means not before. runs: how many times cron may start it. timezone: IANA name, empty = UTC.
    misfire: what becomes of slots that nobody started in time, one of Job.Misfire.
    Of a DataSync, date_from is where its first run begins; safety_lag and overlap (sync.py) in seconds, None = as set for the server.
    """

    source: str
    title: str
    data_type: str
    kind: str = Job.Kind.UCS.value
    media: tuple[str, ...] = ()
    filters: tuple[Condition, ...] = ()
    description: str = ""
    all_time: bool = False
    date_from: datetime | None = None
    date_to: datetime | None = None
    immediately: bool = False
    cron: str = ""
    timezone: str = ""
    runs: int | None = None
    start_date: datetime | None = None
    file_split_size: str = ""
    format: str = DEFAULT
    export_attachments: bool = False
    suspended: bool = False
    misfire: str = Job.Misfire.ONCE.value
    safety_lag: int | None = None
    overlap: int | None = None


def definition_of(job: Job) -> JobDefinition:
    """The definition that makes such a job."""
    return JobDefinition(
        source=job.source.key,
        title=job.title,
        data_type=job.dataset.name,
        kind=job.kind,
        media=tuple(job.media),
        filters=conditions_of(job),
        description=job.description,
        all_time=job.all_time,
        date_from=job.date_from,
        date_to=job.date_to,
        immediately=job.immediately,
        cron=job.cron,
        timezone=job.timezone if job.cron else "",
        runs=job.runs_limit,
        start_date=job.start_date,
        file_split_size=job.file_split_size,
        format=job.format,
        export_attachments=job.export_attachments,
        suspended=job.suspended,
        misfire=job.misfire,
        safety_lag=job.lag_seconds if job.kind == Job.Kind.DATA_SYNC else None,
        overlap=job.overlap_seconds if job.kind == Job.Kind.DATA_SYNC else None,
    )


def job_fields(access: Access, definition: JobDefinition, now: datetime) -> dict[str, Any]:
    """The columns of a Job that keeps to `definition`. Filters are held against the source's catalogue, so call it outside of transactions.

    Raises Invalid, naming every wrong field at once, Conflict if the source cannot be read, and Denied.
    """
    errors = {**_wrong_texts(definition), **_wrong_format(definition), **_wrong_time_frame(definition), **_wrong_schedule(definition, now)}
    source = _find_source(access, definition, errors)
    dataset = _find_dataset(source, definition, errors) if source else None
    if dataset:
        errors |= _wrong_for_dataset(dataset, definition) | wrong_filters(dataset, definition.filters)
    errors |= _wrong_sync(dataset, definition)
    cron = _collect(errors, lambda: schedule.check_cron(definition.cron, "schedulerParam.cron")) if definition.cron else ""
    split = _collect(errors, lambda: split_bytes(definition.file_split_size, "jobParams.fileSplitSize"))
    zone = _collect(errors, lambda: schedule.check_timezone(definition.timezone or "UTC", "schedulerParam.timezone"))
    if errors:
        raise Invalid(errors)
    return {
        "source": source,
        "dataset": dataset,
        "kind": definition.kind,
        "title": definition.title.strip(),
        "description": definition.description,
        "media": list(dict.fromkeys(definition.media)),
        "filters": stored(definition.filters),
        "export_attachments": definition.export_attachments,
        "all_time": definition.all_time,
        "date_from": definition.date_from,
        "date_to": definition.date_to,
        "file_split_size": definition.file_split_size.strip(),
        "split_bytes": split,
        "format": definition.format,
        "immediately": definition.immediately,
        "cron": cron,
        "timezone": zone,
        "runs_limit": definition.runs,
        "start_date": definition.start_date,
        "suspended": definition.suspended,
        "misfire": definition.misfire,
        **_sync_fields(definition),
    }


def _sync_fields(definition: JobDefinition) -> dict[str, Any]:
    if definition.kind != Job.Kind.DATA_SYNC:
        return {"watermark": None, "sync_from": None, "lag_seconds": 0, "overlap_seconds": 0}
    return {
        "watermark": None,
        "sync_from": definition.date_from,
        "lag_seconds": settings.SYNC_LAG_SECONDS if definition.safety_lag is None else definition.safety_lag,
        "overlap_seconds": settings.SYNC_OVERLAP_SECONDS if definition.overlap is None else definition.overlap,
    }


def _collect(errors: dict[str, str], check: Any) -> Any:
    try:
        return check()
    except Invalid as invalid:
        errors.update(invalid.errors)
        return None


def _wrong_texts(definition: JobDefinition) -> dict[str, str]:
    errors = {}
    title = definition.title.strip()
    if not title or len(title) > TITLE_LENGTH or not title.isprintable():
        errors["title"] = f"title must have 1 to {TITLE_LENGTH} characters, without line breaks and control characters."
    if len(definition.description) > DESCRIPTION_LENGTH or "\0" in definition.description:
        errors["description"] = f"description must have at most {DESCRIPTION_LENGTH} characters, none of them NUL."
    if definition.kind not in Job.Kind.values:
        errors["type"] = f'type "{shown(definition.kind)}" is unknown. There are: {", ".join(Job.Kind.values)}.'
    return errors


def _wrong_format(definition: JobDefinition) -> dict[str, str]:
    if definition.format in LABELS:
        return {}
    return {"jobParams.format": f'jobParams.format "{definition.format[:40]}" is unknown. There are: {", ".join(LABELS)}.'}


def _wrong_time_frame(definition: JobDefinition) -> dict[str, str]:
    dated = {"dateFrom": definition.date_from, "dateTo": definition.date_to}
    given = [name for name, value in dated.items() if value]
    if definition.all_time and given:
        both = f"timeFrame.all and timeFrame.{given[0]} contradict each other: give one of them."
        return {"timeFrame.all": both, f"timeFrame.{given[0]}": both}
    if not definition.all_time and not given:
        return {"timeFrame": "timeFrame must say what to export: all true, or dateFrom, dateTo or both."}
    if definition.date_from and definition.date_to and definition.date_from >= definition.date_to:
        order = "timeFrame.dateFrom must be before timeFrame.dateTo."
        return {"timeFrame.dateFrom": order, "timeFrame.dateTo": order}
    return {}


def _wrong_schedule(definition: JobDefinition, now: datetime) -> dict[str, str]:
    given = {"cron": definition.cron, "startDate": definition.start_date}
    if definition.misfire not in Job.Misfire.values:
        return {"schedulerParam.misfire": f'schedulerParam.misfire "{definition.misfire[:40]}" is unknown. Use none, once or all.'}
    if definition.immediately:
        others = [name for name, value in {**given, "misfire": definition.misfire != Job.Misfire.ONCE}.items() if value]
        return _contradictions("immediately", others) | _wrong_without_cron(definition)
    if not any(given.values()):
        return {"schedulerParam": "schedulerParam must say when to start: immediately true, a cron expression, or a startDate."}
    if definition.cron:
        return _wrong_runs(definition.runs)
    errors = _wrong_without_cron(definition)
    if definition.start_date and definition.start_date < now - _LATE:
        errors["schedulerParam.startDate"] = "schedulerParam.startDate is in the past. Name a later moment, or use immediately."
    return errors


def _contradictions(one: str, others: list[str]) -> dict[str, str]:
    if not others:
        return {}
    names = [f"schedulerParam.{name}" for name in (one, *others)]
    sentence = f"{' and '.join(names)} contradict each other: give one of them."
    return dict.fromkeys(names, sentence)


def _wrong_without_cron(definition: JobDefinition) -> dict[str, str]:
    """What only cron gives a meaning to."""
    errors = _wrong_runs(definition.runs)
    if not errors and definition.runs not in {None, 1}:
        sentence = "schedulerParam.runs needs schedulerParam.cron: without it the job runs once."
        errors = {"schedulerParam.runs": sentence, "schedulerParam.cron": sentence}
    if definition.timezone and not definition.cron:
        errors["schedulerParam.timezone"] = "schedulerParam.timezone needs schedulerParam.cron: it says by which clock cron is read."
    return errors


def _wrong_runs(runs: int | None) -> dict[str, str]:
    if runs is None or 1 <= runs <= MOST_RUNS:
        return {}
    return {"schedulerParam.runs": f"schedulerParam.runs must be a whole number from 1 to {MOST_RUNS}; leave it out for no limit."}


def _find_source(access: Access, definition: JobDefinition, errors: dict[str, str]) -> Source | None:
    sources = visible.sources(access)
    source = sources.filter(key=definition.source).first() if "\0" not in definition.source else None
    if source is None:
        known = known_names(definition.source, sources.order_by("key").values_list("key", flat=True))
        errors["source"] = f'source "{shown(definition.source)}" is unknown. {known}'
    return source


def _find_dataset(source: Source, definition: JobDefinition, errors: dict[str, str]) -> Dataset | None:
    datasets = source.datasets.filter(is_attachment=False).order_by("name")
    found = [dataset for dataset in datasets if dataset.name == definition.data_type]
    if found:
        return found[0]
    known = known_names(definition.data_type, [dataset.name for dataset in datasets])
    errors["jobParams.type"] = f'jobParams.type "{shown(definition.data_type)}" is unknown in {source.key}. {known}'
    return None


def _wrong_sync(dataset: Dataset | None, definition: JobDefinition) -> dict[str, str]:
    """Raises Conflict if the source cannot be read."""
    given = {"safetyLag": (definition.safety_lag, MOST_LAG), "overlap": (definition.overlap, MOST_OVERLAP)}
    if definition.kind != Job.Kind.DATA_SYNC:
        return {f"jobParams.{name}": f"jobParams.{name} needs type DataSync." for name, (value, _) in given.items() if value is not None}
    errors = {
        f"jobParams.{name}": f"jobParams.{name} must be a whole number of seconds from 0 to {most}."
        for name, (value, most) in given.items()
        if value is not None and not 0 <= value <= most
    }
    if definition.date_to:
        errors["timeFrame.dateTo"] = "timeFrame.dateTo has no meaning with type DataSync, which goes on. Leave it out."
    if dataset and (wrong := _why_no_sync(dataset, definition)):
        errors["type"] = f"type DataSync is not possible: {wrong}"
    return errors


def _why_no_sync(dataset: Dataset, definition: JobDefinition) -> str:
    datasets = [dataset, *(dataset.children.filter(is_attachment=True) if definition.export_attachments else [])]
    if wrong := next((why for each in datasets if (why := why_not(each))), ""):
        return wrong
    found = attributes_of(datasets)
    for each in datasets:
        kind = next((attribute.type for attribute in found[each.pk] if attribute.name == each.modified_column), None)
        if kind is not Kind.TIMESTAMP:
            return f"the column {each.modified_column} of {each.name} {f'is of the type {kind}' if kind else 'does not exist'}; it must hold moments."
    return ""


def _wrong_for_dataset(dataset: Dataset, definition: JobDefinition) -> dict[str, str]:
    errors = {}
    unknown = [media for media in definition.media if media not in dataset.subtypes]
    if definition.media and not dataset.subtype_column:
        errors["jobParams.media"] = f"{dataset.name} has no media. Leave jobParams.media empty."
    elif unknown and dataset.subtypes:
        errors["jobParams.media"] = f'jobParams.media "{shown(unknown[0])}" is unknown. {known_names(unknown[0], dataset.subtypes)}'
    if not definition.all_time and not dataset.timestamp_column and definition.kind != Job.Kind.DATA_SYNC:
        errors["timeFrame"] = f"{dataset.name} has no timestamp column, so that only timeFrame.all can be true."
    if definition.export_attachments and not dataset.children.filter(is_attachment=True).exists():
        errors["jobParams.exportAttachments"] = f"{dataset.name} has no attachments. Set jobParams.exportAttachments to false."
    return errors


# --- What a definition may name ------------------------------------------------------------------------------------
def sources(access: Access) -> QuerySet[Source]:
    """The sources that jobs can name."""
    return visible.sources(access).order_by("key")


def data_types(access: Access, source: str = "") -> QuerySet[Dataset]:
    """The datasets that jobs can name, of all sources or of the one with that key."""
    chosen = visible.datasets(access).filter(is_attachment=False)
    return (chosen.filter(source__key=source) if source else chosen).select_related("source").order_by("source__key", "name")


def sub_types(access: Access, source: str = "", data_type: str = "") -> list[tuple[Dataset, str]]:
    """(dataset, sub-type) of the datasets that match. Raises Invalid if the source or the data type does not exist."""
    chosen = list(data_types(access, source))
    if source and not visible.sources(access).filter(key=source).exists():
        known = known_names(source, visible.sources(access).order_by("key").values_list("key", flat=True))
        raise Invalid({"source": f'source "{shown(source)}" is unknown. {known}'})
    if data_type and not any(dataset.name == data_type for dataset in chosen):
        known = known_names(data_type, [dataset.name for dataset in chosen])
        raise Invalid({"dataType": f'dataType "{shown(data_type)}" is unknown. {known}'})
    return [(dataset, name) for dataset in chosen if data_type in {"", dataset.name} for name in dataset.subtypes]
