"""What a webhook's receiver gets: signed, timestamped, tried again, once for each event."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
import time_machine
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from accounts.models import Organization
from accounts.services.access import Access
from exports.models import Delivery, Job, Notice, Run, Webhook
from exports.services import webhooks
from exports.services.delivering import attempt, back_off, claim, deliver_due, forget_old, route_new
from exports.services.notices import Event, announce
from exports.services.work import run_until_idle
from tests.exports.receivers import Receiver, receiving
from tests.exports.world import World

LOCAL = [ip_network("127.0.0.0/8"), ip_network("::1")]


@pytest.fixture(autouse=True)
def _local_receivers(settings: LazySettings) -> None:
    settings.WEBHOOK_NETWORKS = LOCAL


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def hook(access: Access, receiver: Receiver) -> tuple[Webhook, str]:
    """Subscribed to failures, with its secret."""
    return webhooks.create(access, name="Pager", url=receiver.url, events=["run.failed"])


@pytest.fixture
def failed(make_run: Callable[..., Run]) -> Callable[[], None]:
    def fail() -> None:
        run = make_run()
        announce(Event.RUN_FAILED, organization=run.organization, subject=run, facts={"message": "no certificate", "title": "Größe"})

    return fail


def later(**more: float) -> "time_machine.travel":
    return time_machine.travel(timezone.now() + timedelta(**more), tick=True)


def due(delivery: Delivery) -> None:
    """The back-off is over. (The database's clock says when.)"""
    Delivery.objects.filter(pk=delivery.pk).update(not_before=None, lease_until=None)


# --- What arrives ----------------------------------------------------------------------------------------------------
def test_event_arrives_once_and_a_verifier_of_others_accepts_it(
    hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]
) -> None:
    failed()
    deliver_due()
    deliver_due()
    [(path, headers, body)] = receiver.got
    told = Verifier(hook[1]).verify(body, headers)
    assert (path, headers["content-type"], told["type"], told["data"]["facts"]["title"]) == (
        "/hook",
        "application/json",
        "run.failed",
        "Größe",
    )
    assert (told["data"]["subject"]["kind"], headers["webhook-id"]) == ("run", Notice.objects.get().message_id)


def test_changed_body_or_other_secret_does_not_verify(hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]) -> None:
    failed()
    deliver_due()
    [(_, headers, body)] = receiver.got
    for secret, sent in ((hook[1], body + b" "), ("whsec_" + "A" * 43 + "=", body)):
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(sent, headers)


def test_only_chosen_events_arrive(hook: tuple[Webhook, str], receiver: Receiver, make_job: Callable[..., Job]) -> None:
    job = make_job()
    announce(Event.JOB_SUSPENDED, organization=job.organization, subject=job, facts={})
    deliver_due()
    assert not receiver.got
    assert not Delivery.objects.exists()


def test_other_organizations_are_told_nothing(hook: tuple[Webhook, str], receiver: Receiver, elsewhere: Organization) -> None:
    announce(Event.RUN_FAILED, organization=elsewhere, subject=elsewhere, facts={})
    deliver_due()
    assert not receiver.got


def test_after_a_rotation_both_secrets_verify_for_a_day(
    access: Access, hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]
) -> None:
    _, new = webhooks.rotate(access, hook[0].pk)
    failed()
    deliver_due()
    [(_, headers, body)] = receiver.got
    assert Verifier(new).verify(body, headers) == Verifier(hook[1]).verify(body, headers)
    Webhook.objects.update(previous_until=timezone.now())
    failed()
    deliver_due()
    with pytest.raises(WebhookVerificationError):
        Verifier(hook[1]).verify(receiver.got[1][2], receiver.got[1][1])


def test_run_that_fails_is_told_by_the_worker_itself(world: World, receiver: Receiver) -> None:
    webhooks.create(world.access, name="All", url=receiver.url, events=list(webhooks.EVENTS))
    world.run()
    run_until_idle()
    assert [told["type"] for told in receiver.bodies] == ["run.completed"]
    assert receiver.bodies[0]["data"]["facts"]["rows"] == 2000


# --- When it does not go well ----------------------------------------------------------------------------------------
def test_failed_attempt_is_logged_and_tried_again_with_the_same_id(
    hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]
) -> None:
    receiver.answers = [(500, {}, b"out\0 of order" + b"!" * 5000)]
    failed()
    deliver_due()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.response_code, len(delivery.response_text)) == ("pending", 500, 1024)
    assert delivery.not_before is not None
    deliver_due()
    assert len(receiver.got) == 1
    due(delivery)
    deliver_due()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.token, delivery.response_code, delivery.error) == ("delivered", 2, 204, "")
    assert receiver.got[0][1]["webhook-id"] == receiver.got[1][1]["webhook-id"]


def test_back_off_grows_to_half_a_day_and_scatters(settings: LazySettings) -> None:
    waits = [{back_off(number) for _ in range(20)} for number in (1, 2, 3, 20)]
    assert all(len(some) > 1 for some in waits)
    lows = [timedelta(seconds=10), timedelta(seconds=40), timedelta(seconds=160), timedelta(hours=12)]
    assert all(low <= wait <= low * 1.5 for low, some in zip(lows, waits, strict=True) for wait in some)


def test_delivery_is_given_up_after_so_many_attempts(
    hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None], settings: LazySettings
) -> None:
    settings.NOTICE_ATTEMPTS = 2
    receiver.answers = [(404, {}, b"")] * 9
    failed()
    for _ in range(4):
        deliver_due()
        due(Delivery.objects.get())
    delivery = Delivery.objects.get()
    assert (delivery.status, len(receiver.got)) == ("failed", 2)
    assert delivery.error == "The receiver answered 404 instead of 2xx. Given up after 2 attempts."


def test_worker_that_died_while_it_sent_is_replaced(hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]) -> None:
    failed()
    route_new()
    held = claim()
    assert held is not None
    assert claim() is None
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    deliver_due()
    attempt(held)  # the first wakes up again, too late to write anything
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.token) == ("delivered", 2)


def test_delivery_that_kills_its_workers_is_given_up(hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]) -> None:
    failed()
    route_new()
    Delivery.objects.update(token=8)
    deliver_due()
    assert (Delivery.objects.get().status, receiver.got) == ("failed", [])


def test_notice_is_routed_by_one_of_two(hook: tuple[Webhook, str], failed: Callable[[], None]) -> None:
    from exports.services.delivering import _route

    failed()
    notice = Notice.objects.select_related("organization").get()
    assert (_route(notice), _route(notice), Delivery.objects.count()) == (True, False, 1)


def test_one_attempt_finds_out_for_all_that_nobody_is_there(hook: tuple[Webhook, str], failed: Callable[[], None]) -> None:
    Webhook.objects.update(url="https://127.0.0.1:9/")
    for _ in range(5):
        failed()
    assert deliver_due() == 1
    assert Delivery.objects.filter(status="pending", not_before__isnull=False).count() == 5


def test_those_that_wait_behind_go_on_once_somebody_answers(
    hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]
) -> None:
    Webhook.objects.update(url="https://127.0.0.1:9/")
    for _ in range(3):
        failed()
    deliver_due()
    webhook = Webhook.objects.get()
    webhook.url = receiver.url
    webhook.save()
    due(Delivery.objects.get(token=1))
    deliver_due()
    assert (len(receiver.got), Delivery.objects.filter(status="delivered").count()) == (3, 3)


def test_webhook_that_was_switched_off_gets_nothing_more(
    access: Access, hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]
) -> None:
    failed()
    route_new()
    webhooks.update(access, hook[0].pk, is_active=False)
    failed()
    deliver_due()
    assert (receiver.got, [delivery.status for delivery in Delivery.objects.all()]) == ([], ["failed"])


def test_old_notices_are_forgotten_with_their_deliveries(hook: tuple[Webhook, str], failed: Callable[[], None]) -> None:
    failed()
    route_new()
    now = timezone.now()
    assert (forget_old(now + timedelta(days=89)), forget_old(now + timedelta(days=91)), Delivery.objects.count()) == (0, 1, 0)


# --- By hand ---------------------------------------------------------------------------------------------------------
def test_ping_arrives_whatever_the_webhook_is_subscribed_to(access: Access, hook: tuple[Webhook, str], receiver: Receiver) -> None:
    webhooks.ping(access, hook[0].pk)
    deliver_due()
    assert [told["type"] for told in receiver.bodies] == ["ping"]


def test_delivery_is_sent_again_as_one_of_its_own(
    access: Access, hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]
) -> None:
    failed()
    deliver_due()
    webhooks.resend(access, Delivery.objects.get().pk)
    deliver_due()
    assert sorted(Delivery.objects.values_list("resent", "status")) == [(0, "delivered"), (1, "delivered")]
    assert receiver.got[0][1]["webhook-id"] == receiver.got[1][1]["webhook-id"]


def test_timestamp_is_that_of_the_attempt(hook: tuple[Webhook, str], receiver: Receiver, failed: Callable[[], None]) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    failed()
    with time_machine.travel(moment, tick=False), transaction.atomic():
        deliver_due()
    assert receiver.got[0][1]["webhook-timestamp"] == str(int(moment.timestamp()))
