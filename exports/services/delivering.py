"""From the outbox to those who want to be told, by webhook and by e-mail.

A notice is routed once and a delivery worked on by one at a time: both are claimed by a conditional UPDATE. A process that dies
while it sends leaves a lease that runs out, and the next one sends again: a receiver may get a notice twice, with the same id,
and never not at all. Nothing here touches a run.
"""

import json
import logging
import random
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from exports.models import Delivery, Notice, Webhook
from exports.services.claiming import worker_name
from exports.services.errors import scrubbed
from exports.services.mailing import Gone, mail_recipients, send_mail
from exports.services.posting import EXCERPT_BYTES, Answer, Refused, Unreachable, post
from exports.services.signing import signed

logger = logging.getLogger(__name__)

AGENT = f"Strongroom/{settings.VERSION}"
_LEASE = timedelta(minutes=5)
"""Longer than any attempt."""
_LONGEST_WAIT = 12 * 3600
_GIVEN_UP_AFTER = timedelta(days=3)


def deliver_due(seconds: float = 60) -> int:
    """Route what is new, then send what is due, until nothing is left or so many seconds are over. Gives the number of attempts."""
    ends, attempts = time.monotonic() + seconds, 0
    route_new()
    while time.monotonic() < ends and (delivery := claim()):
        attempt(delivery)
        attempts += 1
    return attempts


# --- Routing -------------------------------------------------------------------------------------------------------
def route_new() -> int:
    """A delivery for each receiver of each notice that has none yet. How many notices."""
    waiting = Notice.objects.filter(routed_at=None).select_related("organization", "owner").order_by("pk")
    return sum(_route(notice) for notice in waiting[:200])


@transaction.atomic
def _route(notice: Notice) -> bool:
    if not Notice.objects.filter(pk=notice.pk, routed_at=None).update(routed_at=timezone.now()):
        return False
    webhooks = Webhook.objects.filter(organization=notice.organization, is_active=True).values_list("pk", "events")
    made = [Delivery(webhook_id=pk) for pk, events in webhooks if notice.event in events]
    made += [Delivery(address=address) for address in mail_recipients(notice)]
    for delivery in made:
        delivery.organization, delivery.notice = notice.organization, notice
    Delivery.objects.bulk_create(made)
    return True


# --- Claiming ------------------------------------------------------------------------------------------------------
def claim() -> Delivery | None:
    """The next that is due. What was tried most comes first: it probes for those that wait behind the same receiver."""
    free = (Q(lease_until=None) | Q(lease_until__lt=Now())) & (Q(not_before=None) | Q(not_before__lte=Now()))
    for delivery in _pending().filter(free).order_by("-token", "pk")[:20]:
        claimed = {"token": F("token") + 1, "worker": worker_name(), "lease_until": Now() + _LEASE, "attempted_at": Now()}
        if _pending().filter(pk=delivery.pk, token=delivery.token).update(**claimed):
            return Delivery.objects.select_related("notice__organization").get(pk=delivery.pk)
    return None


def _pending() -> QuerySet[Delivery]:
    return Delivery.objects.filter(status=Delivery.Status.PENDING)


# --- One attempt ---------------------------------------------------------------------------------------------------
def attempt(delivery: Delivery) -> None:
    """Send what was claimed, and write down what became of it."""
    if delivery.token > settings.NOTICE_ATTEMPTS:  # each of them died with its process
        _finish(delivery, Delivery.Status.FAILED, error=f"Given up after {settings.NOTICE_ATTEMPTS} attempts that did not come to an end.")
        return
    try:
        _note(delivery, _send(delivery))
    except Gone as gone:
        _finish(delivery, Delivery.Status.FAILED, error=str(gone))
    except (Unreachable, Refused) as failure:
        _fail(delivery, str(failure), None)
        _hold_back(delivery)
    except Exception as error:  # noqa: BLE001 a bug of ours: this delivery fails, the others go on
        logger.error("Delivery %s failed: %s", delivery.pk, scrubbed(error))  # noqa: TRY400 a traceback could hold the URL
        _fail(delivery, "A bug in Strongroom stopped the delivery.", None)


def _note(delivery: Delivery, answer: Answer) -> None:
    if 200 <= answer.code < 300:
        _finish(delivery, Delivery.Status.DELIVERED, answer)
        _behind(delivery).filter(token=0).update(not_before=None)
    else:
        redirect = " Redirects are not followed." if 300 <= answer.code < 400 else ""
        _fail(delivery, f"The receiver answered {answer.code} instead of 2xx.{redirect}", answer)


def _send(delivery: Delivery) -> Answer:
    """The receiver's answer. Raises Unreachable, Refused, Gone."""
    webhook = delivery.webhook
    if webhook is None:
        return send_mail(delivery)
    if not webhook.is_active:
        raise Gone("The webhook was switched off.")
    body = payload(delivery.notice)
    headers = {"Content-Type": "application/json", "User-Agent": AGENT, **signed(webhook, delivery.notice, body, timezone.now())}
    return post(webhook.url, body, headers)


def payload(notice: Notice) -> bytes:
    """The body, the same at each attempt. Its shape is that of Standard Webhooks: type, timestamp, data."""
    data = {
        "organization": str(notice.organization_id),
        "subject": {"kind": notice.subject_kind, "id": notice.subject_id, "name": notice.subject_name},
        "facts": notice.facts,
    }
    return json.dumps({"type": notice.event, "timestamp": notice.created_at.isoformat(), "data": data}).encode()


def _fail(delivery: Delivery, error: str, answer: Answer | None) -> None:
    """Once more later, or never again."""
    now = timezone.now()
    if delivery.token >= settings.NOTICE_ATTEMPTS or now - delivery.created_at > _GIVEN_UP_AFTER:
        _finish(delivery, Delivery.Status.FAILED, answer, f"{error} Given up after {delivery.token} attempts.")
        logger.warning("Delivery %s of %s was given up: %s", delivery.pk, delivery.notice.event, error)
        return
    delivery.not_before = now + back_off(delivery.token)
    _held(delivery).update(lease_until=None, not_before=delivery.not_before, **_outcome(answer, error))


def _finish(delivery: Delivery, status: Delivery.Status, answer: Answer | None = None, error: str = "") -> None:
    _held(delivery).update(status=status, lease_until=None, finished_at=timezone.now(), **_outcome(answer, error))


def _held(delivery: Delivery) -> QuerySet[Delivery]:
    """The row, while nobody else has claimed it."""
    return _pending().filter(pk=delivery.pk, token=delivery.token)


def _outcome(answer: Answer | None, error: str) -> dict[str, object]:
    code, text = (answer.code, answer.text[:EXCERPT_BYTES]) if answer else (None, "")
    return {"response_code": code, "response_text": text, "error": error}


def back_off(attempt: int) -> timedelta:
    """After so many attempts: four times as long each time, from NOTICE_RETRY_SECONDS to twelve hours, and up to half as much more by chance."""
    wait = min(settings.NOTICE_RETRY_SECONDS * 4 ** (attempt - 1), _LONGEST_WAIT)
    return timedelta(seconds=wait * random.uniform(1, 1.5))  # noqa: S311 spreads load, guards nothing


# --- What waits behind the same receiver -----------------------------------------------------------------------------
def _behind(delivery: Delivery) -> QuerySet[Delivery]:
    """The other deliveries to the same webhook, or through the mail server."""
    return _pending().filter(webhook=delivery.webhook, lease_until=None).exclude(pk=delivery.pk)


def _hold_back(delivery: Delivery) -> None:
    """Nobody is there: the others need not find that out one by one. They wait with this one, which is tried first."""
    until: datetime | None = delivery.not_before
    if until:
        _behind(delivery).filter(Q(not_before=None) | Q(not_before__lt=until)).update(not_before=until)


def forget_old(now: datetime) -> int:
    """Delete notices, with their deliveries, NOTICE_DAYS after they were written. How many."""
    old = Notice.objects.filter(created_at__lt=now - timedelta(days=settings.NOTICE_DAYS))
    return old.delete()[1].get("exports.Notice", 0)
