"""The admin of the ground floor: organizations, their users, and the credentials that speak for them.

The admin crosses organizations, so it is for superusers only; `SuperuserOnly` holds that for every page here and in exports.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.admin import audit, oauth, oidc
from accounts.admin.base import ReadOnly, SuperuserOnly
from accounts.models import ApiKey, Membership, Organization, User

__all__ = ["ReadOnly", "SuperuserOnly", "audit", "oauth", "oidc"]


class MembershipInline(TabularInline):  # type: ignore[misc]  # published without types
    model = Membership
    extra = 0
    autocomplete_fields = ("organization",)


@admin.register(Organization)
class OrganizationAdmin(SuperuserOnly):
    list_display = ("name", "key", "id", "created_at")
    search_fields = ("name", "key")
    readonly_fields = ("id", "created_at")
    fields = ("name", "key", "id", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # everything that it ever exported would go with it


@admin.register(User)
class UserAdmin(DjangoUserAdmin, SuperuserOnly):  # type: ignore[type-arg]  # no generic at run time
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 Django's signature
        with transaction.atomic():  # the new password and its audit entry
            return super().user_change_password(request, id, form_url)


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, SuperuserOnly):  # type: ignore[misc]  # published without types
    pass


@admin.register(Membership)
class MembershipAdmin(SuperuserOnly):
    list_display = ("user", "organization", "joined_at")
    list_filter = ("organization",)
    search_fields = ("user__username", "organization__name")
    autocomplete_fields = ("user", "organization")
    filter_horizontal = ("roles",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    list_display = ("prefix", "name", "user", "organization", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("organization",)
    search_fields = ("prefix", "name", "user__username")
    fields = ("prefix", "name", "user", "organization", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    actions = audited_actions = ("revoke",)

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"Revoked: {count}.", messages.SUCCESS)
