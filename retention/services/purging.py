"""Deleting, batch by batch: the one place that destroys rows of an organization's databases.

Invariant: a row is deleted only if it is in the frozen key set of its purge, and so in a file that was read back and found whole (or
the rule says that nothing is archived, which the disposition tells); if it is as it was when it was extracted, and so is every row
that goes along with it; and if, looked at under its lock and after the batch was announced, no hold covers it and nothing else keeps it.

A batch is announced (`deleting`) before it looks at holds, and placing a hold waits for the batches that were announced before it: so
either the batch sees the hold, or the hold is not in force before the batch has ended. What a batch will have done is written down
(`committing`) before its source commits: after a crash, whether those rows are still there says whether it did (deciding.py).
"""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.models import Dataset, Part
from exports.services.claiming import Heartbeat
from exports.services.extracts import whole_rows
from exports.sources.base import VERSION
from exports.sources.predicates import Or
from exports.sources.writers.base import ComparingWriter, ForeignKeyBroken, NotAsRead, SourceWriter
from retention.models import Batch, Purge, RetentionSettings
from retention.services.extracting import look
from retention.services.failing import PurgeFailed
from retention.services.freezing import INDEX, Frozen
from retention.services.ledger import announce, settle, write_down
from retention.services.matching import positions
from retention.services.references import Catalogue
from retention.services.selection import Child, Chosen
from retention.services.steps import reached

CHANGED, GONE = "changed since the extract", "already gone"
CHILDREN_CHANGED = "rows that go along changed since the extract"
Mask = Any
"""A numpy array of bool, one for each row of the batch."""


@dataclass
class Session:
    """What a worker holds while it purges: the source's connection, its foreign keys, the frozen rows."""

    purge: Purge
    settings: RetentionSettings
    writer: SourceWriter
    catalogue: Catalogue
    frozen: Frozen
    heartbeat: Heartbeat
    changing: bool = False
    """Whether rows were met that are not as they were extracted: from then on they are locked first."""

    def is_exact(self, dataset: Dataset) -> bool:
        """Whether the dataset's extract was read value by value: then its keys are as that reading gives them."""
        return Part.objects.filter(run=self.purge.run, dataset=dataset, exact=True).exists()


@dataclass
class Outcome:
    """Of a batch. going: the rows that still go; kept: by reason, the places of the others."""

    going: Mask
    kept: dict[str, list[int]] = field(default_factory=dict)
    children: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[int]] = field(default_factory=dict)

    def keep(self, which: Mask, reason: str) -> None:
        """Of those that still go."""
        which &= self.going
        if which.any():
            self.kept[reason] = [*self.kept.get(reason, []), *np.flatnonzero(which).tolist()]
            self.going &= ~which


def purge_batch(session: Session, start: int, stop: int) -> Batch:
    """Delete what may go of the frozen rows [start, stop). Raises LockTimeout, ConnectionLost, SourceError, LeaseLost, PurgeFailed."""
    purge = session.purge
    rows = session.frozen.rows(purge.dataset, start, stop)
    assert rows is not None, "every index below `selected` has a row"
    batch = announce(purge, start, stop)
    reached("batch.marked")
    selected = look(purge, session.catalogue)  # after the announcement: see the invariant
    for child in selected.children:  # so that they are at hand while locks are held
        session.frozen.rows(child.dataset, start, stop)
    timeouts = session.settings.lock_timeout_ms / 1000
    with _no_collection(), session.writer.transaction(lock_timeout=timeouts, idle_timeout=timeouts + 30):
        began = time.monotonic()
        outcome = _delete(session, selected, rows)
        session.heartbeat.check()
        write_down(
            batch,
            deleted=int(outcome.going.sum()),
            children=outcome.children,
            missing=outcome.missing,
            kept=outcome.kept,
            locked_ms=_milliseconds_since(began),
        )
        reached("batch.planned")
    locked_ms = _milliseconds_since(began)
    reached("batch.committed")
    settle(batch, locked_ms=locked_ms)
    reached("batch.done")
    return batch


@contextmanager
def _no_collection() -> Iterator[None]:
    """While locks are held, Python does not look for garbage: it would go through all that the worker has loaded, for longer than a batch takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _milliseconds_since(moment: float) -> int:
    return round((time.monotonic() - moment) * 1000)


def _delete(session: Session, selected: Chosen, rows: pa.Table) -> Outcome:
    """In the open transaction. Mostly every row is as it was extracted and nothing keeps any: then they need not be found twice."""
    writer = session.writer
    if isinstance(writer, ComparingWriter) and not (session.changing or selected.reasons or selected.blocking):
        try:
            with writer.savepoint():
                return _deleted_unchanged(session, writer, selected, rows)
        except (NotAsRead, ForeignKeyBroken):
            session.changing = True
    return _deleted_under_lock(session, selected, rows)


def _deleted_unchanged(session: Session, writer: ComparingWriter, selected: Chosen, rows: pa.Table) -> Outcome:
    """All of them, each locked and compared by its deletion. Raises NotAsRead, ForeignKeyBroken if any is not as it was extracted."""
    outcome = Outcome(np.ones(rows.num_rows, bool))
    doomed = _children(session, selected, rows, outcome)
    reached("batch.locked")
    if not outcome.going.all():
        raise NotAsRead
    reached("batch.compared")
    _delete_children(session, doomed, rows, outcome)
    writer.delete_unchanged(whole_rows(selected.dataset), rows)
    reached("batch.deleted")
    return outcome


def _deleted_under_lock(session: Session, selected: Chosen, rows: pa.Table) -> Outcome:
    """Those that may go: locked, then looked at, then deleted."""
    writer, root = session.writer, whole_rows(selected.dataset)
    keys = rows.select([*root.key, VERSION])
    standing = writer.lock(root, keys)
    reached("batch.locked")
    outcome = Outcome(np.ones(rows.num_rows, bool))
    outcome.keep(~standing.present, GONE)
    outcome.keep(~standing.unchanged, CHANGED)
    doomed = _children(session, selected, rows, outcome)
    _keep_for_reasons(writer, selected, keys, outcome)
    reached("batch.compared")
    _delete_children(session, doomed, rows, outcome)
    if outcome.going.any():
        writer.delete(root, keys.filter(pa.array(outcome.going)).select(root.key))
    reached("batch.deleted")
    return outcome


def _delete_children(session: Session, doomed: Sequence[tuple[Child, pa.Table]], rows: pa.Table, outcome: Outcome) -> None:
    """Of the rows that go, the lowest first. Notes how many, and which were gone already."""
    start = rows[INDEX][0].as_py()
    for child, there in reversed(doomed):
        going = there.filter(pa.array(outcome.going[there[INDEX].to_numpy() - start]))
        if missing := _missing(session.frozen.rows(child.dataset, start, start + rows.num_rows), child, going, outcome.going, start):
            outcome.missing[str(child.dataset.pk)] = missing
        if going.num_rows:
            deleted = session.writer.delete(whole_rows(child.dataset), going.select(child.dataset.key_columns))
            outcome.children[str(child.dataset.pk)] = deleted
    reached("batch.children-deleted")


def _keep_for_reasons(writer: SourceWriter, selected: Chosen, keys: pa.Table, outcome: Outcome) -> None:
    """Raises PurgeFailed if a row that blocks refers to one that would go."""
    everything = [*selected.blocking, *selected.reasons]
    places = np.flatnonzero(outcome.going)
    if not everything or not len(places):
        return
    root, asked = whole_rows(selected.dataset), keys.take(pa.array(places)).select(list(whole_rows(selected.dataset).key))
    if not writer.covered(root, asked, Or(tuple(reason.where for reason in everything))).any():
        return
    for reason in everything:
        which = np.zeros(len(outcome.going), bool)
        which[places] = writer.covered(root, asked, reason.where)
        if reason in selected.blocking and (which & outcome.going).any():
            raise PurgeFailed(f"Nothing of {selected.dataset.name} goes while there are {reason.text}.")
        outcome.keep(which, reason.text)


def _children(session: Session, selected: Chosen, rows: pa.Table, outcome: Outcome) -> Sequence[tuple[Child, pa.Table]]:
    """Lock what goes along, dataset by dataset: (child, the rows that are there, each with the index of the row that it goes with).

    A row with whose children anything is not as it was extracted is kept, with all of them.
    """
    start = rows[INDEX][0].as_py()
    levels: dict[Dataset, pa.Table] = {selected.dataset: rows}
    found = []
    for child in selected.children:
        above = levels[child.above]
        there = _locked(session, child, above.filter(pa.array(outcome.going[above[INDEX].to_numpy() - start])))
        outcome.keep(
            _strange(session.frozen.rows(child.dataset, start, start + rows.num_rows), child, there, len(outcome.going), start),
            CHILDREN_CHANGED,
        )
        levels[child.dataset] = there
        found.append((child, there))
    return found


def _locked(session: Session, child: Child, above: pa.Table) -> pa.Table:
    """The child's rows that refer to one of those rows, with its index."""
    keys = list(child.above.key_columns)
    exact = session.is_exact(child.dataset)
    there = session.writer.lock_children(whole_rows(child.dataset), child.columns, above.select(keys), exact=exact)
    found = positions(there, child.columns, above, keys)
    return there.append_column(INDEX, above[INDEX].take(pa.array(found)))


def _missing(frozen: pa.Table | None, child: Child, going: pa.Table, parents: Mask, start: int) -> list[int]:
    """The places, among the child's frozen rows, of those that would go along and are gone already: a restore must not bring them back."""
    names = list(child.dataset.key_columns)
    if frozen is None or int(parents[frozen[INDEX].to_numpy() - start].sum()) == going.num_rows:
        return []
    absent = positions(frozen, names, going, names) < 0
    return [int(place) for place in np.flatnonzero(absent & parents[frozen[INDEX].to_numpy() - start])]


def _strange(frozen: pa.Table | None, child: Child, there: pa.Table, size: int, start: int) -> Mask:
    """The rows with which something goes along now that is not, with this version, in the frozen set. (One that is gone harms nothing.)"""
    strange = np.zeros(size, bool)
    index = there[INDEX].to_numpy() - start
    if frozen is None:
        strange[index] = True
        return strange
    keys = child.dataset.key_columns
    found = positions(there, keys, frozen, keys)
    known = frozen.select([VERSION, INDEX]).take(pa.array(np.maximum(found, 0)))
    same = [pc.equal(there[name].cast(known[name].type), known[name]).to_numpy() for name in (VERSION, INDEX)]
    strange[index[(found < 0) | ~same[0] | ~same[1]]] = True
    return strange
