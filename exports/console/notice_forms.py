"""The forms of the notifications' pages."""

from typing import Any

from django import forms

from accounts.services.access import Access
from exports.console.forms import show
from exports.models import MailAddress, Webhook
from exports.services import webhooks
from exports.services.errors import Conflict, Invalid

_EVENTS = [(event.value, event.label.capitalize()) for event in webhooks.EVENTS]


def _events_field() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label="Told when",
        choices=_EVENTS,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one."},
    )


class WebhookForm(forms.Form):
    """A new webhook, or what becomes of `webhook`."""

    name = forms.CharField(max_length=100, help_text="Who listens there.")
    url = forms.CharField(
        label="URL",
        max_length=2000,
        widget=forms.URLInput,
        help_text="https://, to an address in the public internet. Redirects are not followed.",
    )
    events = _events_field()
    is_active = forms.BooleanField(label="Switched on", required=False)

    def __init__(self, access: Access, data: Any = None, webhook: Webhook | None = None) -> None:
        initial = {name: getattr(webhook, name) for name in ("name", "url", "events", "is_active")} if webhook else None
        super().__init__(data, label_suffix="", initial=initial, auto_id="webhook_%s")
        self.access, self.webhook = access, webhook
        if webhook is None:
            del self.fields["is_active"]

    def create(self) -> tuple[Webhook, str] | None:
        """The webhook and its secret, or None when the service refused: then the form says why."""
        try:
            return webhooks.create(self.access, **self.cleaned_data)
        except (Invalid, Conflict) as error:
            _refused(self, error)
        return None

    def update(self) -> Webhook | None:
        assert self.webhook is not None, "only a webhook that is there can be changed"
        try:
            return webhooks.update(self.access, self.webhook.pk, **self.cleaned_data)
        except (Invalid, Conflict) as error:
            _refused(self, error)
        return None


class AddressForm(forms.Form):
    address = forms.CharField(label="E-mail address", max_length=254, widget=forms.EmailInput, help_text="A team's, for example.")
    events = _events_field()

    def __init__(self, access: Access, data: Any = None) -> None:
        super().__init__(data, label_suffix="", auto_id="address_%s")
        self.access = access

    def create(self) -> MailAddress | None:
        try:
            return webhooks.add_mail_address(self.access, **self.cleaned_data)
        except (Invalid, Conflict) as error:
            _refused(self, error)
        return None


def _refused(form: forms.Form, error: Invalid | Conflict) -> None:
    if isinstance(error, Invalid):
        show(form, error, {})
    else:
        form.add_error(None, str(error))
