"""The audit trail of all organizations, to look at."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnly
from accounts.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ("at", "chain", "number", "actor", "action", "target_kind", "target_label", "address")
    list_display_links = ("at", "number")
    list_filter = ("chain__organization", "target_kind")
    list_select_related = ("chain__organization",)
    search_fields = ("actor", "action", "target_label", "target_id", "address", "correlation_id")
    search_help_text = "Actor, action, target, address or correlation id"
    date_hierarchy = "at"
    ordering = ("-pk",)
    show_full_result_count = False  # a trail is long
    fieldsets = (
        (None, {"fields": (("at", "chain", "number"), ("actor", "actor_id"), "action", ("target_kind", "target_id", "target_label"))}),
        ("What changed", {"fields": ("was", "became")}),
        ("Request", {"fields": (("address", "correlation_id"),)}),
        ("Chain", {"fields": ("previous", "hash")}),
    )

    @admin.display(description="Before")
    def was(self, entry: AuditEntry) -> SafeString:
        return _readable(entry.before)

    @admin.display(description="After")
    def became(self, entry: AuditEntry) -> SafeString:
        return _readable(entry.after)


def _readable(values: object) -> SafeString:
    return format_html("<pre>{}</pre>", "–" if values is None else json.dumps(values, indent=2, ensure_ascii=False))
