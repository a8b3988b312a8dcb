"""What the purges of retention jobs have brought: derived from files and from batches' outcomes each time that somebody looks."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import F, QuerySet, Sum

from exports.models import File, Run
from retention.models import Batch, Purge, RetentionJob
from retention.services.ledger import kept_rows


@dataclass(frozen=True)
class Figures:
    """Rows of the dataset that criteria were given for: in complete files; gone; chosen by the criteria and still there, as something keeps them.

    child_rows_extracted: rows of its children, which go along with theirs.
    """

    rows_extracted: int = 0
    rows_purged: int = 0
    rows_kept: int = 0
    child_rows_extracted: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Outcome:
    """Of one job. `purges` are in the order of its resources."""

    purges: tuple[Purge, ...] = ()
    by_purge: Mapping[int, Figures] = field(default_factory=dict)

    @property
    def total(self) -> Figures:
        return sum(self.by_purge.values(), Figures())


def outcomes(jobs: Iterable[RetentionJob]) -> dict[UUID | None, Outcome]:
    """The outcome of each job, by its id."""
    found: dict[UUID | None, list[Purge]] = {job.pk: [] for job in jobs}
    purges = list(Purge.objects.filter(job__in=list(found)).select_related("dataset__source").order_by("pk"))
    figures = _figures(purges)
    for purge in purges:
        found[purge.job_id].append(purge)
    return {pk: Outcome(tuple(own), {purge.pk: figures[purge.pk] for purge in own}) for pk, own in found.items()}


def reasons(purge: Purge) -> dict[str, int]:
    """How many rows were kept, by reason."""
    return dict(Counter(purge.kept) + Counter(kept_rows(purge)))


def job_files(job: RetentionJob) -> QuerySet[File]:
    """The files of its extracts that exist for users, the oldest first."""
    return File.objects.listed().filter(run__purge__job=job).select_related("part__dataset").order_by("pk")


def _figures(purges: list[Purge]) -> dict[int, Figures]:
    rows = _rows_in_files(purges)
    gone = {pk: (looked_at, deleted) for pk, looked_at, deleted in _batches(purges)}
    made = {}
    for purge in purges:
        extracted, looked_at, deleted = rows.get(purge.pk, Counter()), *gone.get(purge.pk, (0, 0))
        own = extracted.pop(purge.dataset_id, 0)
        kept = sum(purge.kept.values()) + looked_at - deleted
        made[purge.pk] = Figures(own, deleted, kept, sum(extracted.values()))
    return made


def _rows_in_files(purges: list[Purge]) -> dict[int, Counter[int]]:
    """By purge and dataset. Files that are gone since, because their days were over, count too: the rows were extracted."""
    files = File.objects.filter(run__purge__in=purges, run__status=Run.Status.COMPLETED)
    found = dict[int, Counter[int]]()
    for pk, dataset, rows in files.values_list("run__purge", "part__dataset").annotate(Sum("rows")).order_by():
        found.setdefault(pk, Counter())[dataset] += rows
    return found


def _batches(purges: list[Purge]) -> QuerySet[Batch, tuple[int, int, int]]:
    """(purge, rows that its batches were for, rows that went)."""
    done = Batch.objects.filter(purge__in=purges, status=Batch.Status.DONE)
    return done.values_list("purge").annotate(looked_at=Sum(F("stop") - F("start")), gone=Sum("deleted")).order_by()
