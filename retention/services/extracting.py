"""The extract of a purge: an exports run of whole rows, whose captured keys become the frozen key set."""

from collections import Counter
from dataclasses import replace

from django.db.models.functions import Now
from django.utils import timezone

from exports.models import Dataset, Extract, Job, Run
from exports.services.extracts import whole_rows
from exports.services.splitting import DEFAULT_BYTES
from exports.sources import open_reader
from exports.sources.predicates import dump_predicate, load_predicate
from retention.models import Purge
from retention.services.failing import PurgeFailed
from retention.services.references import Catalogue
from retention.services.selection import Chosen, chosen


def begin_extract(purge: Purge) -> Run:
    """Make the run, not started, that extracts what goes now. Call it in the transaction that gives it to the purge. Raises PurgeFailed."""
    selected = look(purge)
    purge.plan = plan_of(selected)
    return _run(purge, selected)


def look(purge: Purge, catalogue: Catalogue | None = None) -> Chosen:
    """What goes, as of now by the database's clock, which all workers share; of what is only extracted all that the terms choose.

    Raises SourceError, HoldUnclear.
    """
    now = Purge.objects.filter(pk=purge.pk).values_list(Now(), flat=True).get()
    found = chosen(purge.dataset, load_predicate(purge.terms), now, catalogue)
    return replace(found, reasons=(), blocking=()) if purge.extract_only else found


def refuse_blocked(selected: Chosen) -> None:
    """Raises PurgeFailed while a row that would go is referred to by one that blocks."""
    with open_reader(selected.dataset.source.url) as reader:
        for reason in selected.blocking:
            if rows := reader.count(selected.narrowed(reason.where)):
                raise PurgeFailed(f"Nothing of {selected.dataset.name} goes while there are {reason.text}: {rows:,} rows have some.")


def figures(selected: Chosen) -> tuple[int, dict[str, int]]:
    """(all rows of the dataset, the rows that each reason keeps, by its text)."""
    kept = Counter[str]()
    with open_reader(selected.dataset.source.url) as reader:
        for place, reason in enumerate(selected.reasons):  # two holds may be of one matter
            kept[reason.text] += reader.count(selected.kept_by(place))
        return reader.count(whole_rows(selected.dataset)), dict(+kept)


def plan_of(selected: Chosen) -> dict[str, object]:
    """As JSON: which datasets go along, by which columns."""
    return {
        "children": [
            {"dataset": child.dataset.pk, "name": child.dataset.name, "above": child.above.name, "columns": list(child.columns)}
            for child in selected.children
        ]
    }


def _run(purge: Purge, selected: Chosen) -> Run:
    job = Job.objects.create(
        organization=purge.organization,
        owner=purge.author,
        source=purge.dataset.source,
        dataset=purge.dataset,
        kind=Job.Kind.RETENTION,
        title=f"Retention: {purge.rule or purge.job}"[:200],
        split_bytes=DEFAULT_BYTES,
        keys_only=not purge.archive,
        runs_limit=1,
    )
    root = Extract.objects.create(job=job, dataset=purge.dataset, where=dump_predicate(selected.where))
    rows: dict[Dataset, Extract] = {purge.dataset: root}
    for child in selected.children:
        rows[child.dataset] = Extract.objects.create(job=job, dataset=child.dataset, above=rows[child.above], columns=list(child.columns))
    return Run.objects.create(organization=purge.organization, job=job, slot=timezone.now())
