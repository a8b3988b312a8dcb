"""Purges and what they are made of, to look at; approved and cancelled through their service."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin import ReadOnly
from exports.admin import Look, tell_each
from retention.admin.base import access_in
from retention.models import Batch, KeyChunk, Purge
from retention.services import purges
from retention.tasks import wake


class BatchInline(Look):
    model = Batch
    ordering = ("start",)
    fields = ("start", "stop", "status", "deleted", "children", "kept", "locked_ms", "began_at", "ended_at")
    show_change_link = False


class ChunkInline(Look):
    model = KeyChunk
    ordering = ("dataset", "number")
    fields = ("dataset", "number", "rows", "sha256")
    show_change_link = False


@admin.register(Purge)
class PurgeAdmin(ReadOnly):
    list_display = ("id", "dataset", "rule", "job", "organization", "status", "slot", "selected", "asks_because", "approved_by", "message")
    list_filter = ("organization", "status", "archive", "extract_only")
    list_select_related = ("dataset", "rule", "job", "organization", "approved_by")
    search_fields = ("dataset__name", "key_set_sha256")
    ordering = ("-pk",)
    fieldsets = (
        (
            None,
            {"fields": (("organization", "dataset"), ("rule", "rule_version", "job"), ("status", "archive", "extract_only"), "message")},
        ),
        ("What goes", {"fields": ("terms", "plan", ("selected", "dataset_rows"), "kept", "key_set_sha256", "run")}),
        ("Approval", {"fields": ("asks_because", ("approved_by", "approved_at"), "approved_key_set", "cancelled_by")}),
        ("When", {"fields": (("slot", "created_at"), ("started_at", "finished_at"))}),
        ("Claim", {"fields": (("token", "worker"), ("lease_until", "not_before"), ("batch_rows", "attempts"), "traceback")}),
    )
    inlines = (BatchInline, ChunkInline)
    actions = ("approve", "cancel")

    @admin.action(description="Approve…")
    def approve(self, request: HttpRequest, queryset: "QuerySet[Purge]") -> HttpResponse | None:
        """Asks first, and shows what would go: an approval is of the key set that was seen."""
        seen = {name.removeprefix("seen_"): str(value) for name, value in request.POST.items() if name.startswith("seen_")}
        if seen:
            tell_each(request, queryset, partial(self._approved, request, seen))
            wake()
            return None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Approve these purges?",
            "purges": queryset.select_related("dataset", "rule", "job", "organization"),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/retention/approve.html", context)

    def _approved(self, request: HttpRequest, seen: dict[str, str], purge: Purge) -> str:
        purges.approve(access_in(request, purge.organization), purge, seen.get(str(purge.pk), ""))
        return "approved."

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: "QuerySet[Purge]") -> None:
        tell_each(request, queryset, partial(_cancelled, request))
        wake()


def _cancelled(request: HttpRequest, purge: Purge) -> str:
    purges.cancel(access_in(request, purge.organization), purge)
    return "cancelled."


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    list_display = ("purge", "start", "stop", "status", "deleted", "locked_ms", "began_at", "ended_at")
    list_filter = ("status", "purge__organization")
    list_select_related = ("purge__dataset",)
    search_fields = ("=purge__id",)
    ordering = ("-pk",)
    show_full_result_count = False  # one for every few thousand rows that ever went
    fields: Any = ("purge", ("start", "stop"), ("status", "token"), ("deleted", "locked_ms"), "children", "kept", ("began_at", "ended_at"))
