"""What people must have seen before they let a rule remove more: a preview of exactly its terms.

The admin and the console change rules through here; the rules' own API does not, as its document knows no previews (the caps guard it).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.services.access import Access
from exports.services.errors import Conflict
from retention.models import Preview, Rule
from retention.services import rules

FRESH = timedelta(hours=24)
"""So long a preview counts as seen."""


class Unseen(Conflict):
    """No preview of these terms was seen. The text says why one is needed."""


def previewed(terms: Mapping[str, Any]) -> dict[str, Any]:
    """The terms as previews keep them: without the mode, of which the rows that match do not depend."""
    return {name: value for name, value in terms.items() if name != "mode"}


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


def last_seen(access: Access, terms: Mapping[str, Any]) -> Preview | None:
    """The newest preview of exactly these terms that the user has made within FRESH."""
    made = Preview.objects.filter(organization=access.organization, user=access.user, created_at__gt=timezone.now() - FRESH)
    wanted = previewed(terms)
    return next((preview for preview in made.order_by("-pk") if preview.terms == wanted), None)


def change(access: Access, rule: Rule, changes: Mapping[str, Any]) -> Rule:
    """As rules.change. Raises Unseen too."""
    before = rules.find(access, rule.pk).terms()
    after = {**before, **changes}
    if (why := why_preview(before, after)) and not last_seen(access, after):
        raise Unseen(f"{why} First look at a preview of exactly these terms; it counts for {FRESH.total_seconds() / 3600:.0f} hours.")
    return rules.change(access, rule.pk, changes)
