"""The admin of exports: sources and datasets are edited here; jobs, runs, files and certificates change through their services only."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminPasswordToggleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.admin import ReadOnly, SuperuserOnly
from accounts.admin.trail import everything, tell
from accounts.models import User
from accounts.services.access import Access, superuser_access
from exports.models import Certificate, Dataset, Delivery, File, Job, MailAddress, Notice, Part, Run, Source, Webhook
from exports.services import catalogue, jobs
from exports.services.errors import ServiceError
from exports.services.runs import cancel_run
from exports.sources.base import SourceError
from exports.sources.urls import parse
from exports.tasks import wake


class Look(TabularInline):  # type: ignore[misc]  # published without types
    """Rows beneath a page that can be seen, not changed."""

    extra = 0
    can_delete = False
    show_change_link = True
    per_page = 25

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


def tell_each(request: HttpRequest, rows: "QuerySet[Any]", act: Callable[[Any], str]) -> None:
    """Do `act` to every row; its sentence, or what the service refused, becomes a message."""
    for row in rows:
        try:
            messages.success(request, f"{row}: {act(row)}")
        except (ServiceError, SourceError) as error:
            messages.error(request, f"{row}: {error}")


# --- Sources and datasets --------------------------------------------------------------------------------------------


class SourceForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """The URL goes in and never comes out: the field starts empty, and left empty it keeps what is stored."""

    url = forms.CharField(
        label="Connection URL",
        required=False,
        max_length=2000,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "off"}),
        help_text="For example postgresql://user:password@host/database. Encrypted at rest and never shown again. Leave it empty to keep the one that is stored.",
    )

    class Meta:
        model = Source
        fields = ("organization", "name", "key", "kind", "url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("url", None)

    def clean_url(self) -> str:
        typed = str(self.cleaned_data["url"]).strip()
        if not typed and self.instance.pk:
            return str(self.instance.url)
        try:
            parse(typed)
        except SourceError as error:
            raise forms.ValidationError(str(error)) from None
        return typed


class DatasetInline(Look):
    model = Dataset
    ordering = ("name",)
    fields = ("name", "schema", "table", "key_columns", "timestamp_column", "subtype_column", "is_attachment")


@admin.register(Source)
class SourceAdmin(SuperuserOnly):
    form = SourceForm
    list_display = ("name", "key", "organization", "kind", "address", "created_at")
    list_filter = ("organization", "kind")
    search_fields = ("name", "key")
    readonly_fields = ("address", "created_at")
    fields = ("organization", "name", "key", "kind", "address", "url", "created_at")
    inlines = (DatasetInline,)
    actions = ("test_connection", "discover_datasets")
    actions_submit_line = ("save_and_test", "save_and_discover")

    @admin.action(description="Test connection")
    def test_connection(self, request: HttpRequest, queryset: "QuerySet[Source]") -> None:
        tell_each(request, queryset, _test)

    @admin.action(description="Discover datasets")
    def discover_datasets(self, request: HttpRequest, queryset: "QuerySet[Source]") -> None:
        tell_each(request, queryset, partial(_discover, request))

    @action(description="Save and test connection")  # type: ignore[untyped-decorator]  # untyped library
    def save_and_test(self, request: HttpRequest, obj: Source) -> None:
        tell_each(request, Source.objects.filter(pk=obj.pk), _test)

    @action(description="Save and discover datasets")  # type: ignore[untyped-decorator]  # untyped library
    def save_and_discover(self, request: HttpRequest, obj: Source) -> None:
        tell_each(request, Source.objects.filter(pk=obj.pk), partial(_discover, request))


def _test(source: Source) -> str:
    wrong = catalogue.test_connection(source)
    if wrong:
        raise SourceError(wrong)
    return "the connection works."


def _discover(request: HttpRequest, source: Source) -> str:
    """Keep what is new; datasets that are there already stay as somebody edited them."""
    known = {dataset.name: dataset for dataset in source.datasets.all()}
    new = [dataset for dataset in catalogue.discover(source) if dataset.name not in known]
    with transaction.atomic():
        for dataset in new:  # parents come before their children
            dataset.parent = known.get(dataset.parent.name, dataset.parent) if dataset.parent else None
            dataset.save()
        for dataset in new:
            tell(request, "create", dataset, None, everything(dataset))
    return f"{len(new)} new datasets, {len(known) + len(new)} in all. Check their roles before the first export."


@admin.register(Dataset)
class DatasetAdmin(SuperuserOnly):
    list_display = ("name", "source", "table", "timestamp_column", "subtype_column", "parent", "is_attachment")
    list_filter = ("source__organization", "source", "is_attachment")
    list_select_related = ("source", "parent")
    search_fields = ("name", "table", "source__name")
    autocomplete_fields = ("source", "parent")
    fieldsets = (
        (None, {"fields": ("source", "name", "schema", "table")}),
        (
            "Roles",
            {
                "fields": (
                    "key_columns",
                    "timestamp_column",
                    "modified_column",
                    "subtype_column",
                    "subtypes",
                    "source_column",
                    "document_column",
                )
            },
        ),
        ("What is exported", {"fields": ("columns", "keep_column", "keep_values")}),
        ("Belongs to", {"fields": ("parent", "parent_columns", "is_attachment")}),
    )


# --- Certificates ----------------------------------------------------------------------------------------------------


@admin.register(Certificate)
class CertificateAdmin(ReadOnly):
    list_display = ("name", "organization", "profile", "key", "not_after", "proven_at", "is_active", "is_primary")
    list_filter = ("organization", "profile", "is_active")
    search_fields = ("name", "subject", "fingerprint")
    fields = (
        ("organization", "name"),
        ("profile", "key_kind", "key_bits"),
        ("is_active", "is_primary"),
        "subject",
        "fingerprint",
        ("not_before", "not_after"),
        ("uploaded_by", "created_at", "proven_at"),
        "pem",
    )


# --- Notices ---------------------------------------------------------------------------------------------------------


@admin.register(Webhook)
class WebhookAdmin(ReadOnly):
    """Without its URL, which may hold a token, and without its secrets."""

    list_display = ("name", "organization", "receiver", "is_active", "created_at")
    list_filter = ("organization", "is_active")
    search_fields = ("name",)
    fields = ("organization", "name", "receiver", "events", "is_active", ("created_by", "created_at"), "previous_until")
    readonly_fields = ("receiver",)


@admin.register(MailAddress)
class MailAddressAdmin(ReadOnly):
    list_display = ("address", "organization", "events", "created_by")
    list_filter = ("organization",)
    search_fields = ("address",)
    fields = ("organization", "address", "events", ("created_by", "created_at"))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("notice", "webhook", "address", "status", "token", "response_code", "attempted_at", "error")
    list_filter = ("organization", "status", "notice__event")
    list_select_related = ("notice", "webhook")
    search_fields = ("address", "notice__subject_name")
    fields = (
        ("organization", "notice"),
        ("webhook", "address", "resent"),
        ("status", "response_code"),
        ("response_text", "error"),
        ("created_at", "attempted_at", "finished_at"),
        ("token", "worker", "lease_until", "not_before"),
    )


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    list_display = ("event", "subject_name", "organization", "created_at", "routed_at")
    list_filter = ("organization", "event")
    search_fields = ("subject_name", "uuid")
    fields = (
        ("organization", "event"),
        ("subject_kind", "subject_id", "subject_name"),
        ("owner", "once"),
        "facts",
        ("uuid", "created_at", "routed_at"),
    )


# --- Jobs and runs ---------------------------------------------------------------------------------------------------


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = (
        "title",
        "organization",
        "dataset",
        "schedule_type",
        "misfire",
        "next_slot",
        "suspended",
        "failures",
        "cancelled_at",
        "deleted_at",
    )
    list_filter = ("organization", "suspended", "misfire")
    list_select_related = ("organization", "dataset")
    search_fields = ("title",)
    actions = ("run_now", "suspend", "resume", "cancel")

    @admin.action(description="Run now")
    def run_now(self, request: HttpRequest, queryset: "QuerySet[Job]") -> None:
        tell_each(request, queryset, _said(request, jobs.run_now, "started."))
        wake()

    @admin.action(description="Suspend")
    def suspend(self, request: HttpRequest, queryset: "QuerySet[Job]") -> None:
        tell_each(request, queryset, _said(request, jobs.suspend_job, "suspended."))

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: "QuerySet[Job]") -> None:
        tell_each(request, queryset, _said(request, jobs.resume_job, "resumed."))
        wake()

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: "QuerySet[Job]") -> None:
        tell_each(request, queryset, _said(request, jobs.cancel_job, "cancelled."))


class PartInline(Look):
    model = Part
    ordering = ("dataset__name", "number")
    fields = ("number", "dataset", "status", "rows_done", "token", "worker", "lease_until")
    show_change_link = False


class FileInline(Look):
    model = File
    ordering = ("name",)
    fields = ("name", "rows", "size", "sha256", "expires_at", "deleted_at")
    show_change_link = False


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "job", "organization", "status", "slot", "rows_total", "started_at", "finished_at", "message")
    list_filter = ("organization", "status")
    list_select_related = ("job", "organization")
    search_fields = ("job__title", "correlation_id")
    fieldsets = (
        (None, {"fields": (("job", "organization"), ("status", "rows_total"), "message", "traceback", "correlation_id")}),
        (
            "When",
            {"fields": (("slot", "cutoff"), ("first_slot", "slot_count"), ("created_at", "planned_at"), ("started_at", "finished_at"))},
        ),
        ("Claim", {"fields": (("token", "worker"), ("lease_until", "not_before"))}),
        ("What it wrote", {"fields": ("recipients", "snapshot", "manifest_key", "manifest_sha256", "collected_at")}),
    )
    inlines = (PartInline, FileInline)
    actions = ("cancel",)

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: "QuerySet[Run]") -> None:
        tell_each(request, queryset, _said(request, cancel_run, "cancelled."))


def _said(request: HttpRequest, act: Callable[[Access, Any], object], sentence: str) -> Callable[[Any], str]:
    def acted(row: Any) -> str:
        assert isinstance(request.user, User)
        act(superuser_access(request.user, row.organization), row)
        return sentence

    return acted


# --- django-celery-beat in the same clothes --------------------------------------------------------------------------


class TaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):  # type: ignore[misc]  # published without types
    pass


class PeriodicTaskForm(beat.PeriodicTaskForm):  # type: ignore[misc]  # published without types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


for scheduled in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(scheduled)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, SuperuserOnly):  # type: ignore[misc]  # published without types
    """The rows named `job-…` belong to jobs and are rewritten whenever their job changes."""

    form = PeriodicTaskForm
    change_form_template = None
    list_filter = ("enabled", "one_off", "task")
    audited_actions = ("enable_tasks", "disable_tasks", "toggle_tasks")


class ScheduleTasks(Look):
    model = PeriodicTask
    ordering = ("name",)
    fields = ("name", "task", "enabled")


@admin.register(IntervalSchedule, ClockedSchedule, SolarSchedule)
class ScheduleAdmin(SuperuserOnly):
    inlines = (ScheduleTasks,)


@admin.register(CrontabSchedule)
class CrontabAdmin(SuperuserOnly):
    list_display = ("__str__", "human_readable")
    readonly_fields = ("human_readable",)
    fields = ("human_readable", "minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone")
    inlines = (ScheduleTasks,)
