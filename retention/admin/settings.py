"""An organization's settings of retention. The key for restores goes in and never comes out."""

from typing import Any
from zoneinfo import available_timezones

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from accounts.admin import SuperuserOnly
from accounts.models import Organization
from retention.models import RetentionSettings

FIELDS = (
    *("organization", "timezone", "daily_at", "misfire", "window_start", "window_end", "most_rows", "most_percent"),
    *("batch_rows", "target_ms", "lock_timeout_ms", "pause_ms", "restore_key"),
)


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    timezone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(available_timezones())],
        initial="UTC",
        widget=UnfoldAdminSelectWidget,
        help_text="Of the hours below.",
    )
    restore_key = forms.CharField(
        required=False,
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"autocomplete": "off", "rows": 4}),
        help_text="Private key (PEM, without passphrase) of a certificate that files are sealed for. With it, rows come back without "
        "anybody uploading decrypted files; whoever has this database and its encryption keys can then open them too. "
        "Encrypted at rest and never shown again. Leave it empty to keep the one that is stored.",
    )
    forget_key = forms.BooleanField(label="Forget the stored key", required=False, widget=UnfoldBooleanSwitchWidget)

    class Meta:
        model = RetentionSettings
        fields = FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("restore_key", None)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        typed, forget = str(data.get("restore_key", "")).strip(), data.pop("forget_key", False)
        if typed and forget:
            self.add_error("forget_key", "Either a new key is kept, or the stored one is forgotten.")
        elif typed:
            self._check_key(typed, data.get("organization") or getattr(self.instance, "organization", None))
        self.instance.restore_key = data["restore_key"] = typed or ("" if forget else self.instance.restore_key)
        return data

    def _check_key(self, typed: str, organization: Organization | None) -> None:
        try:
            key = load_pem_private_key(typed.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            self.add_error("restore_key", "This is no private key in PEM without a passphrase. It begins with -----BEGIN PRIVATE KEY-----.")
            return
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if organization is not None and public not in _public_keys(organization):
            self.add_error("restore_key", "None of the organization's certificates belongs to this key, so no file is sealed for it.")


def _public_keys(organization: Organization) -> set[bytes]:
    parsed = (load_pem_x509_certificate(row.pem.encode()) for row in organization.certificates.all())
    return {certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for certificate in parsed}


@admin.register(RetentionSettings)
class RetentionSettingsAdmin(SuperuserOnly):
    """Without a row of its own, an organization has the defaults."""

    form = SettingsForm
    list_display = ("organization", "timezone", "daily_at", "window_start", "window_end", "most_rows", "most_percent", "keeps_key")
    list_select_related = ("organization",)
    search_fields = ("organization__name", "organization__key")
    fieldsets = (
        (None, {"fields": ("organization", "timezone")}),
        ("Daily run", {"fields": (("daily_at", "misfire"),)}),
        ("Window", {"fields": (("window_start", "window_end"),)}),
        ("Caps", {"fields": (("most_rows", "most_percent"),)}),
        ("Batches", {"fields": (("batch_rows", "target_ms"), ("lock_timeout_ms", "pause_ms"))}),
        ("Restore", {"fields": ("keeps_key", "restore_key", "forget_key")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("keeps_key",) if obj is None else ("organization", "keeps_key")

    @admin.display(description="Keeps a key", boolean=True)
    def keeps_key(self, settings: RetentionSettings) -> bool:
        return bool(settings.restore_key)
