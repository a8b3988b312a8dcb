"""Webhooks and mail addresses of an organization: whom it tells what, and what became of it."""

import secrets
from base64 import b64encode
from collections.abc import Collection
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from accounts.models import Organization
from accounts.roles import ADMINISTER
from accounts.services.access import Access
from accounts.services.audit import kind_of, values_of
from exports.models import Delivery, MailAddress, Notice, Webhook
from exports.services import visible
from exports.services.errors import Conflict, Invalid, NotFound
from exports.services.notices import Event
from exports.services.posting import Refused, read_url
from exports.services.trail import MAIL_ADDRESS, WEBHOOK, tell

EVENTS = [event for event in Event if event != Event.PING]
"""What can be asked for. A ping is sent to whoever it is for."""
PER_ORGANIZATION = 50
PREVIOUS_SECRET_LIVES = timedelta(hours=24)
_HIGHEST_NAME = 100


# --- Webhooks ------------------------------------------------------------------------------------------------------
def listing(access: Access) -> QuerySet[Webhook]:
    return visible.webhooks(access).order_by("name")


def find(access: Access, pk: int) -> Webhook:
    """Raises NotFound, Denied."""
    webhook = visible.webhooks(access).filter(pk=pk).first()
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


@transaction.atomic
def create(access: Access, *, name: str, url: str, events: Collection[str]) -> tuple[Webhook, str]:
    """The second value is the secret that signs: it cannot be shown again. Raises Invalid, Conflict, Denied."""
    access.need(ADMINISTER)
    Organization.objects.select_for_update().get(pk=access.organization.pk)
    if visible.webhooks(access).count() >= PER_ORGANIZATION:
        raise Conflict(f"There are {PER_ORGANIZATION} webhooks, and no more are possible. Delete one first.")
    secret = _new_secret()
    webhook = Webhook(
        organization=access.organization,
        name=_checked_name(access, name),
        url=_checked_url(url),
        events=_checked_events(events),
        secret=secret,
        created_by=access.user,
    )
    webhook.save()
    tell(access, "webhook.create", webhook, after=values_of(webhook, WEBHOOK))
    return webhook, secret


@transaction.atomic
def update(
    access: Access,
    pk: int,
    *,
    name: str | None = None,
    url: str | None = None,
    events: Collection[str] | None = None,
    is_active: bool | None = None,
) -> Webhook:
    """Change what is given. Raises NotFound, Invalid, Denied."""
    webhook = _held(access, pk)
    before = values_of(webhook, WEBHOOK)
    webhook.name = webhook.name if name is None else _checked_name(access, name, webhook)
    webhook.url = webhook.url if url is None else _checked_url(url)
    webhook.events = webhook.events if events is None else _checked_events(events)
    webhook.is_active = webhook.is_active if is_active is None else is_active
    webhook.save(update_fields=["name", "url", "events", "is_active"])
    tell(access, "webhook.update", webhook, before=before, after=values_of(webhook, WEBHOOK))
    return webhook


@transaction.atomic
def rotate(access: Access, pk: int) -> tuple[Webhook, str]:
    """A new secret; the former signs beside it for PREVIOUS_SECRET_LIVES. Raises NotFound, Denied."""
    webhook = _held(access, pk)
    before = values_of(webhook, ["secret", "previous_until"])
    secret = _new_secret()
    webhook.previous_secret, webhook.secret = webhook.secret, secret
    webhook.previous_until = timezone.now() + PREVIOUS_SECRET_LIVES
    webhook.save(update_fields=["secret", "previous_secret", "previous_until"])
    tell(access, "webhook.rotate", webhook, before=before, after=values_of(webhook, ["secret", "previous_until"]))
    return webhook, secret


@transaction.atomic
def delete(access: Access, pk: int) -> None:
    """With the log of its deliveries. Raises NotFound, Denied."""
    webhook = _held(access, pk)
    tell(access, "webhook.delete", webhook, before=values_of(webhook, WEBHOOK))
    webhook.delete()


@transaction.atomic
def ping(access: Access, pk: int) -> Delivery:
    """Send it a test, now, whatever it is subscribed to. Raises NotFound, Denied, and Conflict if it is switched off."""
    webhook = _active(_held(access, pk))
    notice = Notice.objects.create(
        organization=access.organization,
        event=Event.PING,
        subject_kind=kind_of(webhook),
        subject_id=str(webhook.pk),
        subject_name=webhook.name,
        facts={"user": access.user.get_username()},
        routed_at=timezone.now(),
    )
    delivery = Delivery.objects.create(organization=access.organization, notice=notice, webhook=webhook)
    tell(access, "webhook.ping", webhook)
    return delivery


# --- What was delivered --------------------------------------------------------------------------------------------
def deliveries(access: Access, webhook: Webhook | None = None) -> QuerySet[Delivery]:
    """The newest first; of one webhook, or all with those by e-mail."""
    found = visible.deliveries(access).select_related("notice", "webhook").order_by("-pk")
    return found.filter(webhook=webhook) if webhook else found


@transaction.atomic
def resend(access: Access, delivery_id: int, webhook: Webhook | None = None) -> Delivery:
    """The same notice to the same receiver once more, as a delivery of its own. Raises NotFound, Denied, Conflict.

    `webhook`: whose delivery it must be; None takes any.
    """
    former = deliveries(access, webhook).select_for_update(of=("self",)).filter(pk=delivery_id).first()
    if former is None:
        raise NotFound("There is no such delivery.")
    if former.webhook:
        _active(former.webhook)
    again = Delivery.objects.filter(notice=former.notice, webhook=former.webhook, address=former.address)
    if again.filter(status=Delivery.Status.PENDING).exists():
        raise Conflict("It is on its way already. It is tried again by itself.")
    number = (again.aggregate(highest=Max("resent"))["highest"] or 0) + 1
    made = Delivery.objects.create(
        organization=former.organization, notice=former.notice, webhook=former.webhook, address=former.address, resent=number
    )
    tell(access, "delivery.resend", made, after={"notice": str(former.notice.uuid), "number": number})
    return made


# --- Mail addresses ------------------------------------------------------------------------------------------------
def mail_addresses(access: Access) -> QuerySet[MailAddress]:
    return visible.mail_addresses(access).order_by("address")


@transaction.atomic
def add_mail_address(access: Access, *, address: str, events: Collection[str]) -> MailAddress:
    """Raises Invalid, Conflict, Denied."""
    access.need(ADMINISTER)
    Organization.objects.select_for_update().get(pk=access.organization.pk)
    rows = visible.mail_addresses(access)
    if rows.count() >= PER_ORGANIZATION:
        raise Conflict(f"There are {PER_ORGANIZATION} addresses, and no more are possible. Remove one first.")
    address = address.strip()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid({"address": "address must be one for e-mail, such as team@company.example."}) from None
    if rows.filter(address__iexact=address).exists():
        raise Invalid({"address": f"address {address} is there already. Remove it first to change what it gets."})
    made = MailAddress.objects.create(
        organization=access.organization, address=address, events=_checked_events(events), created_by=access.user
    )
    tell(access, "mail-address.create", made, after=values_of(made, MAIL_ADDRESS))
    return made


@transaction.atomic
def remove_mail_address(access: Access, pk: int) -> str:
    """The address that was removed. Raises NotFound, Denied."""
    row = visible.mail_addresses(access).filter(pk=pk).first()
    if row is None:
        raise NotFound("There is no such address.")
    tell(access, "mail-address.delete", row, before=values_of(row, MAIL_ADDRESS))
    row.delete()
    return row.address


# --- Steps ---------------------------------------------------------------------------------------------------------
def _held(access: Access, pk: int) -> Webhook:
    webhook = visible.webhooks(access).select_for_update(of=("self",)).filter(pk=pk).first()
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


def _active(webhook: Webhook) -> Webhook:
    if not webhook.is_active:
        raise Conflict(f"The webhook {webhook.name} is switched off. Switch it on first.")
    return webhook


def _new_secret() -> str:
    """As Standard Webhooks writes them: 32 random bytes."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def _checked_name(access: Access, name: str, own: Webhook | None = None) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _HIGHEST_NAME or not name.isprintable():
        raise Invalid({"name": f"name must have 1 to {_HIGHEST_NAME} characters, without line breaks."})
    others = visible.webhooks(access).exclude(pk=own.pk) if own else visible.webhooks(access)
    if others.filter(name=name).exists():
        raise Invalid({"name": f"name {name} is taken by another webhook."})
    return name


def _checked_url(url: str) -> str:
    try:
        read_url(url.strip())
    except Refused as refused:
        raise Invalid({"url": str(refused)}) from None
    return url.strip()


def _checked_events(events: Collection[str]) -> list[str]:
    unknown = [str(event)[:60] for event in events if event not in EVENTS]
    if unknown or not events:
        there = ", ".join(EVENTS)
        raise Invalid({"events": f"events must name at least one of {there}{f'; there is no {unknown[0]}' if unknown else ''}."})
    return [event.value for event in EVENTS if event in events]
