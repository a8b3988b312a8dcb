"""Legal holds: placing and releasing them, what they keep, and from when on.

Invariant: nothing that a standing hold covers is selected, and nothing that one in force covers is deleted. A hold that cannot be
understood covers nobody knows which rows, so then nothing of its table is selected or deleted: HoldUnclear.

A hold and a batch meet as follows. Placing commits the hold, then looks which batches are under way. A batch commits its mark
(Batch.Status.DELETING), then looks which holds stand. So whichever comes second sees the other: a batch that does not see the hold is
one that the hold waits for. No clock has a part in it.
"""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Organization, User
from accounts.roles import ADMINISTER_RULES, READ_RULES
from accounts.services.access import Access
from accounts.services.audit import record, values_of
from exports.models import Dataset
from exports.services.errors import Conflict, NotFound
from exports.services.extracts import whole_rows
from exports.sources import open_reader
from exports.sources.base import SourceError
from exports.sources.predicates import And, Predicate, dump_predicate, load_predicate
from retention.models import Batch, Hold
from retention.services import hold_terms
from retention.services.hold_terms import Terms

WAITS = timedelta(seconds=20)
"""So long whoever places a hold is kept waiting for the batches that are under way."""
HOLD = (
    *("matter", "reason", "dataset", "criteria", "keys", "origin", "starts_at", "ends_at"),
    *("released_at", "released_by", "release_reason"),
)
_LOOKS_EVERY = 0.05
_UNDER_WAY = (Batch.Status.DELETING, Batch.Status.COMMITTING)


class HoldUnclear(Conflict):
    """A standing hold cannot be read, so nothing of its table may go. The text names the hold."""


class State(StrEnum):
    PLANNED = "planned"
    """It begins later."""
    PENDING = "pending"
    """It keeps rows from selections and from later batches; batches that were under way before are not over."""
    IN_FORCE = "in_force"
    ENDED = "ended"
    RELEASED = "released"


def state_of(hold: Hold, at: datetime) -> State:
    if hold.released_at is not None:
        return State.RELEASED
    if hold.ends_at is not None and hold.ends_at <= at:
        return State.ENDED
    if hold.starts_at > at:
        return State.PLANNED
    return State.PENDING if hold.in_force_at is None else State.IN_FORCE


# --- What they keep ------------------------------------------------------------------------------------------------
def where_of(dataset: Dataset, at: datetime) -> list[tuple[Hold, Predicate]]:
    """The holds that stand on the dataset's table at that moment, each with what it keeps there; the oldest first.

    Also those that were placed on another dataset of the same table. Raises HoldUnclear.
    """
    on_table = {"dataset__source": dataset.source_id, "dataset__schema": dataset.schema, "dataset__table": dataset.table}
    standing = Hold.objects.standing(at).filter(**on_table).select_related("dataset").order_by("pk")
    return [(hold, predicate_of(hold)) for hold in standing]


def predicate_of(hold: Hold) -> Predicate:
    """What the hold keeps of its table. Raises HoldUnclear."""
    if hold.where is None:
        if hold.criteria or hold.keys:
            raise _unclear(hold, "its criteria were not understood")
        return And(())
    try:
        return load_predicate(hold.where)
    except (ValueError, TypeError, KeyError, ArithmeticError, SourceError):  # whatever a damaged column may hold
        raise _unclear(hold, "what it covers cannot be read") from None


def _unclear(hold: Hold, why: str) -> HoldUnclear:
    what = f"The hold {hold.pk} ({hold.matter}) on {hold.dataset} is unclear: {why}."
    return HoldUnclear(f"{what} Nothing of the table goes until it is released and placed anew.")


def rows_covered(hold: Hold) -> int:
    """How many rows it covers now. Raises HoldUnclear, and Conflict if the source cannot be read."""
    covered = replace(whole_rows(hold.dataset), where=predicate_of(hold))
    try:
        with open_reader(hold.dataset.source.url) as reader:
            return reader.count(covered)
    except SourceError as error:
        raise Conflict(f"The rows that the hold covers cannot be counted: {error}") from None


# --- Looking -------------------------------------------------------------------------------------------------------
def listing(access: Access, *, matter: str = "", standing: bool = False) -> QuerySet[Hold]:
    """Those that were ever placed, the newest first; of one matter; those that keep rows now. Raises Denied."""
    access.need(READ_RULES)
    found = Hold.objects.standing(timezone.now()) if standing else Hold.objects.all()
    here = found.filter(organization=access.organization, **({"matter": matter} if matter else {}))
    return here.select_related("dataset__source", "placed_by", "released_by").order_by("-pk")


def find(access: Access, pk: int) -> Hold:
    """Raises NotFound, Denied."""
    hold = listing(access).filter(pk=pk).first()
    if hold is None:
        raise NotFound("There is no such hold.")
    return hold


# --- Placing -------------------------------------------------------------------------------------------------------
def place(
    access: Access,
    dataset: Dataset,
    *,
    matter: str,
    reason: str,
    criteria: str = "",
    keys: hold_terms.Keys = (),
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    waits: timedelta | None = None,
) -> Hold:
    """Hold rows of the dataset: those that keep the criteria (OData), those with the keys, or without either all of them.

    Its `in_force_at` is None if it begins later, or if a batch was under way for longer than `waits` (else WAITS): then it stands all the
    same, and `confirm_pending_holds` sees to it; so too inside a transaction of the caller's, until that is committed. Raises Invalid,
    NotFound, Conflict, Denied.
    """
    access.need(ADMINISTER_RULES)
    if dataset.source.organization_id != access.organization.pk:
        raise NotFound("There is no such dataset.")
    terms = hold_terms.read(dataset, matter=matter, reason=reason, criteria=criteria, keys=keys, starts_at=starts_at, ends_at=ends_at)
    with transaction.atomic():
        hold = put(access.organization, access.user, dataset, terms)
        transaction.on_commit(lambda: take_force(hold, waits) and None)  # what is not committed, no batch can see
    return hold


def put(organization: Organization, user: User, dataset: Dataset, terms: Terms, origin: str = Hold.Origin.PLACED) -> Hold:
    """The hold's row, within the caller's transaction; when that is committed, `take_force`."""
    hold = Hold.objects.create(
        organization=organization,
        dataset=dataset,
        placed_by=user,
        origin=origin,
        matter=terms.matter,
        reason=terms.reason,
        criteria=terms.criteria,
        keys=terms.keys,
        where=None if terms.where is None else dump_predicate(terms.where),
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
    )
    record("hold.place", hold, organization=organization, user=user, after=values_of(hold, HOLD))
    return hold


def take_force(hold: Hold, waits: timedelta | None = None) -> bool:
    """Wait until no batch is under way that the hold does not bind, `waits` (else WAITS) at most. False: not yet, or it begins later."""
    until = time.monotonic() + (WAITS if waits is None else waits).total_seconds()
    while not (done := _confirm(hold)) and hold.starts_at <= timezone.now() and time.monotonic() < until:
        time.sleep(_LOOKS_EVERY)
    return done


def confirm_pending_holds() -> int:
    """Set in force what stands and no longer waits for a batch: a worker's loop calls it again and again. How many were."""
    waiting = Hold.objects.standing(timezone.now()).filter(in_force_at=None).select_related("dataset")
    return sum(_confirm(hold) for hold in waiting.order_by("pk"))


def _confirm(hold: Hold) -> bool:
    """Whether it is in force by now: one look."""
    if hold.starts_at > timezone.now():
        return False
    if hold.waits_for is None:
        hold.waits_for = list(_batches(hold).values_list("pk", flat=True))
        Hold.objects.filter(pk=hold.pk).update(waits_for=hold.waits_for)
    if Batch.objects.filter(pk__in=hold.waits_for, status__in=_UNDER_WAY).exists():
        return False
    Hold.objects.filter(pk=hold.pk, in_force_at=None).update(in_force_at=timezone.now())
    hold.refresh_from_db(fields=["in_force_at"])
    return True


def _batches(hold: Hold) -> QuerySet[Batch]:
    """Under way on the hold's source: a purge of any of its datasets may take rows of this one along."""
    return Batch.objects.filter(status__in=_UNDER_WAY, purge__dataset__source=hold.dataset.source_id)


# --- Releasing -----------------------------------------------------------------------------------------------------
@transaction.atomic
def release(access: Access, hold: Hold, reason: str) -> Hold:
    """What it covers may go from now on, unless another hold covers it. Raises Invalid, NotFound, Conflict, Denied."""
    access.need(ADMINISTER_RULES)
    said, moment = hold_terms.words("reason", reason, hold_terms.LONGEST_REASON), timezone.now()
    open_ended = Q(ends_at=None) | Q(ends_at__gt=moment)
    rows = Hold.objects.filter(open_ended, organization=access.organization, pk=hold.pk, released_at=None)
    if not rows.update(released_at=moment, released_by=access.user, release_reason=said):
        raise Conflict(f"The hold is {state_of(find(access, hold.pk), moment)} already.")
    released = find(access, hold.pk)
    record("hold.release", released, organization=access.organization, user=access.user, before=_before(), after=values_of(released, HOLD))
    return released


def _before() -> dict[str, Any]:
    return {"released_at": None, "released_by": None, "release_reason": ""}
