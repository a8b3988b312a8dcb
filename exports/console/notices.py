"""Notifications: webhooks and mail addresses of the organization, and what became of what was sent to them. For Administrators."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.console.access import MemberRequest, member_page
from exports.console.notice_forms import AddressForm, WebhookForm
from exports.models import Delivery, Webhook
from exports.models.notice import Event
from exports.services import webhooks
from exports.services.errors import Conflict, NotFound
from exports.tasks import wake_delivery

PAGE, SHOWN = 50, 10


@dataclass
class WebhookEntry:
    """A webhook as a page shows it."""

    webhook: Webhook

    @property
    def state(self) -> str:
        return "active" if self.webhook.is_active else "inactive"

    @property
    def events(self) -> list[str]:
        return _event_words(self.webhook.events)


@dataclass
class DeliveryEntry:
    """A delivery as a page shows it."""

    delivery: Delivery

    @property
    def event(self) -> str:
        return _event_words([self.delivery.notice.event])[0]

    @property
    def is_waiting(self) -> bool:
        return self.delivery.status == Delivery.Status.PENDING

    @property
    def answer(self) -> str:
        """What the receiver said, or why it said nothing."""
        code = self.delivery.response_code
        return self.delivery.error or (f"{code}" if code else "")


def _event_words(events: list[str]) -> list[str]:
    labels = dict(Event.choices)
    return [labels.get(event, event) for event in events]


def _entries(deliveries: list[Delivery]) -> list[DeliveryEntry]:
    return [DeliveryEntry(delivery) for delivery in deliveries]


# --- The overview ----------------------------------------------------------------------------------------------------
@member_page()
def overview(request: MemberRequest) -> HttpResponse:
    return _overview(request, WebhookForm(request.access), AddressForm(request.access))


def _overview(request: MemberRequest, form: WebhookForm, address_form: AddressForm) -> HttpResponse:
    context = {
        "webhooks": [WebhookEntry(webhook) for webhook in webhooks.listing(request.access)],
        "addresses": [(row, _event_words(row.events)) for row in webhooks.mail_addresses(request.access)],
        "deliveries": _entries(list(webhooks.deliveries(request.access)[:SHOWN])),
        "form": form,
        "address_form": address_form,
    }
    return render(request, "console/notifications.html", context)


@member_page()
def delivery_list(request: MemberRequest) -> HttpResponse:
    page = Paginator(webhooks.deliveries(request.access), PAGE).get_page(request.GET.get("page"))
    return render(request, "console/deliveries.html", {"deliveries": _entries(list(page.object_list)), "page": page})


@member_page(["POST"])
def delivery_resend(request: MemberRequest, pk: int) -> HttpResponse:
    try:
        made = webhooks.resend(request.access, pk)
    except NotFound:
        raise Http404 from None
    except Conflict as error:
        messages.error(request, str(error))
        return redirect("console-notifications")
    wake_delivery()
    messages.success(request, "It is sent again in a moment.")
    return redirect("console-webhook", made.webhook_id) if made.webhook_id else redirect("console-deliveries")


# --- Webhooks --------------------------------------------------------------------------------------------------------
@never_cache
@member_page(["POST"])
def webhook_new(request: MemberRequest) -> HttpResponse:
    """The secret stands in this one answer, which no cache keeps. Sent again, it is refused: the name is taken."""
    form = WebhookForm(request.access, request.POST)
    made = form.create() if form.is_valid() else None
    if made is None:
        return _overview(request, form, AddressForm(request.access))
    return _secret(request, *made, is_new=True)


def _secret(request: MemberRequest, webhook: Webhook, secret: str, *, is_new: bool = False) -> HttpResponse:
    return render(request, "console/webhook_secret.html", {"webhook": webhook, "secret": secret, "is_new": is_new})


@member_page(["GET", "HEAD", "POST"])
def webhook_detail(request: MemberRequest, pk: int) -> HttpResponse:
    webhook = _webhook(request, pk)
    form = WebhookForm(request.access, request.POST if request.method == "POST" else None, webhook)
    if request.method == "POST" and form.is_valid() and form.update():
        messages.success(request, f"{webhook.name} is changed.")
        return redirect("console-webhook", pk)
    page = Paginator(webhooks.deliveries(request.access, webhook), PAGE).get_page(request.GET.get("page"))
    waits = webhook.previous_until is not None and webhook.previous_until > timezone.now()
    context = {"webhook": webhook, "form": form, "deliveries": _entries(list(page.object_list)), "page": page, "two_secrets": waits}
    return render(request, "console/webhook.html", context)


def _webhook(request: MemberRequest, pk: int) -> Webhook:
    try:
        return webhooks.find(request.access, pk)
    except NotFound:
        raise Http404 from None


@never_cache
@member_page(["POST"])
def webhook_act(request: MemberRequest, pk: int, action: str) -> HttpResponse:
    acts: dict[str, Callable[[MemberRequest, Webhook], HttpResponse]] = {"ping": _ping, "rotate": _rotate, "delete": _delete}
    webhook = _webhook(request, pk)
    if action not in acts:
        raise Http404
    return acts[action](request, webhook)


def _ping(request: MemberRequest, webhook: Webhook) -> HttpResponse:
    try:
        webhooks.ping(request.access, webhook.pk)
        wake_delivery()
        messages.success(request, "A test is on its way. Look at the deliveries in a moment.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("console-webhook", webhook.pk)


def _rotate(request: MemberRequest, webhook: Webhook) -> HttpResponse:
    return _secret(request, *webhooks.rotate(request.access, webhook.pk))


def _delete(request: MemberRequest, webhook: Webhook) -> HttpResponse:
    webhooks.delete(request.access, webhook.pk)
    messages.success(request, f"{webhook.name} is deleted, with the log of its deliveries.")
    return redirect("console-notifications")


# --- Mail addresses --------------------------------------------------------------------------------------------------
@member_page(["POST"])
def address_new(request: MemberRequest) -> HttpResponse:
    form = AddressForm(request.access, request.POST)
    made = form.create() if form.is_valid() else None
    if made is None:
        return _overview(request, WebhookForm(request.access), form)
    messages.success(request, f"{made.address} is told from now on.")
    return redirect("console-notifications")


@member_page(["POST"])
def address_remove(request: MemberRequest, pk: int) -> HttpResponse:
    try:
        address = webhooks.remove_mail_address(request.access, pk)
    except NotFound:
        raise Http404 from None
    messages.success(request, f"{address} is told nothing more.")
    return redirect("console-notifications")
