"""What a rule that only simulates would have removed: counted by the same selection that a purge goes by; nothing is read or changed."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from exports.services.claiming import Heartbeat, LeaseLost, claim_terms, free
from exports.services.errors import ServiceError, scrubbed
from exports.sources import open_reader
from exports.sources.base import ConnectionLost, SourceError
from retention.models import Purge
from retention.services.extracting import figures, look, refuse_blocked
from retention.services.failing import PurgeFailed

logger = logging.getLogger(__name__)
Status = Purge.Status


def _uncounted() -> QuerySet[Purge]:
    return Purge.objects.filter(status=Status.SIMULATED, finished_at=None)


def claim() -> Purge | None:
    """The oldest simulation that is not counted yet."""
    for purge in _uncounted().filter(free()).order_by("pk")[:20]:
        if _uncounted().filter(pk=purge.pk, token=purge.token).update(**claim_terms(), started_at=Coalesce("started_at", Now())):
            return Purge.objects.select_related("dataset__source", "rule", "organization").get(pk=purge.pk)
    return None


def count(purge: Purge) -> None:
    """Count, or write down in a sentence why it cannot be."""
    held = _uncounted().filter(pk=purge.pk, token=purge.token)
    try:
        with Heartbeat(lambda: held):
            found = _counted(purge)
        _end(held, **found)
    except LeaseLost:
        logger.info("Lost %s: another worker has it", purge)
    except ConnectionLost as error:
        _try_again(purge, held, str(error))
    except (SourceError, ServiceError) as error:
        _end(held, status=Status.FAILED, message=str(error))
    except Exception as error:  # noqa: BLE001 a bug of ours: this count fails, the others go on
        logger.error("%s failed: %s", purge, scrubbed(error))  # noqa: TRY400 a full traceback would put values into the log
        _end(held, status=Status.FAILED, message="A bug in Strongroom stopped the count.", traceback=scrubbed(error))


def _counted(purge: Purge) -> dict[str, object]:
    selected = look(purge)
    try:
        refuse_blocked(selected)
    except PurgeFailed as blocked:
        return {"selected": 0, "message": str(blocked)}
    rows, kept = figures(selected)
    with open_reader(purge.dataset.source.url) as reader:
        return {"selected": reader.count(selected.root), "dataset_rows": rows, "kept": kept}


def _end(held: QuerySet[Purge], **fields: object) -> None:
    held.update(finished_at=timezone.now(), lease_until=None, **{"message": "", **fields})


def _try_again(purge: Purge, held: QuerySet[Purge], reason: str) -> None:
    attempts = purge.attempts + 1
    if attempts >= settings.RUN_ATTEMPTS:
        _end(held, status=Status.FAILED, message=f"Given up after {attempts} attempts. {reason}")
        return
    wait = min(settings.RETRY_SECONDS * 2 ** (attempts - 1), 600)
    held.update(attempts=F("attempts") + 1, lease_until=None, not_before=Now() + timedelta(seconds=wait), message=reason)
