"""After a crash: whether the source of a batch had committed.

Invariant: a batch counts as done only if its source has committed, and is forgotten only if it never will. The batch had written down
which rows would be gone; its transaction deleted all of them or none. They are looked at under their locks, which a worker that
sleeps in the middle of its commit still holds: then nothing is decided, and it is tried again later.
"""

import numpy as np
import pyarrow as pa

from exports.services.extracts import whole_rows
from exports.sources.base import VERSION
from retention.models import Batch
from retention.services.ledger import forget, settle, undecided
from retention.services.purging import Session


def decide_all(session: Session) -> None:
    """Raises LockTimeout, ConnectionLost, SourceError."""
    for batch in undecided(session.purge):
        _decide(session, batch)


def _decide(session: Session, batch: Batch) -> None:
    if batch.status == Batch.Status.DELETING or (
        batch.deleted and _any_left(session, batch)
    ):  # it had not written down what it would do: whoever lost the purge cannot any more
        forget(batch)
    else:
        settle(batch, locked_ms=batch.locked_ms)


def _any_left(session: Session, batch: Batch) -> bool:
    dataset, timeout = session.purge.dataset, session.settings.lock_timeout_ms / 1000
    rows = session.frozen.rows(dataset, batch.start, batch.stop)
    assert rows is not None, "a batch is of frozen rows"
    going = np.ones(rows.num_rows, bool)
    for places in batch.kept.values():
        going[places] = False
    root = whole_rows(dataset)
    with session.writer.transaction(lock_timeout=timeout, idle_timeout=timeout + 30):
        standing = session.writer.lock(root, rows.filter(pa.array(going)).select([*root.key, VERSION]))
        return bool(standing.present.any())
