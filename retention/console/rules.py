"""Rules: the list, one rule, a new one, what it would do, and what it may do.

Nobody lets a rule remove more without the page that shows what would go: whatever asks for that leads there first.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.console.access import MemberRequest, member_page
from accounts.roles import ADMINISTER_RULES
from exports.services.errors import ServiceError
from retention.console.finding import found_or_404
from retention.console.forms import TermsForm
from retention.console.presentation import differences, purge_entries, purges_of, rule_entries, rules_of, totals
from retention.models import Rule
from retention.services import glance, previews, rules, seen

CONFIRMATION = "enforce"
"""What is typed to let a rule remove rows."""
SHOWN = 10


@member_page()
def rule_list(request: MemberRequest) -> HttpResponse:
    context = {"rules": rule_entries(request.access, rules_of(request.access)), "has_datasets": glance.datasets(request.access).exists()}
    return render(request, "console/retention/rules.html", context)


@member_page(["GET", "HEAD", "POST"])
def rule_new(request: MemberRequest) -> HttpResponse:
    request.access.need(ADMINISTER_RULES)
    form = TermsForm(request.access, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (rule := form.create()):
        messages.success(request, "The rule is created. It simulates: what would go is counted, and nothing goes.")
        return redirect("console-retention-rule", rule.pk)
    return render(request, "console/retention/rule_form.html", {"form": form, "has_datasets": glance.datasets(request.access).exists()})


@member_page()
def rule_detail(request: MemberRequest, pk: int) -> HttpResponse:
    rule = found_or_404(rules.find, request.access, pk)
    context = {
        "rule": rule,
        "entry": rule_entries(request.access, [rule])[0],
        "modes": [(mode.value, mode.label.partition(": ")[2]) for mode in Rule.Mode],
        "purges": purge_entries(purges_of(request.access).filter(rule=rule.pk)[:SHOWN]),
        "versions": rule.versions.select_related("author").order_by("-number")[:SHOWN],
    }
    return render(request, "console/retention/rule.html", context)


@member_page(["GET", "HEAD", "POST"])
def rule_change(request: MemberRequest, pk: int) -> HttpResponse:
    request.access.need(ADMINISTER_RULES)
    rule = found_or_404(rules.find, request.access, pk)
    form = TermsForm(request.access, request.POST if request.method == "POST" else None, rule)
    if request.method == "POST" and form.is_valid():
        try:
            return _change(request, rule, form.terms())
        except ServiceError as error:
            form.refuse(error)
    return render(request, "console/retention/rule_form.html", {"form": form, "rule": rule, "has_datasets": True})


@member_page(["POST"])
def rule_mode(request: MemberRequest, pk: int) -> HttpResponse:
    request.access.need(ADMINISTER_RULES)
    rule = found_or_404(rules.find, request.access, pk)
    return _try(request, rule, {"mode": request.POST.get("mode", "")})


@member_page(["POST"])
def rule_preview(request: MemberRequest, pk: int) -> HttpResponse:
    """Of the terms that are sent; without any, of those that the rule has."""
    rule = found_or_404(rules.find, request.access, pk)
    changes = _sent(request, rule)
    if changes is None:
        return redirect("console-retention-rule", pk)
    return _preview(request, rule, changes, exact=request.POST.get("exact") == "yes")


@member_page(["POST"])
def rule_apply(request: MemberRequest, pk: int) -> HttpResponse:
    """The terms whose preview was seen."""
    request.access.need(ADMINISTER_RULES)
    rule = found_or_404(rules.find, request.access, pk)
    changes = _sent(request, rule)
    if changes is None:
        return redirect("console-retention-rule", pk)
    after = seen.proposed(rule, changes)
    if after.mode == Rule.Mode.ENFORCE and request.POST.get("confirmation", "").strip().lower() != CONFIRMATION:
        messages.error(request, f"Nothing was changed: type “{CONFIRMATION}” to let the rule remove rows.")
        return _preview(request, rule, changes)
    return _try(request, rule, changes, was_shown=True)


@member_page(["GET", "HEAD", "POST"])
def rule_delete(request: MemberRequest, pk: int) -> HttpResponse:
    request.access.need(ADMINISTER_RULES)
    rule = found_or_404(rules.find, request.access, pk)
    if request.method != "POST":
        return render(request, "console/retention/rule_delete.html", {"rule": rule})
    rules.delete(request.access, rule.pk)
    messages.success(request, "The rule is deleted. What was purged under it stays on record.")
    return redirect("console-retention-rules")


@member_page()
def preview_detail(request: MemberRequest, pk: int) -> HttpResponse:
    """What somebody saw; the samples were not kept."""
    preview = found_or_404(previews.find, request.access, pk)
    return render(request, "console/retention/preview.html", {"preview": preview, "rule": preview.rule, "totals": totals(preview)})


# --- Steps ---------------------------------------------------------------------------------------------------------
def _sent(request: MemberRequest, rule: Rule) -> dict[str, Any] | None:
    """The terms that a preview's page sends back; {} if none are sent, None if they cannot be read: then a message says why."""
    if "data_type" not in request.POST:
        return {}
    form, mode = TermsForm(request.access, request.POST, rule), request.POST.get("mode", rule.mode)
    if form.is_valid() and mode in Rule.Mode.values:
        return {**form.terms(), "mode": mode}
    messages.error(request, "These terms cannot be read. Change the rule again.")
    return None


def _try(request: MemberRequest, rule: Rule, changes: Mapping[str, Any], *, was_shown: bool = False) -> HttpResponse:
    """Change it; what the service refuses becomes a message."""
    try:
        return _change(request, rule, changes, was_shown=was_shown)
    except ServiceError as error:
        messages.error(request, str(error))
        return redirect("console-retention-rule", rule.pk)


def _change(request: MemberRequest, rule: Rule, changes: Mapping[str, Any], *, was_shown: bool = False) -> HttpResponse:
    """Change it, or lead to what would go. Raises ServiceError."""
    after = seen.proposed(rule, changes)
    if not was_shown and seen.why_preview(rule.terms(), after.terms()):
        return _preview(request, rule, changes)
    changed = seen.change(request.access, rule.pk, changes)
    messages.success(request, _said(rule, changed))
    return redirect("console-retention-rule", rule.pk)


def _said(before: Rule, after: Rule) -> str:
    if before.mode != after.mode:
        return f"The rule is switched to {after.get_mode_display()}."
    return "The rule is changed." if before.version != after.version else "Nothing was different."


def _preview(request: MemberRequest, rule: Rule, changes: Mapping[str, Any], *, exact: bool = False) -> HttpResponse:
    """What would go under the changed terms, with samples, and the way to let it."""
    after = seen.proposed(rule, changes)
    preview = previews.preview(request.access, rule=after, exact=exact, children=exact)
    context = {
        "rule": rule,
        "after": after,
        "preview": preview,
        "totals": totals(preview),
        "differences": differences(rule, after),
        "why": seen.why_preview(rule.terms(), after.terms()),
        "confirmation": CONFIRMATION,
        "sent": after.terms(),
        "can_count": not exact,
    }
    return render(request, "console/retention/preview.html", context)
