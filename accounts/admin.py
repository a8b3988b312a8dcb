"""The admin of the ground floor: organizations, their users, and the credentials that speak for them.

The admin crosses organizations, so it is for superusers only; `SuperuserOnly` holds that for every page here and in exports.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import AccessToken, ApiKey, Membership, Organization, User


class SuperuserOnly(ModelAdmin):  # type: ignore[misc]
    """Every page and action needs a superuser: the admin shows the rows of all organizations."""

    compressed_fields = True
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)


class ReadOnly(SuperuserOnly):
    """Rows that services write: the admin looks, and acts through their services only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(TabularInline):  # type: ignore[misc]
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
class UserAdmin(DjangoUserAdmin, SuperuserOnly):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, SuperuserOnly):
    pass


@admin.register(Membership)
class MembershipAdmin(SuperuserOnly):
    list_display = ("user", "organization", "joined_at")
    list_filter = ("organization",)
    search_fields = ("user__username", "organization__name")
    autocomplete_fields = ("user", "organization")
    filter_horizontal = ("roles",)


class CredentialAdmin(ReadOnly):
    list_display = ("prefix", "name", "user", "organization", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("organization",)
    search_fields = ("prefix", "name", "user__username")
    fields = ("prefix", "name", "user", "organization", "created_at", "expires_at", "revoked_at", "last_used_at")
    actions = ("revoke",)

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: "QuerySet[AccessToken] | QuerySet[ApiKey]") -> None:
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"Revoked: {count}.", messages.SUCCESS)


admin.site.register(AccessToken, CredentialAdmin)
admin.site.register(ApiKey, CredentialAdmin)
