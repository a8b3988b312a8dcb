"""What retention has done, to look at: days, retention jobs, dispositions, restores, previews."""

import json
from functools import partial

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import ReadOnly
from exports.admin import Look, tell_each
from retention.admin.base import access_in
from retention.models import Day, Disposition, Preview, Purge, Restore, RestoreBatch, RetentionJob
from retention.services import retention_jobs
from retention.tasks import wake


def readable(values: object) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True))


@admin.register(Day)
class DayAdmin(ReadOnly):
    list_display = ("day", "organization", "status", "slot", "created_at", "finished_at", "message")
    list_filter = ("organization", "status")
    list_select_related = ("organization",)
    ordering = ("-slot",)
    fields = (("organization", "day"), ("status", "slot"), "message", "said", ("created_at", "finished_at"))

    @admin.display(description="Summary")
    def said(self, day: Day) -> SafeString:
        return readable(day.summary)


class PurgeInline(Look):
    model = Purge
    ordering = ("pk",)
    fields = ("dataset", "status", "selected", "message")


@admin.register(RetentionJob)
class RetentionJobAdmin(ReadOnly):
    list_display = ("id", "kind", "organization", "owner", "status", "created_at", "started_at", "finished_at", "message")
    list_filter = ("organization", "kind", "status")
    list_select_related = ("organization", "owner")
    search_fields = ("id",)
    ordering = ("-created_at",)
    fields = ("id", ("organization", "owner"), ("kind", "status"), "asked", "message", "created_at", ("started_at", "finished_at"))
    inlines = (PurgeInline,)
    actions = ("cancel",)

    @admin.display(description="Criteria")
    def asked(self, job: RetentionJob) -> SafeString:
        return readable(job.criteria)

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: "QuerySet[RetentionJob]") -> None:
        tell_each(request, queryset, partial(_cancelled, request))
        wake()


def _cancelled(request: HttpRequest, job: RetentionJob) -> str:
    retention_jobs.cancel(access_in(request, job.organization), job)
    return "cancelled."


@admin.register(Disposition)
class DispositionAdmin(ReadOnly):
    list_display = ("number", "chain", "purge", "at", "hash")
    list_filter = ("chain__organization",)
    list_select_related = ("chain__organization", "purge__dataset")
    search_fields = ("hash",)
    ordering = ("-pk",)
    fields = (("chain", "number"), ("purge", "at"), "said", "previous", "hash")

    @admin.display(description="Facts")
    def said(self, disposition: Disposition) -> SafeString:
        return readable(disposition.facts)


class RestoreBatchInline(Look):
    model = RestoreBatch
    ordering = ("pk",)
    fields = ("file", "start", "stop", "status", "restored", "conflicts")
    show_change_link = False


@admin.register(Restore)
class RestoreAdmin(ReadOnly):
    list_display = ("id", "disposition", "organization", "user", "status", "created_at", "finished_at", "message")
    list_filter = ("organization", "status")
    list_select_related = ("disposition", "organization", "user")
    ordering = ("-pk",)
    fields = (
        ("organization", "disposition"),
        ("user", "status"),
        *("message", "traceback", "holds", "uploads", "uploads_removed_at", "restored", "conflicts"),
        ("created_at", "started_at", "finished_at"),
        ("token", "worker", "lease_until", "not_before", "attempts"),
    )
    inlines = (RestoreBatchInline,)


@admin.register(Preview)
class PreviewAdmin(ReadOnly):
    """What somebody has seen; made on a rule's page."""

    list_display = ("id", "rule", "organization", "user", "exact", "created_at")
    list_filter = ("organization", "exact")
    list_select_related = ("rule", "organization", "user")
    ordering = ("-pk",)
    fields = (("organization", "rule"), ("user", "created_at"), "exact", "asked", "showed")

    @admin.display(description="Terms")
    def asked(self, preview: Preview) -> SafeString:
        return readable(preview.terms)

    @admin.display(description="Figures")
    def showed(self, preview: Preview) -> SafeString:
        return readable(preview.figures)
