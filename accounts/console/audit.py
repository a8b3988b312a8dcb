"""The audit trail of the organization, for Auditors and Administrators: a page with filters, and the same entries as CSV."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from accounts.console.access import MemberRequest, member_page
from accounts.models import AuditEntry
from accounts.models.audit import canonical
from accounts.roles import READ_AUDIT
from accounts.services.audit_reading import Filters, download, listing

PAGE = 50


class Moment(forms.CharField):
    """What `<input type="datetime-local">` sends, as UTC; also a date alone."""

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            found = parse_datetime(text) or parse_datetime(f"{text}T00:00")
        except ValueError:
            found = None
        if found is None:
            raise ValidationError("Write a date and a time, such as 2026-05-01T08:00.")
        return make_aware(found) if is_naive(found) else found


class FilterForm(forms.Form):
    actor = forms.CharField(required=False, max_length=200, label="Who", help_text="name of the user")
    action = forms.CharField(required=False, max_length=60, label="Action", help_text="job, job.delete, …")
    target = forms.CharField(required=False, max_length=250, label="Target", help_text="job, job:12, or its name")
    since = Moment(required=False, max_length=40, label="From (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    until = Moment(required=False, max_length=40, label="Before (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    address = forms.CharField(required=False, max_length=64, label="Address")
    correlation_id = forms.CharField(required=False, max_length=200, label="Correlation id")
    older_than = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def filters(self) -> Filters:
        return Filters(**{name: value for name, value in self.cleaned_data.items() if name != "older_than" and value})

    def query(self) -> str:
        """What was filled in, for links to the same entries."""
        return urlencode({name: self.data[name] for name in self.fields if name != "older_than" and self.data.get(name)})


@dataclass(frozen=True)
class Shown:
    """An entry, and its changes as (field, before, after)."""

    entry: AuditEntry
    changes: list[tuple[str, str, str]]


@member_page()
def audit(request: MemberRequest) -> HttpResponse:
    request.access.need(READ_AUDIT)
    form = FilterForm(request.GET)
    found = list(listing(request.access, form.filters(), older_than=form.cleaned_data["older_than"])[: PAGE + 1]) if form.is_valid() else []
    context = {
        "form": form,
        "entries": [Shown(entry, _changes(entry)) for entry in found[:PAGE]],
        "older": found[PAGE - 1].number if len(found) > PAGE else None,
        "query": form.query(),
    }
    return render(request, "console/audit.html", context, status=200 if form.is_valid() else 400)


@member_page()
def audit_csv(request: MemberRequest) -> HttpResponseBase:
    """All entries that the filters leave, whatever page is looked at."""
    request.access.need(READ_AUDIT)
    form = FilterForm(request.GET)
    if not form.is_valid():
        return refused(form)
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingHttpResponse(download(request.access, form.filters()), content_type="text/csv; charset=utf-8", headers=headers)


def refused(form: forms.Form) -> HttpResponse:
    """To a download whose filters cannot be read: which of them, and why."""
    sentences = " ".join(f"{field}: {' '.join(map(str, errors))}" for field, errors in form.errors.items())
    return HttpResponse(sentences, status=400, content_type="text/plain; charset=utf-8")


def _changes(entry: AuditEntry) -> list[tuple[str, str, str]]:
    before, after = entry.before or {}, entry.after or {}
    return [(name.replace("_", " "), _said(before, name), _said(after, name)) for name in sorted({*before, *after})]


def _said(values: dict[str, Any], name: str) -> str:
    """Text as it is, other values as JSON."""
    if name not in values:
        return "–"
    value = values[name]
    return value if isinstance(value, str) else canonical(value)
