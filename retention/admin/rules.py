"""Rules in the admin. A new one simulates; none is switched to enforce, or made to match more, before its preview was seen."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from exports.admin import Look
from exports.services.trail import tell
from retention.admin.base import ServiceForm, ThroughServices, access_in
from retention.models import Preview, Rule, RuleVersion
from retention.models.rule import TERMS
from retention.services import previews, rules, seen

NEW = "It starts at simulate: what would go is counted, and nothing goes. Preview it, then switch it to enforce."


class RuleForm(ServiceForm):
    NAMES = {label: name for name, label in rules.NAMES.items()}

    class Meta:
        model = Rule
        fields = ("organization", *TERMS, "editable")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in rules.TEXTS:  # a field that is left empty matches all
            data[name] = data.get(name) or "*"
        return data

    def terms(self) -> dict[str, Any]:
        """What was typed; what the form does not ask is as it was."""
        return {name: self.cleaned_data.get(name, getattr(self.instance, name)) for name in TERMS}

    def act(self) -> Rule:
        terms = self.terms()
        if self.instance.pk:
            access = access_in(self.request, self.instance.organization)
            rule = seen.change(access, self.instance.pk, terms)
        else:
            access = access_in(self.request, self.cleaned_data["organization"])
            rule = rules.create(access, **{**terms, "mode": Rule.Mode.SIMULATE.value})
        if rule.editable != (editable := self.cleaned_data["editable"]):
            Rule.objects.filter(pk=rule.pk).update(editable=editable)
            tell(access, "rule.update", rule, before={"editable": rule.editable}, after={"editable": editable})
            rule.editable = editable
        return rule


class PreviewTerms(RuleForm):
    """The same fields, of which a preview is made; the rule stays as it is."""

    preview: Preview

    def act(self) -> Rule:
        access, exact = access_in(self.request, self.instance.organization), self.data.get("exact") == "yes"
        rule: Rule = self.instance
        self.preview = previews.preview(access, rule=seen.proposed(rule, self.terms()), exact=exact, children=exact)
        return rule


class VersionInline(Look):
    model = RuleVersion
    ordering = ("-number",)
    fields = ("number", "terms", "author", "created_at")
    show_change_link = False


class PreviewInline(Look):
    model = Preview
    ordering = ("-pk",)
    fields = ("created_at", "user", "exact", "terms")


@admin.register(Rule)
class RuleAdmin(ThroughServices):
    form = RuleForm
    list_display = ("__str__", "organization", "mode", "archive", "version", "author", "asks", "changed_at", "deleted_at")
    list_filter = ("organization", "mode", "archive", ("deleted_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization", "author")
    search_fields = ("data_type", "type", "source", "fragment_type")
    inlines = (PreviewInline, VersionInline)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        matches = ("What it matches", {"fields": ("data_type", "fragment_type", "type", "source", "maximum_age")})
        if obj is None:
            becomes = {"fields": ("archive", "editable"), "description": NEW}
            return (None, {"fields": ("organization",)}), matches, ("What becomes of it", becomes)
        head = {"fields": (("organization", "version"), ("author", "changed_at"), "asks")}
        becomes = {"fields": ("mode", "archive", "editable"), "description": render_to_string("admin/retention/preview_first.html")}
        return (None, head), matches, ("What becomes of it", becomes)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("organization", "version", "author", "changed_at", "asks")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return () if obj is None else self.inlines

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in rules.TEXTS and field is not None:
            field.required = False
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.deleted_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    # --- Deleting: its versions, and what was purged under it, stay -----------------------------------------------------
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        found = [str(rule) for rule in objs]
        return found, {"rules": len(found)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        assert isinstance(obj, Rule), "the page is of rules"
        rules.delete(access_in(request, obj.organization), obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        for rule in queryset.filter(deleted_at=None):
            self.delete_model(request, rule)

    # --- Preview ---------------------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.admin_site.admin_view(self.preview_view))
        return [path("<path:object_id>/preview/", view, name="retention_rule_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the terms that were typed would remove; from there they are saved."""
        rule = self.get_object(request, unquote(object_id))
        if not self.has_change_permission(request, rule):
            raise PermissionDenied
        if rule is None:
            return HttpResponseRedirect(reverse("admin:retention_rule_changelist"))
        form = self.get_form(request, rule, change=True, form=PreviewTerms)(request.POST, instance=rule)
        if not form.is_valid():
            for sentence in (sentence for sentences in form.errors.values() for sentence in sentences):
                messages.error(request, sentence)
            return HttpResponseRedirect(reverse("admin:retention_rule_change", args=[rule.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"What would go: {rule}",
            "rule": rule,
            "preview": form.preview,
            "inlines": [inline.get_formset(request).get_default_prefix() for inline in self.get_inline_instances(request, rule)],
            "typed": [(name, value) for name, value in request.POST.items() if name in form.fields],
        }
        return TemplateResponse(request, "admin/retention/preview.html", context)
