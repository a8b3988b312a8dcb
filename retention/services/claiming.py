"""Who works on which purge: the claims, leases and tokens of exports/services/claiming.py, for purges and restores."""

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now

from exports.models import Run
from exports.services.claiming import claim_terms, free
from retention.models import Purge

Status = Purge.Status


def claim_purge(workable: Q) -> Purge | None:
    """The oldest purge that can be worked on now: a dataset's purges go one after another. `workable`: what the window allows."""
    waiting = Purge.objects.filter(free(), workable, status__in=Purge.WORKABLE)
    waiting = waiting.exclude(status=Status.EXTRACTING, run__status__in=Run.ACTIVE)
    for purge in waiting.order_by("pk")[:20]:
        if _is_behind(purge):
            continue
        if Purge.objects.filter(pk=purge.pk, token=purge.token).update(**claim_terms(), started_at=Coalesce("started_at", Now())):
            related = ("organization", "dataset__source__organization", "rule", "job", "run__job")
            return Purge.objects.select_related(*related).get(pk=purge.pk)
    return None


def _is_behind(purge: Purge) -> bool:
    """Whether an earlier purge works on the same dataset: two at once would find each other's rows gone."""
    earlier = Purge.objects.filter(dataset=purge.dataset_id, pk__lt=purge.pk, status__in=Purge.WORKABLE)
    return earlier.exists()


def held(purge: Purge) -> "QuerySet[Purge]":
    """This purge, if the token with which it was claimed still holds it. One that was given back is nobody's: a last heartbeat must not keep it."""
    return Purge.objects.filter(pk=purge.pk, token=purge.token, status__in=Purge.WORKABLE, lease_until__isnull=False)
