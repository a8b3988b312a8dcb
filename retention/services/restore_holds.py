"""The holds of a restore: what keeps the rows that come back from the next sweep. They are in force before the first row is inserted.

Up to MOST_KEYS rows of a dataset are held by their keys. More are held by the terms of their purge, which each of them keeps; that also
holds rows that keep these terms and were never purged. Of terms that ask for other rows (Exists), which come back later or not at all,
only the rest is asked. What went along with other rows is held for their sake.
"""

from collections.abc import Iterator
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.services.audit import record, values_of
from exports.models import Dataset, Extract
from exports.services.claiming import LeaseLost
from exports.sources.base import Key, SourceError
from exports.sources.keys import dump_key
from exports.sources.predicates import MOST_KEYS, And, Exists, KeyIn, Not, Or, Predicate, load_predicate
from retention.models import Hold, Purge, Restore
from retention.services import holds
from retention.services.failing import RestoreFailed
from retention.services.gone_rows import gone_tables, rows_gone
from retention.services.hold_terms import Terms
from retention.services.restore_ledger import held

DAYS = 30


def place(restore: Restore, extracts: list[Extract]) -> list[Hold]:
    """Those of the restore; placed if it has none. Raises LeaseLost, PurgeFailed."""
    found = list(restore.holds.select_related("dataset__source").order_by("pk"))
    return found or _place(restore, list(covered(restore.disposition.purge, extracts)))


def covered(purge: Purge, extracts: list[Extract]) -> Iterator[tuple[Dataset, list[Key], Predicate]]:
    """Of each dataset of which rows went: what covers them all. Keys, if by keys."""
    predicates: dict[int, Predicate] = {}
    for extract in extracts:
        if not rows_gone(purge, extract):
            continue
        keys = _keys(purge, extract)
        if keys:
            where: Predicate = KeyIn(tuple(keys), tuple(extract.dataset.key_columns))
        elif extract.above is None:
            where = weakened(load_predicate(purge.terms))
        else:
            above = extract.above.dataset
            where = Exists(above.table, above.schema, tuple(above.key_columns), tuple(extract.columns), predicates[extract.above.pk])
        predicates[extract.pk] = where
        yield extract.dataset, keys, where


def _keys(purge: Purge, extract: Extract) -> list[Key]:
    """Empty if there are too many, or if they are of a type by which nothing can be held."""
    if rows_gone(purge, extract) > MOST_KEYS:
        return []
    names = extract.dataset.key_columns
    keys = [tuple(row[name] for name in names) for table in gone_tables(purge, extract) for row in table.select(names).to_pylist()]
    try:
        for key in keys:
            dump_key(key)
    except SourceError:
        return []
    return keys


def weakened(terms: Predicate, *, wanted: bool = True) -> Predicate:
    """True of every row of which `terms` is true, whatever other rows there are. wanted: False within Not, where it is to be false more often."""
    match terms:
        case And(parts):
            return And(tuple(weakened(part, wanted=wanted) for part in parts))
        case Or(parts):
            return Or(tuple(weakened(part, wanted=wanted) for part in parts))
        case Not(part):
            return Not(weakened(part, wanted=not wanted))
        case Exists():
            return And(()) if wanted else Or(())
        case leaf:
            return leaf


@transaction.atomic
def _place(restore: Restore, wanted: list[tuple[Dataset, list[Key], Predicate]]) -> list[Hold]:
    if not held(restore).exists():
        raise LeaseLost
    placed = [_put(restore, *each) for each in wanted]
    restore.holds.set(placed)
    return placed


def _put(restore: Restore, dataset: Dataset, keys: list[Key], where: Predicate) -> Hold:
    begins, number = timezone.now(), restore.disposition.number
    reason = f"Restored by {restore.user}: the next sweep leaves the rows for {DAYS} days."
    terms = Terms(
        matter=f"Restore of disposition {number}",
        reason=reason,
        criteria="",
        keys=[dump_key(key) or [] for key in keys],
        where=where,
        starts_at=begins,
        ends_at=begins + timedelta(days=DAYS),
    )
    return holds.put(restore.organization, restore.user, dataset, terms, Hold.Origin.RESTORE)


def in_force(placed: list[Hold]) -> bool:
    """Whether all are by now. Raises RestoreFailed if one does not stand any more."""
    if any(holds.state_of(hold, timezone.now()) in {holds.State.RELEASED, holds.State.ENDED} for hold in placed):
        raise RestoreFailed("A hold that keeps the restored rows was released, or is over. Nothing more is restored.")
    return all(hold.in_force_at is not None or holds.take_force(hold) for hold in placed)


def check(restore: Restore) -> None:
    """Before every batch. Raises RestoreFailed unless what is inserted next is held."""
    if restore.holds.filter(in_force_at=None).exists() or restore.holds.exclude(pk__in=Hold.objects.standing(timezone.now())).exists():
        raise RestoreFailed("A hold that keeps the restored rows was released, or is over. Nothing more is restored.")


def withdraw(restore: Restore) -> None:
    """Nothing came back, so nothing is to be held. In a transaction."""
    for hold in restore.holds.filter(released_at=None):
        before = values_of(hold, holds.HOLD)
        hold.released_at, hold.released_by, hold.release_reason = timezone.now(), restore.user, "The restore brought nothing back."
        hold.save(update_fields=["released_at", "released_by", "release_reason"])
        record("hold.release", hold, organization=restore.organization, user=None, before=before, after=values_of(hold, holds.HOLD))
