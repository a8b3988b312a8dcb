"""The admin of signing in with a provider: here an administrator links a user who exists."""

from django.contrib import admin

from accounts.admin.base import SuperuserOnly
from accounts.models import Identity


@admin.register(Identity)
class IdentityAdmin(SuperuserOnly):
    """Links a user with who they are at the OpenID Connect provider; a first sign-in adds rows where the settings allow."""

    list_display = ("user", "issuer", "subject", "claims_at")
    search_fields = ("user__username", "subject")
    autocomplete_fields = ("user",)
    fields = ("user", "issuer", "subject", "organizations", "claims_at", "created_at")
    readonly_fields = ("organizations", "claims_at", "created_at")
