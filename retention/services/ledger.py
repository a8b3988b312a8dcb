"""The ledger of a purge: its batches, from their announcement to what became of them. Every change is fenced by the purge's token."""

from django.db import transaction
from django.db.models import Max, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from accounts.roles import ADMINISTER_RULES
from accounts.services.access import Denied, access_to
from exports.services.claiming import LeaseLost, lease_end
from retention.models import Batch, Purge, Rule
from retention.services.claiming import held
from retention.services.failing import PurgeFailed, PurgeStopped


@transaction.atomic
def announce(purge: Purge, start: int, stop: int) -> Batch:
    """A batch that is about to begin: from now on, placing a hold waits for it. Raises LeaseLost, PurgeStopped, PurgeFailed."""
    check_wanted(purge)
    if not held(purge).update(lease_until=lease_end()):
        raise LeaseLost
    return Batch.objects.create(purge=purge, start=start, stop=stop, token=purge.token, began_at=timezone.now())


@transaction.atomic
def write_down(
    batch: Batch, *, deleted: int, children: dict[str, int], missing: dict[str, list[int]], kept: dict[str, list[int]], locked_ms: int
) -> None:
    """What the source is about to commit. Raises LeaseLost."""
    if not held(batch.purge).update(lease_until=lease_end()):
        raise LeaseLost
    batch.status, batch.deleted, batch.children, batch.kept, batch.locked_ms = Batch.Status.COMMITTING, deleted, children, kept, locked_ms
    batch.missing = missing
    batch.save(update_fields=["status", "deleted", "children", "missing", "kept", "locked_ms"])


def settle(batch: Batch, *, locked_ms: int) -> None:
    """The source has committed: the rows are gone, whoever holds the purge by now."""
    batch.locked_ms = locked_ms
    committed = Batch.objects.filter(pk=batch.pk, status=Batch.Status.COMMITTING)
    committed.update(status=Batch.Status.DONE, ended_at=Now(), locked_ms=locked_ms)


def forget(batch: Batch) -> None:
    """The source has not committed, and never will."""
    Batch.objects.filter(pk=batch.pk).exclude(status=Batch.Status.DONE).delete()


def undecided(purge: Purge) -> QuerySet[Batch]:
    """Batches of which it is not known yet whether their source has committed."""
    return Batch.objects.filter(purge=purge).exclude(status=Batch.Status.DONE).order_by("start")


def position(purge: Purge) -> int:
    """The index of the first frozen row that no batch has looked at."""
    return Batch.objects.filter(purge=purge, status=Batch.Status.DONE).aggregate(Max("stop"))["stop__max"] or 0


def deleted_rows(purge: Purge) -> int:
    return Batch.objects.filter(purge=purge, status=Batch.Status.DONE).aggregate(Sum("deleted"))["deleted__sum"] or 0


def kept_rows(purge: Purge) -> dict[str, int]:
    """Frozen rows that were not deleted, by reason."""
    counts: dict[str, int] = {}
    for kept in Batch.objects.filter(purge=purge, status=Batch.Status.DONE).exclude(kept={}).values_list("kept", flat=True):
        for reason, places in kept.items():
            counts[reason] = counts.get(reason, 0) + len(places)
    return counts


def deleted_children(purge: Purge) -> dict[int, int]:
    """Rows that went along, by the id of their dataset."""
    counts: dict[int, int] = {}
    for children in Batch.objects.filter(purge=purge, status=Batch.Status.DONE).values_list("children", flat=True):
        for dataset, rows in children.items():
            counts[int(dataset)] = counts.get(int(dataset), 0) + rows
    return counts


def reconcile(purge: Purge) -> None:
    """Raises AssertionError unless every frozen row was looked at once, and either deleted or kept for a reason."""
    end = 0
    for batch in Batch.objects.filter(purge=purge).order_by("start"):
        counted = batch.deleted + sum(len(places) for places in batch.kept.values())
        if batch.status != Batch.Status.DONE or batch.start != end or counted != batch.stop - batch.start:
            raise AssertionError(f"batch {batch.pk} of purge {purge.pk} does not add up")
        end = batch.stop
    if end != purge.selected:
        raise AssertionError(f"purge {purge.pk} froze {purge.selected} rows and looked at {end}")


def check_wanted(purge: Purge) -> None:
    """Raises PurgeStopped if somebody cancelled the purge, or changed its rule; PurgeFailed if who ordered it may no longer."""
    now = Purge.objects.select_related("rule__author", "job__owner", "cancelled_by", "organization").get(pk=purge.pk)
    if now.cancelled_by:
        raise PurgeStopped(f"Cancelled by {now.cancelled_by}.")
    if now.rule and (now.rule.version != now.rule_version or now.rule.deleted_at or now.rule.mode != Rule.Mode.ENFORCE):
        raise PurgeStopped("The rule was changed meanwhile; the next daily run goes by what it says now.")
    author = now.author
    access = access_to(author, now.organization)
    if access is None:
        raise PurgeFailed(f"{author}, who ordered it, no longer belongs to {now.organization} or is no longer active.")
    try:
        access.need(ADMINISTER_RULES)
    except Denied as denied:
        raise PurgeFailed(f"It acts with the permissions of who ordered it. {denied}") from None
