"""Caps: how much may go of a dataset in a day without somebody else's approval."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils import timezone

from exports.models import Dataset
from retention.models import KeyChunk, Purge, RetentionSettings
from retention.services.ledger import deleted_rows

Status = Purge.Status
_ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def asks_because(purge: Purge, settings: RetentionSettings) -> str:
    """Why the frozen purge needs an approval, as sentences; empty if it needs none."""
    reasons = ["The rule was shortened or widened since it ran last."] if purge.rule and purge.rule.asks else []
    if over := _over(settings, purge.dataset, purge.selected or 0, _gone_today(purge, settings), purge.dataset_rows or 0):
        reasons.append(over)
    along = KeyChunk.objects.filter(purge=purge).exclude(dataset=purge.dataset).values("dataset").annotate(rows=Sum("rows"))
    for found in along:
        if found["rows"] > settings.most_rows:
            name = Dataset.objects.get(pk=found["dataset"]).name
            reasons.append(f"{found['rows']:,} rows of {name} would go along; {settings.most_rows:,} a day may go without approval.")
    return " ".join(reasons)


def _over(settings: RetentionSettings, dataset: Dataset, rows: int, gone: int, there: int) -> str:
    today = rows + gone
    if rows and today > settings.most_rows:
        return f"{today:,} rows of {dataset.name} would go today; {settings.most_rows:,} may go without approval."
    if rows and today * 100 > settings.most_percent * (there + gone):
        share = today * 100 / (there + gone)
        return f"{share:.1f} % of {dataset.name} would go today ({today:,} rows); {settings.most_percent} % may go without approval."
    return ""


def _gone_today(purge: Purge, settings: RetentionSettings) -> int:
    """Rows of the dataset that other purges have deleted since midnight there, or are deleting."""
    zone = ZoneInfo(settings.timezone)
    midnight = datetime.combine(timezone.now().astimezone(zone).date(), time.min, zone)
    others = Purge.objects.filter(dataset=purge.dataset, started_at__gte=midnight).exclude(pk=purge.pk)
    ended = sum(deleted_rows(other) for other in others.filter(status__in=_ENDED))
    at_work = others.filter(status=Status.PURGING, extract_only=False).aggregate(Sum("selected"))["selected__sum"] or 0
    return ended + int(at_work)
