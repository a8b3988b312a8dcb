"""The admin of OAuth 2: clients are registered here, and tokens revoked."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from oauth2_provider.generators import generate_client_secret

from accounts.admin.base import ReadOnly, SuperuserOnly
from accounts.models import AccessToken, Application, Grant, IDToken, RefreshToken

for model in (AccessToken, Application, Grant, IDToken, RefreshToken):
    admin.site.unregister(model)  # the toolkit's own pages, which are not for superusers only


class ApplicationForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """Only the grants that Strongroom has, in words."""

    GRANTS = (
        (Application.GRANT_AUTHORIZATION_CODE, "Sign-in form (authorization code)"),
        (Application.GRANT_CLIENT_CREDENTIALS, "Machine (client credentials)"),
        (Application.GRANT_PASSWORD, "Legacy: password grant only"),
    )

    authorization_grant_type = forms.ChoiceField(choices=GRANTS, label="How it gets tokens")


@admin.register(Application)
class ApplicationAdmin(SuperuserOnly):
    form = ApplicationForm
    view_on_site = False
    list_display = ("name", "client_id", "client_type", "authorization_grant_type", "organization", "allows_password_grant", "created")
    list_filter = ("organization", "client_type", "authorization_grant_type", "allows_password_grant")
    search_fields = ("name", "client_id")
    autocomplete_fields = ("organization", "user")
    readonly_fields = ("client_id", "created")
    actions = audited_actions = ("new_secret",)
    fields = (
        "name",
        "client_id",
        "client_type",
        "authorization_grant_type",
        "allows_password_grant",
        "organization",
        "user",
        "redirect_uris",
        "post_logout_redirect_uris",
        "allowed_origins",
        "skip_authorization",
        "created",
    )

    def save_model(self, request: HttpRequest, obj: Application, form: Any, change: bool) -> None:
        secret = "" if change else obj.client_secret
        super().save_model(request, obj, form, change)
        if secret and obj.client_type == Application.CLIENT_CONFIDENTIAL:
            self._show(request, obj, secret)

    @admin.action(description="New secret")
    def new_secret(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        for application in queryset.filter(client_type=Application.CLIENT_CONFIDENTIAL):
            application.client_secret = secret = generate_client_secret()
            application.save(update_fields=["client_secret", "updated"])
            self._show(request, application, secret)

    def _show(self, request: HttpRequest, application: Application, secret: str) -> None:
        self.message_user(request, f"Secret of {application}, shown this once: {secret}", messages.WARNING)


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnly):
    list_display = ("pk", "name", "user", "organization", "application", "created", "expires", "last_used_at")
    list_filter = ("organization", "application")
    search_fields = ("name", "user__username", "application__name")
    fields = ("name", "user", "organization", "application", "created", "expires", "last_used_at")
    actions = audited_actions = ("revoke",)

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        tokens = list(queryset)
        for token in tokens:
            token.end()
        self.message_user(request, f"Revoked: {len(tokens)}.", messages.SUCCESS)
