"""Purges as people see them: ordered by rules and retention jobs, approved, cancelled, listed. How they are carried out: advancing.py."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from accounts.roles import ADMINISTER_RULES, APPROVE_DISPOSITIONS, READ_RULES
from accounts.services.access import Access
from exports.models import Dataset, Run
from exports.services import runs
from exports.services.errors import Conflict, NotFound
from exports.services.trail import tell
from exports.sources.predicates import Predicate, dump_predicate
from retention.models import Batch, Purge, RetentionJob, Rule

Status = Purge.Status


def request_purge(
    *,
    dataset: Dataset,
    terms: Predicate,
    slot: datetime,
    rule: Rule | None = None,
    job: RetentionJob | None = None,
    extract_only: bool = False,
) -> Purge:
    """Order a purge, once: the same rule, dataset and slot, or the same job and dataset, give the one that is there. `slot`: what ages count from."""
    ordered_by: dict[str, object] = {"rule": rule} if rule else {"job": job}
    place = ordered_by | {"dataset": dataset} | ({"slot": slot} if rule else {})
    terms_now = {
        "organization_id": dataset.source.organization_id,
        "slot": slot,
        "rule_version": rule.version if rule else None,
        "extract_only": extract_only,
        "archive": rule.archive if rule else True,
        "terms": dump_predicate(terms),
    }
    found, _ = Purge.objects.get_or_create(**place, defaults=terms_now)
    return found


def listing(access: Access, *, statuses: Iterable[str] = (), rule: int | None = None) -> QuerySet[Purge]:
    """Newest first, each with `purged`, the rows that are gone by now. Raises Denied."""
    access.need(READ_RULES, APPROVE_DISPOSITIONS)
    gone = Sum("batches__deleted", filter=Q(batches__status=Batch.Status.DONE), default=0)
    related = ("dataset__source", "rule", "job", "run", "approved_by", "disposition")
    found = Purge.objects.filter(organization=access.organization).select_related(*related).annotate(purged=gone)
    found = found.filter(status__in=list(statuses)) if statuses else found
    return (found.filter(rule=rule) if rule else found).order_by("-pk")


def find(access: Access, purge_id: int) -> Purge:
    """Raises NotFound, Denied."""
    purge = listing(access).filter(pk=purge_id).first()
    if purge is None:
        raise NotFound(f"There is no purge {purge_id}.")
    return purge


@transaction.atomic
def approve(access: Access, purge: Purge, key_set: str) -> None:
    """Let the frozen key set go. `key_set`: the hash that was seen. Raises Conflict, Denied: nobody approves what they ordered themselves."""
    access.need(APPROVE_DISPOSITIONS)
    held = Purge.objects.select_for_update(of=("self",)).select_related("rule", "job").get(pk=find(access, purge.pk).pk)
    if held.status != Status.AWAITING_APPROVAL:
        raise Conflict(f"Purge {held.pk} is {held.get_status_display()}; only one that waits for approval can be approved.")
    if held.author == access.user:
        raise Conflict("Whoever ordered a purge cannot approve it: somebody else must.")
    if key_set != held.key_set_sha256:
        raise Conflict(f"What you saw is not what would go. The frozen key set is {held.key_set_sha256}.")
    if held.rule and (held.rule.version != held.rule_version or held.rule.deleted_at):
        raise Conflict("The rule was changed since the keys were frozen; the next daily run asks again.")
    held.status, held.approved_by, held.approved_at, held.approved_key_set = Status.PURGING, access.user, timezone.now(), key_set
    held.save(update_fields=["status", "approved_by", "approved_at", "approved_key_set"])
    tell(access, "purge.approve", held, after={"key_set_sha256": key_set, "rows": held.selected})


@transaction.atomic
def cancel(access: Access, purge: Purge) -> None:
    """Stop it: at once, or after the batch that is at work. What is gone stays gone and is recorded. Raises Conflict if it has ended."""
    access.need(ADMINISTER_RULES, APPROVE_DISPOSITIONS)
    held = Purge.objects.select_for_update(of=("self",)).get(pk=find(access, purge.pk).pk)
    if not held.is_active:
        raise Conflict(f"Purge {held.pk} is {held.get_status_display()}; it has ended.")
    before = held.status
    stop(held, access)
    tell(access, "purge.cancel", held, before={"status": before}, after={"status": held.status})


def stop(held: Purge, access: Access) -> None:
    """In a transaction that holds the purge: end it, or ask the worker that deletes to."""
    held.cancelled_by, held.not_before = access.user, None
    fields = ["cancelled_by", "not_before"]
    if held.status != Status.PURGING:
        held.status, held.finished_at, held.message = Status.CANCELLED, timezone.now(), f"Cancelled by {access.user}."
        fields += ["status", "finished_at", "message"]
        Purge.objects.filter(pk=held.pk).update(token=F("token") + 1)
        if held.run and held.run.status in Run.ACTIVE:
            runs.stop(held.run, held.message)
    held.save(update_fields=fields)
