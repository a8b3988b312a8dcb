"""What people must have seen before they let a rule remove more: a preview of exactly its terms.

The admin and the console change rules through here; the rules' own API does not, as its document knows no previews (the caps guard it).
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

from accounts.services.access import Access
from exports.services.errors import Conflict
from retention.models import Rule
from retention.services import previews, rules


class Unseen(Conflict):
    """No preview of these terms was seen. The text says why one is needed."""


def proposed(rule: Rule, changes: Mapping[str, Any]) -> Rule:
    """The rule as it would be; it is not saved."""
    made = copy(rule)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def why_preview(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Why a preview must be seen before a rule's terms are changed so, as a sentence; empty if none must."""
    enforces = after["mode"] == Rule.Mode.ENFORCE
    if enforces and before["mode"] != Rule.Mode.ENFORCE:
        return "A rule that enforces removes rows."
    if rules.is_shortened(before, after):
        return "The rule would match rows that it does not match now."
    if enforces and before["archive"] and not after["archive"]:
        return "Rows would go without being extracted first."
    return ""


def change(access: Access, rule_id: int, changes: Mapping[str, Any]) -> Rule:
    """As rules.change. Raises Unseen too."""
    rule = rules.find(access, rule_id)
    after = proposed(rule, changes)
    if (why := why_preview(rule.terms(), after.terms())) and not previews.has_seen(access, after):
        hours = previews.FRESH.total_seconds() / 3600
        raise Unseen(f"{why} First look at a preview of exactly these terms; it counts for {hours:.0f} hours.")
    return rules.change(access, rule_id, changes)
