"""What a preview says of one dataset. It asks of the same selection as a purge does (selection.py), and reads no row but a few samples.

`estimated` stands beside every number that the database's planner guessed instead of counting.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from exports.models import Dataset
from exports.services.extracts import whole_rows
from exports.sources import open_reader
from exports.sources.base import Extent, Reader, Selection
from exports.sources.predicates import Predicate
from retention.services.references import Action, Catalogue
from retention.services.selection import Child, Chosen, Reason, chosen

SAMPLES = 5
_SIZED = 100
"""So many rows are measured to estimate the bytes of all."""


@dataclass(frozen=True)
class Wanted:
    """exact: rows are counted, not estimated; children: what goes along, too. samples: rows may be shown."""

    exact: bool
    children: bool
    samples: bool


def figures(reader: Reader, dataset: Dataset, terms: Predicate, at: datetime, wanted: Wanted) -> dict[str, Any]:
    """`reader`: of the dataset's source. Raises SourceError if the source cannot be read, HoldUnclear if a hold cannot."""
    if not wanted.exact:
        selected = chosen(dataset, terms, at, Catalogue(dataset.source, reader))
        return _whole(_going(reader, selected, None), _rest(reader, selected, wanted))
    everything = replace(whole_rows(dataset), where=terms, timestamp=dataset.timestamp_column)
    with ThreadPoolExecutor(1) as thread:
        # Mostly nothing keeps rows: so all that the terms choose is counted, while another connection asks for the rest.
        ahead = thread.submit(reader.extent, everything)
        try:
            with open_reader(dataset.source.url) as beside:
                selected = chosen(dataset, terms, at, Catalogue(dataset.source, beside))
                rest = _rest(beside, selected, wanted)
        except BaseException:
            reader.cancel()
            raise
    return _whole(_going(reader, selected, ahead.result()), rest)


def _rest(reader: Reader, selected: Chosen, wanted: Wanted) -> dict[str, Any]:
    """All but how many go, and from when to when. `bytes`: of a row."""
    there = _rows(reader, whole_rows(selected.dataset), exact=False)
    return {
        "bytes": reader.row_bytes(selected.root, _SIZED),
        "datasetRows": there["rows"],
        "datasetRowsEstimated": there["estimated"],
        "kept": [_kept(reader, selected, place, wanted) for place in range(len(selected.reasons))],
        "blocked": [_blocked(reader, selected, reason, wanted) for reason in selected.blocking],
        "children": [_along(reader, selected, child, wanted) for child in selected.children],
        "samples": _samples(reader, selected) if wanted.samples else None,
    }


def _whole(found: tuple[Extent, bool], rest: dict[str, Any]) -> dict[str, Any]:
    going, estimated = found
    size = rest["bytes"]
    head = {"rows": going.rows, "estimated": estimated, "oldest": going.oldest, "newest": going.newest}
    return {**head, **rest, "bytes": None if size is None else round(size * going.rows)}


def _going(reader: Reader, selected: Chosen, everything: Extent | None) -> tuple[Extent, bool]:
    """(the rows that go, whether they are estimated). everything: what was counted already, without regard to reasons."""
    if everything is not None and not selected.reasons:
        return everything, False
    root = replace(selected.root, timestamp=selected.dataset.timestamp_column)
    guess = reader.estimate(root) if everything is None else None
    return (reader.extent(root), False) if guess is None else (Extent(guess, None, None), True)


def _kept(reader: Reader, selected: Chosen, place: int, wanted: Wanted) -> dict[str, Any]:
    reason = selected.reasons[place]
    return {"reason": reason.name, "text": reason.text, **_rows(reader, selected.kept_by(place), exact=wanted.exact)}


def _blocked(reader: Reader, selected: Chosen, reason: Reason, wanted: Wanted) -> dict[str, Any]:
    return {"text": reason.text, **_rows(reader, selected.narrowed(reason.where), exact=wanted.exact)}


def _along(reader: Reader, selected: Chosen, child: Child, wanted: Wanted) -> dict[str, Any]:
    rows = _rows(reader, selected.below(child), exact=wanted.children)
    named = {"dataset": child.dataset.name, "above": child.above.name, "columns": list(child.columns)}
    return {**named, "action": Action.CASCADE.value, **rows}


def _samples(reader: Reader, selected: Chosen) -> dict[str, Any]:
    head = reader.head(selected.root, SAMPLES)
    return {"columns": list(head.columns), "rows": [list(row) for row in head.rows]}


def _rows(reader: Reader, selection: Selection, *, exact: bool) -> dict[str, Any]:
    guess = None if exact else reader.estimate(selection)
    return {"rows": reader.count(selection) if guess is None else guess, "estimated": guess is not None}
