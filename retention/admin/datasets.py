"""Foreign keys in the admin: what refers to a dataset, on its page, and what becomes of those rows, as somebody decides it."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin import SuperuserOnly
from exports.admin import DatasetAdmin as RolesAdmin
from exports.models import Dataset
from exports.sources.base import SourceError
from retention.models import ForeignKeyPlan
from retention.services.references import Catalogue, Reference

CHOOSE = "Choose the dataset and save: its foreign keys are then offered here."


def referring(dataset: Dataset) -> list[Reference]:
    """Raises SourceError."""
    return Catalogue(dataset.source).referring(dataset)


def code(reference: Reference) -> str:
    """A foreign key as a form's choice."""
    return json.dumps([reference.schema, reference.table, list(reference.columns)])


def named(reference: Reference) -> str:
    """With its schema, if that is not the default one."""
    return f"{reference.schema}.{reference}" if reference.schema else str(reference)


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """The foreign key is one of those that the catalogue has."""

    prefix = "plan"  # unfold takes a field named `dataset` for one of its own
    foreign_key = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget, help_text=CHOOSE)

    class Meta:
        model = ForeignKeyPlan
        fields = ("dataset", "action")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("foreign_key")
        dataset = self._dataset()
        if field is not None and dataset is not None:
            self._offer(field, dataset)

    def _dataset(self) -> Dataset | None:
        chosen = str(self.data.get(self.add_prefix("dataset")) or self.initial.get("dataset") or "")
        return Dataset.objects.select_related("source").filter(pk=chosen).first() if chosen.isdecimal() and len(chosen) < 19 else None

    def _offer(self, field: forms.Field, dataset: Dataset) -> None:
        assert isinstance(field, forms.ChoiceField)
        try:
            found = referring(dataset)
        except SourceError as error:
            field.help_text = f"The catalogue of {dataset.source} cannot be read: {error}"
            return
        field.choices = [(code(reference), named(reference)) for reference in found]
        field.help_text = f"Rows of which table refer to those of {dataset}." if found else f"No table refers to {dataset}."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "foreign_key" not in self.fields or "foreign_key" in self.errors:
            return data
        if not data.get("foreign_key"):
            self.add_error("foreign_key", "Choose the foreign key that is meant.")
            return data
        self.instance.schema, self.instance.table, self.instance.columns = json.loads(data["foreign_key"])
        same = ForeignKeyPlan.objects.filter(dataset=data.get("dataset"), schema=self.instance.schema, table=self.instance.table)
        if any(plan.columns == self.instance.columns for plan in same):
            self.add_error("foreign_key", "There is a plan for this foreign key already.")
        return data


@admin.register(ForeignKeyPlan)
class ForeignKeyPlanAdmin(SuperuserOnly):
    form = PlanForm
    list_display = ("dataset", "schema", "table", "columns", "action")
    list_filter = ("dataset__source__organization", "dataset__source", "action")
    list_select_related = ("dataset",)
    search_fields = ("table", "dataset__name")
    autocomplete_fields = ("dataset",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("dataset", "foreign_key", "action") if obj is None else ("dataset", "schema", "table", "columns", "action")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("dataset", "schema", "table", "columns")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """One that is there keeps its foreign key."""
        made = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None:
            made.base_fields.pop("foreign_key", None)
        return made


# --- The dataset's page ----------------------------------------------------------------------------------------------
admin.site.unregister(Dataset)


@admin.register(Dataset)
class DatasetAdmin(RolesAdmin):
    """With the foreign keys that refer to it."""

    readonly_fields = ("foreign_keys",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*RolesAdmin.fieldsets, *([("When its rows are purged", {"fields": ("foreign_keys",)})] if obj else []))

    @admin.display(description="Rows that refer to it")
    def foreign_keys(self, dataset: Dataset) -> SafeString | str:
        try:
            found = referring(dataset)
        except SourceError as error:
            return f"The catalogue cannot be read: {error}"
        return format_html_join(
            "", "<div>{}: <strong>{}</strong> {}</div>", ((named(each), each.action, _plan(dataset, each)) for each in found)
        ) or ("No foreign key refers to this table.")


def _plan(dataset: Dataset, reference: Reference) -> SafeString:
    """A link to decide it."""
    query = urlencode({"dataset": str(dataset.pk), "foreign_key": code(reference)})
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}?{}">decide</a>', reverse("admin:retention_foreignkeyplan_add"), query
    )
