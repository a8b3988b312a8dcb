"""Legal holds in the admin: placed and released through their service."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from retention.admin.base import ServiceForm, ThroughServices, access_in
from retention.models import Hold
from retention.services import holds
from retention.services.words import hold_words

PLACED = (
    *(("organization", "dataset"), "matter", "reason", "criteria", "keys", "origin", ("starts_at", "ends_at")),
    *(("placed_by", "placed_at"), "in_force_at"),
)


class PlaceForm(ServiceForm):
    prefix = "hold"  # unfold takes a field named `dataset` for one of its own
    NAMES = {"startsAt": "starts_at", "endsAt": "ends_at"}

    class Meta:
        model = Hold
        fields = ("dataset", "matter", "reason", "criteria", "keys", "starts_at", "ends_at")

    def act(self) -> Hold:
        data = dict(self.cleaned_data)
        dataset = data.pop("dataset")
        hold = holds.place(access_in(self.request, dataset.source.organization), dataset, **data)
        self.request.placed = hold  # type: ignore[attr-defined]  # what is said once it is in force, or not
        return hold


class ReleaseForm(ServiceForm):
    NAMES = {"reason": "release_reason"}
    release_reason = forms.CharField(
        label="Release because",
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Saving releases the hold: what it covers may go, unless another hold covers it.",
    )

    class Meta:
        model = Hold
        fields = ("release_reason",)

    def act(self) -> Hold:
        return holds.release(access_in(self.request, self.instance.organization), self.instance, self.cleaned_data["release_reason"])


@admin.register(Hold)
class HoldAdmin(ThroughServices):
    list_display = ("matter", "dataset", "organization", "origin", "starts_at", "ends_at", "in_force_at", "placed_by", "released_at")
    list_filter = ("organization", "origin", ("released_at", admin.EmptyFieldListFilter))
    list_select_related = ("dataset", "organization", "placed_by")
    search_fields = ("matter", "reason", "dataset__name")
    autocomplete_fields = ("dataset",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change=change, **{**kwargs, "form": ReleaseForm if obj else PlaceForm})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            note = "Criteria are an OData filter; keys are JSON, a list for each row. Without either, the hold covers every row."
            return (
                (None, {"fields": ("dataset", "matter", "reason")}),
                ("Scope", {"fields": PlaceForm.Meta.fields[3:], "description": note}),
            )
        released = ("release_reason", ("released_by", "released_at")) if obj.released_at else ("release_reason",)
        return ((None, {"fields": PLACED}), ("Release", {"fields": released}))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        flat = (name for group in PLACED for name in ((group,) if isinstance(group, str) else group))
        return () if obj is None else (*flat, "released_by", "released_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.released_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # that it stood is part of the record

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Once the transaction is over, it is known whether the hold is in force."""
        answer = super().changeform_view(request, *args, **kwargs)
        if (placed := getattr(request, "placed", None)) is not None:
            placed.refresh_from_db()
            say = messages.success if placed.in_force_at else messages.warning
            say(request, f"{placed}: {hold_words(placed, timezone.now())}")
        return answer
