"""Dispositions: what went, under what, approved by whom. One a purge, written in the transaction that ends it, never changed.

docs/dispositions.md lists the facts by name and says how an outsider verifies them.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from accounts.models.audit import canonical
from accounts.roles import APPROVE_DISPOSITIONS, READ_AUDIT, READ_RULES
from accounts.services.access import Access
from accounts.services.audit import record
from accounts.services.audit_reading import cell
from accounts.services.chains import append, held, to_the_millisecond
from exports.models import Dataset, File, Run
from exports.services.errors import NotFound
from retention.models import Batch, Disposition, DispositionChain, Purge, RuleVersion
from retention.services.ledger import deleted_children, deleted_rows, kept_rows

COLUMNS = (
    *("organization", "number", "at", "purge", "source", "dataset", "schema", "table", "rule", "job", "author"),
    *(
        "approvedBy",
        "approvedAt",
        "askedBecause",
        "slot",
        "archived",
        "outcome",
        "outcomeBecause",
        "rowsSelected",
        "rowsPurged",
        "kept",
        "children",
    ),
    *("keySetSha256", "run", "manifestSha256", "files", "beganAt", "endedAt", "batches", "longestLockMs", "previous", "hash"),
)
"""Of the CSV: what an entry says (Disposition.said), and its hash."""
_PAGE = 200


# --- Writing -------------------------------------------------------------------------------------------------------
def write(purge: Purge) -> Disposition:
    """The entry of a purge that has ended and whose batches are all decided, within the transaction that ends it.

    It holds the head of the organization's chain until that transaction ends: call it after whatever else is locked, but for the audit trail.
    """
    assert not purge.extract_only, "an extract that deletes nothing has no disposition"
    ended = to_the_millisecond(purge.finished_at or timezone.now())
    with transaction.atomic(savepoint=False):  # whoever swallows a failure here cannot commit the purge's end all the same
        facts = _facts(purge, ended)
        chain = held(DispositionChain, purge.organization_id)
        entry = Disposition(chain=chain, purge=purge, at=to_the_millisecond(timezone.now()), facts=facts)
        append(chain, entry)
    return entry


def _facts(purge: Purge, ended: datetime) -> dict[str, Any]:
    dataset, version = purge.dataset, _version(purge)
    author = version.author if version else purge.job.owner  # type: ignore[union-attr]  # one of the two, the database sees to it
    return {
        "source": dataset.source.key,
        "dataset": dataset.name,
        "schema": dataset.schema,
        "table": dataset.table,
        "rule": _rule(version),
        "job": _job(purge),
        "author": author.get_username(),
        "approvedBy": purge.approved_by.get_username() if purge.approved_by else None,
        "approvedAt": _moment(purge.approved_at),
        "askedBecause": purge.asks_because,
        "slot": _moment(purge.slot),
        "outcome": purge.status,
        "outcomeBecause": purge.message,
        "archived": purge.archive,
        "rowsSelected": purge.selected or 0,
        "keySetSha256": purge.key_set_sha256,
        "beganAt": _moment(purge.started_at),
        "endedAt": _moment(ended),
        **_batches(purge),
        **_extract(purge.run),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _version(purge: Purge) -> RuleVersion | None:
    """What the rule said; None for a purge of a job."""
    versions = RuleVersion.objects.select_related("author")
    return versions.get(rule=purge.rule_id, number=purge.rule_version or 0) if purge.rule_id else None


def _rule(version: RuleVersion | None) -> dict[str, Any] | None:
    return None if version is None else {"id": version.rule_id, "version": version.number, "terms": version.terms}


def _job(purge: Purge) -> dict[str, Any] | None:
    job = purge.job
    return None if job is None else {"id": str(job.pk), "kind": job.kind, "criteria": job.criteria}


def _batches(purge: Purge) -> dict[str, Any]:
    """What the batches' outcomes add up to. `kept` also has what was kept when rows were selected."""
    done = purge.batches.filter(status=Batch.Status.DONE).aggregate(batches=Count("pk"), longest=Max("locked_ms"))
    kept, children = Counter(purge.kept) + Counter(kept_rows(purge)), deleted_children(purge)
    names = dict(Dataset.objects.filter(pk__in=children).values_list("pk", "name"))
    return {
        "rowsPurged": deleted_rows(purge),
        "kept": [{"reason": reason, "rows": kept[reason]} for reason in sorted(kept)],
        "children": [{"dataset": names[pk], "rows": children[pk]} for pk in sorted(children)],
        "batches": done["batches"],
        "longestLockMs": done["longest"] or 0,
    }


def _extract(run: Run | None) -> dict[str, Any]:
    if run is None:
        return {"run": None, "manifestSha256": "", "files": []}
    files = run.files.select_related("part__dataset").order_by("pk")
    return {"run": run.pk, "manifestSha256": run.manifest_sha256, "files": [_file(file) for file in files]}


def _file(file: File) -> dict[str, Any]:
    return {"name": file.name, "dataset": file.part.dataset.name, "rows": file.rows, "bytes": file.size, "sha256": file.sha256}


# --- Reading -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Filters:
    """Ids of a dataset and of a rule. Empty ones do not filter. `since` ≤ at < `until`."""

    dataset: int | None = None
    rule: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self) -> Q:
        paths = {"purge__dataset": self.dataset, "purge__rule": self.rule, "at__gte": self.since, "at__lt": self.until}
        return Q(**{path: value for path, value in paths.items() if value})


ALL = Filters()


def listing(access: Access, filters: Filters = ALL) -> QuerySet[Disposition]:
    """The organization's, the newest first. Raises Denied."""
    access.need(READ_RULES, APPROVE_DISPOSITIONS, READ_AUDIT)
    return Disposition.objects.filter(filters.where(), chain=access.organization.pk).order_by("-number")


def find(access: Access, number: int) -> Disposition:
    """Raises NotFound, Denied."""
    entry = listing(access).filter(number=number).first()
    if entry is None:
        raise NotFound("There is no such disposition.")
    return entry


def view(entry: Disposition) -> dict[str, Any]:
    """What is hashed, and the hash."""
    return {**entry.said(), "hash": entry.hash}


def download(access: Access, filters: Filters = ALL) -> Iterator[str]:
    """The ledger as CSV (RFC 4180), a piece at a time, the newest first. It is itself recorded in the audit trail. Raises Denied."""
    entries = _streamed(listing(access, filters))
    shown = {name: value for name, value in asdict(filters).items() if value}
    record("disposition.download", access.organization, organization=access.organization, user=access.user, after=shown)
    return _lines(entries)


def _streamed(rows: QuerySet[Disposition]) -> Iterator[Disposition]:
    """Page by page, so that memory does not grow with the ledger, and no cursor stays open while a slow client reads."""
    page = list(rows[:_PAGE])
    while page:
        yield from page
        page = list(rows.filter(number__lt=page[-1].number)[:_PAGE])


def _lines(entries: Iterable[Disposition]) -> Iterator[str]:
    yield _line(COLUMNS)
    for entry in entries:
        values = view(entry)
        yield _line([_cell(values[name]) for name in COLUMNS])


def _line(values: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def _cell(value: object) -> str:
    """Lists, objects, and true and false as JSON."""
    return cell(canonical(value) if isinstance(value, list | Mapping | bool) else value)  # type: ignore[arg-type]  # any JSON has a canonical form
