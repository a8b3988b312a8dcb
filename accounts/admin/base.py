"""What every page of the admin has in common: it is for superusers, and what they change is audited."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from unfold.admin import ModelAdmin

from accounts.admin.trail import everything, tell, telling


class SuperuserOnly(ModelAdmin):  # type: ignore[misc]  # published without types
    """Every page and action needs a superuser: the admin shows the rows of all organizations.

    Whatever is added, changed or deleted gets its audit entry here, in the same transaction. Actions of a page's own that change
    rows without a service are named in `audited_actions`.
    """

    compressed_fields = True
    list_per_page = 50
    audited_actions: tuple[str, ...] = ()

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

    # --- Audit: Django calls log_addition and log_change last, when related rows are saved too ---------------------------
    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST":
            row.audited = everything(row)
        return row

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """The rows beneath a page."""
        with telling(request, "update", [inner.instance for inner in formset.initial_forms]):
            super().save_formset(request, form, formset, change)
        for row in formset.new_objects:
            tell(request, "create", row, None, everything(row))

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        tell(request, "create", obj, None, everything(obj))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        tell(request, "update", obj, getattr(obj, "audited", None), everything(obj))
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        with telling(request, "delete", [obj]):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        with telling(request, "delete", list(queryset)):
            super().delete_queryset(request, queryset)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Model]) -> HttpResponseBase | None:
        name = request.POST.get("action", "")
        if name not in self.audited_actions:
            return super().response_action(request, queryset)  # type: ignore[no-any-return]  # untyped library
        chosen = queryset.filter(pk__in=request.POST.getlist("_selected_action"))
        with telling(request, name.replace("_", "-"), list(chosen)):
            return super().response_action(request, queryset)  # type: ignore[no-any-return]  # untyped library


class ReadOnly(SuperuserOnly):
    """Rows that services write: the admin looks, and acts through their services only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
