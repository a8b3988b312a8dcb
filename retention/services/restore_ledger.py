"""The ledger of a restore: its batches, and what they add up to. Every change is fenced by the restore's token."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Coalesce, Now

from exports.models import File
from exports.services.claiming import LeaseLost, claim_terms, free, lease_end
from retention.models import Restore, RestoreBatch

Status = Restore.Status
EXAMPLES = 10
"""Rows that are named for each dataset and reason."""
Example = dict[str, Any]


@dataclass
class Outcome:
    """Of a batch. restored: numbers of the lines that are in the table now, and were not before. conflicts: per reason, how many, and some of them."""

    start: int
    stop: int
    restored: list[int] = field(default_factory=list)
    conflicts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def tell(self, reason: str, key: str, columns: Iterable[str] = ()) -> None:
        self.conflicts[reason] = self.conflicts.get(reason, 0) + 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append({"key": key, "columns": list(columns)})


def claim() -> Restore | None:
    """The oldest restore that nobody works on."""
    waiting = Restore.objects.filter(free(), status__in=Restore.WORKABLE)
    for restore in waiting.order_by("pk")[:20]:
        begun = {"status": Status.IN_PROGRESS, "started_at": Coalesce("started_at", Now())}
        if Restore.objects.filter(pk=restore.pk, token=restore.token).update(**claim_terms(), **begun):
            related = ("organization", "user", "disposition__purge__run", "disposition__purge__dataset__source")
            return Restore.objects.select_related(*related).get(pk=restore.pk)
    return None


def held(restore: Restore) -> QuerySet[Restore]:
    """This restore, if the token with which it was claimed still holds it."""
    return Restore.objects.filter(pk=restore.pk, token=restore.token, status=Status.IN_PROGRESS, lease_until__isnull=False)


def position(restore: Restore, file: File) -> int:
    """The number of the first line that no batch has looked at."""
    done = RestoreBatch.objects.filter(restore=restore, file=file, status=RestoreBatch.Status.DONE)
    return done.aggregate(Max("stop"))["stop__max"] or 0


def planned(restore: Restore, file: File) -> set[int]:
    """Lines that an earlier attempt was about to commit: those that are there now came from it."""
    undecided = RestoreBatch.objects.filter(restore=restore, file=file, status=RestoreBatch.Status.COMMITTING)
    return {number for lines in undecided.values_list("planned", flat=True) for number in lines}


@transaction.atomic
def write_down(restore: Restore, file: File, outcome: Outcome) -> RestoreBatch:
    """What the source is about to commit. Raises LeaseLost."""
    if not held(restore).update(lease_until=lease_end()):
        raise LeaseLost
    terms = {
        "stop": outcome.stop,
        "status": RestoreBatch.Status.COMMITTING,
        "planned": outcome.restored,
        "restored": len(outcome.restored),
        "conflicts": outcome.conflicts,
        "examples": outcome.examples,
    }
    batch, _ = RestoreBatch.objects.update_or_create(restore=restore, file=file, start=outcome.start, defaults=terms)
    return batch


@transaction.atomic
def settle(batch: RestoreBatch) -> None:
    """The source has committed: the rows are there, whoever holds the restore by now."""
    mine = RestoreBatch.objects.filter(restore=batch.restore_id, file=batch.file_id, status=RestoreBatch.Status.COMMITTING)
    if mine.filter(pk=batch.pk).update(status=RestoreBatch.Status.DONE, planned=[]):
        mine.filter(start__gt=batch.start, start__lt=batch.stop).delete()  # of an earlier attempt, which cut the lines in another way


def restored_rows(restore: Restore) -> dict[str, int]:
    """By the name of the dataset."""
    counts: dict[str, int] = {}
    for name, rows in _done(restore).values_list("file__part__dataset__name", "restored"):
        counts[name] = counts.get(name, 0) + rows
    return counts


def conflicts(restore: Restore) -> dict[str, dict[str, dict[str, Any]]]:
    """By the name of the dataset and the reason: `rows`, and `examples` of them."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, counts, examples in _done(restore).exclude(conflicts={}).values_list("file__part__dataset__name", "conflicts", "examples"):
        for reason, rows in counts.items():
            _add(found.setdefault(name, {}).setdefault(reason, {"rows": 0, "examples": []}), rows, examples.get(reason, []))
    return found


def _add(so_far: dict[str, Any], rows: int, examples: list[Example]) -> None:
    so_far["rows"] += rows
    so_far["examples"] = [*so_far["examples"], *examples][:EXAMPLES]


def _done(restore: Restore) -> QuerySet[RestoreBatch]:
    return RestoreBatch.objects.filter(restore=restore, status=RestoreBatch.Status.DONE).order_by("file_id", "start")
