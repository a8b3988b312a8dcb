"""The ledger: what went, under what, approved by whom; with filters, as CSV, each with its certificate, and whether the chain is whole."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render

from accounts.console.access import MemberRequest, member_page
from accounts.console.audit import Moment, refused
from accounts.roles import ADMINISTER_RULES, READ_RULES
from exports.services.errors import Conflict, ServiceError
from retention.console.finding import found_or_404
from retention.models import Disposition, Restore
from retention.services import certificates, dispositions, glance, restores
from retention.tasks import wake

PAGE = 50


class FilterForm(forms.Form):
    dataset = forms.TypedChoiceField(required=False, label="Dataset", coerce=int, empty_value=None)
    rule = forms.IntegerField(required=False, min_value=1, max_value=2**62, label="Rule")
    since = Moment(required=False, max_length=40, label="From (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    until = Moment(required=False, max_length=40, label="Before (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))

    def __init__(self, data: Any, choices: list[tuple[str, str]]) -> None:
        super().__init__(data, label_suffix="")
        field = self.fields["dataset"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "all"), *choices]

    def filters(self) -> dispositions.Filters:
        return dispositions.Filters(**self.cleaned_data)

    def query(self) -> str:
        """What was filled in, for links to the same entries."""
        return urlencode({name: self.data[name] for name in self.fields if self.data.get(name)})


@member_page()
def ledger(request: MemberRequest) -> HttpResponse:
    form = _form(request)
    found = dispositions.listing(request.access, form.filters()) if form.is_valid() else dispositions.listing(request.access).none()
    page = Paginator(found.select_related("purge__dataset__source", "purge__rule", "purge__job"), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "entries": page.object_list,
        "page": page,
        "query": form.query(),
        "filter": f"{form.query()}&" if form.query() else "",
    }
    return render(request, "console/retention/dispositions.html", context, status=200 if form.is_valid() else 400)


def _form(request: MemberRequest) -> FilterForm:
    datasets = dispositions.listing(request.access).values_list("purge__dataset", "purge__dataset__name")
    return FilterForm(request.GET, [(str(pk), name) for pk, name in datasets.order_by("purge__dataset__name").distinct()])


@member_page()
def ledger_csv(request: MemberRequest) -> HttpResponseBase:
    """All entries that the filters leave, the newest first, whatever page is looked at."""
    form = _form(request)
    if not form.is_valid():
        return refused(form)
    headers = {"Content-Disposition": 'attachment; filename="dispositions.csv"'}
    lines = dispositions.download(request.access, form.filters())
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@member_page()
def ledger_verify(request: MemberRequest) -> HttpResponse:
    """Whether every entry is there and as it was written: a piece of a page."""
    return render(request, "console/retention/chain.html", {"chain": glance.verified_chain(request.access)})


@member_page()
def disposition_detail(request: MemberRequest, number: int) -> HttpResponse:
    entry = found_or_404(dispositions.find, request.access, number)
    context = {
        "entry": entry,
        "facts": dispositions.view(entry),
        "restores": _restores(request, entry) if request.access.may(READ_RULES) else [],
    }
    return render(request, "console/retention/disposition.html", context)


def _restores(request: MemberRequest, entry: Disposition) -> list[Restore]:
    return [restores.with_figures(restore) for restore in restores.listing(request.access).filter(disposition=entry.pk)]


@member_page(["GET", "HEAD", "POST"])
def disposition_restore(request: MemberRequest, number: int) -> HttpResponse:
    """What would come back; and the decrypted parts, if the organization keeps no key."""
    request.access.need(ADMINISTER_RULES)
    entry = found_or_404(dispositions.find, request.access, number)
    if request.method == "POST":
        return _asked_for(request, entry)
    try:
        context: dict[str, Any] = {"preview": restores.preview(request.access, number)}
    except Conflict as error:
        context = {"error": str(error)}
    return render(request, "console/retention/restore.html", {**context, "entry": entry, "facts": entry.facts})


def _asked_for(request: MemberRequest, entry: Disposition) -> HttpResponse:
    try:
        restores.request_restore(request.access, entry, request.FILES.getlist("parts"))
    except ServiceError as error:
        messages.error(request, str(error))
        return redirect("console-retention-restore", entry.number)
    wake()
    messages.success(request, "The rows come back in a moment. A hold keeps them from the next purges for 30 days.")
    return redirect("console-retention-disposition", entry.number)


@member_page()
def certificate(request: MemberRequest, number: int) -> HttpResponse:
    """The certificate of one disposition, to be kept: a page that needs nothing else."""
    entry = found_or_404(dispositions.find, request.access, number)
    headers = {"Content-Disposition": f'attachment; filename="{certificates.file_name(entry, "html")}"'}
    return HttpResponse(certificates.as_html(entry), headers=headers)


@member_page()
def certificate_json(request: MemberRequest, number: int) -> HttpResponse:
    entry = found_or_404(dispositions.find, request.access, number)
    headers = {"Content-Disposition": f'attachment; filename="{certificates.file_name(entry, "json")}"'}
    return JsonResponse(certificates.as_json(entry), headers=headers, json_dumps_params={"indent": 2, "ensure_ascii": False})
