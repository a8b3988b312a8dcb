"""What the console shows beside the rows of other services: figures, the newest of each kind, samples. Everything asks an Access.

Whoever may read rules or approve dispositions may look; rows themselves are shown to whoever may export them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet, Sum

from accounts.roles import ADMINISTER_RULES, APPROVE_DISPOSITIONS, READ_RULES
from accounts.services.access import Access, Denied
from accounts.services.audit_check import Broken, check_chain
from exports.models import Dataset, File
from exports.services import visible
from exports.services.extracts import whole_rows
from exports.sources import open_reader
from exports.sources.base import Head, SourceError
from exports.sources.predicates import KeyIn
from retention.models import Batch, Day, DispositionChain, Hold, KeyChunk, Preview, Purge, RetentionSettings, Rule
from retention.services import windows
from retention.services.disposition_check import LEDGER
from retention.services.failing import PurgeFailed
from retention.services.freezing import Frozen

SAMPLES = 5


def need(access: Access) -> None:
    """Raises Denied."""
    access.need(READ_RULES, APPROVE_DISPOSITIONS)


# --- Of the organization -------------------------------------------------------------------------------------------
def settings(access: Access) -> RetentionSettings:
    need(access)
    return windows.settings_of(access.organization)


def datasets(access: Access) -> QuerySet[Dataset]:
    need(access)
    return Dataset.objects.filter(source__organization=access.organization).select_related("source").order_by("source__name", "name")


def days(access: Access) -> QuerySet[Day]:
    """The newest first."""
    need(access)
    return Day.objects.filter(organization=access.organization).order_by("-day")


def standing_holds(access: Access, at: datetime) -> QuerySet[Hold]:
    need(access)
    return Hold.objects.standing(at).filter(organization=access.organization)


@dataclass(frozen=True)
class Chain:
    """broken: a sentence that names the first bad entry; empty if there is none."""

    count: int
    hash: str
    broken: str


def verified_chain(access: Access) -> Chain:
    """The ledger of dispositions, read from its first entry to its head."""
    need(access)
    head = DispositionChain.objects.filter(pk=access.organization.pk).first()
    if head is None:
        return Chain(0, "", "")
    try:
        found = check_chain(head.pk, book=LEDGER)
    except Broken as broken:
        return Chain(head.count, head.hash, str(broken))
    return Chain(found.count, found.hash, "")


# --- Of rules ------------------------------------------------------------------------------------------------------
def last_previews(access: Access, rules: Iterable[Rule]) -> dict[int, Preview]:
    """By rule, the newest preview of its terms as they are now."""
    access.need(READ_RULES)
    found: dict[int, Preview] = {}
    wanted = {rule.pk: {name: value for name, value in rule.terms().items() if name != "mode"} for rule in rules}
    made = Preview.objects.filter(organization=access.organization, rule__in=wanted).select_related("user").order_by("-pk")
    for preview in made[: 20 * len(wanted)]:
        if preview.rule_id and preview.rule_id not in found and preview.terms == wanted[preview.rule_id]:
            found[preview.rule_id] = preview
    return found


def last_purges(access: Access, rules: Iterable[Rule]) -> dict[int, Purge]:
    """By rule, the purge that was ordered last."""
    need(access)
    newest = Purge.objects.filter(organization=access.organization, rule__in=list(rules)).values("rule").annotate(last=Max("pk"))
    rows = Purge.objects.filter(pk__in=newest.values("last")).select_related("dataset")
    return {purge.rule_id: purge for purge in rows if purge.rule_id}


# --- Of purges -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Done:
    """Frozen rows that batches have looked at; of those, the rows that went."""

    looked_at: int = 0
    deleted: int = 0


def done(purges: Iterable[Purge]) -> dict[int, Done]:
    """By purge, in one query."""
    batches = Batch.objects.filter(purge__in=list(purges), status=Batch.Status.DONE).values_list("purge")
    return {pk: Done(stop or 0, deleted or 0) for pk, stop, deleted in batches.annotate(Max("stop"), Sum("deleted")).order_by()}


@dataclass(frozen=True)
class Along:
    """Rows of a child dataset: frozen with the purge's, and gone with them so far."""

    name: str
    rows: int
    gone: int


def along(purge: Purge, gone: dict[int, int]) -> list[Along]:
    """`gone`: rows by the id of their dataset (ledger.deleted_children)."""
    frozen = KeyChunk.objects.filter(purge=purge).exclude(dataset=purge.dataset_id).values_list("dataset", "dataset__name")
    return [Along(name, rows, gone.get(pk, 0)) for pk, name, rows in frozen.annotate(Sum("rows")).order_by("dataset")]


def sample(access: Access, purge: Purge) -> Head | str:
    """The first frozen rows as they are now, or why they are not shown."""
    need(access)
    try:
        visible.check_export(access, purge.dataset.source)
    except Denied:
        return f"Rows are shown to whoever may export {purge.dataset.source}."
    try:
        return _head(purge)
    except (SourceError, PurgeFailed) as error:
        return str(error)


def _head(purge: Purge) -> Head | str:
    frozen = Frozen(purge).rows(purge.dataset, 0, SAMPLES)
    if frozen is None:
        return "No key is frozen yet."
    names = tuple(purge.dataset.key_columns)
    keys: tuple[tuple[Any, ...], ...] = tuple(tuple(row[name] for name in names) for row in frozen.select(names).to_pylist())
    with open_reader(purge.dataset.source.url) as reader:
        return reader.head(replace(whole_rows(purge.dataset), where=KeyIn(keys, names)), SAMPLES)


def files(access: Access, purge: Purge) -> QuerySet[File]:
    """Those of its extract that the access may download."""
    need(access)
    if access.may(ADMINISTER_RULES):
        found = visible.extract_files(access)
    elif visible.may_export(access):
        found = visible.files(access)
    else:
        return File.objects.none()
    return found.filter(run__purge=purge).select_related("part__dataset", "run__job").order_by("part__dataset", "part__number")
