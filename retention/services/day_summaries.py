"""The end of a day: what went, what was kept and why, what failed, what lies ahead; written down, and told by e-mail and webhook."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from exports.models import Dataset, File
from exports.services.claiming import LeaseLost
from exports.services.notices import Event, Fact, announce
from retention.models import Day, Purge
from retention.services.forecasting import bloat, forecasts
from retention.services.ledger import deleted_children, deleted_rows, kept_rows
from retention.services.ordering import enforced, named
from retention.services.windows import settings_of

Status = Purge.Status
_LINES = 50
"""So many lines of an e-mail; it says how many more there are."""


def complete(day: Day, held: QuerySet[Day]) -> bool:
    """Write the summary and tell it, once. Raises LeaseLost."""
    summary = summarize(day)
    with transaction.atomic():
        if not held.update(status=Day.Status.COMPLETED, summary=summary, finished_at=timezone.now(), lease_until=None):
            raise LeaseLost
        announce(
            Event.RETENTION_DAY_COMPLETED, organization=day.organization, subject=day, facts=told(day, summary), once=day.day.isoformat()
        )
    return True


def purges_of(day: Day) -> QuerySet[Purge]:
    """What the day ordered, in order."""
    found = Purge.objects.filter(organization=day.organization, slot=day.slot, rule__isnull=False)
    return found.select_related("dataset__source", "rule", "run").order_by("pk")


def summarize(day: Day) -> dict[str, Any]:
    """What Day.summary holds: totals, and lists by purge, of what was left out, of problems, of forecasts and of bloat."""
    found = list(purges_of(day))
    entries = [_entry(purge) for purge in found]
    settings, now = settings_of(day.organization), timezone.now()
    gone = [purge for purge, entry in zip(found, entries, strict=True) if entry["deleted"]]
    return {
        **day.summary,
        **{name: sum(entry[name] for entry in entries) for name in ("deleted", "along", "kept", "bytes")},
        "wouldGo": sum(entry["selected"] or 0 for entry in entries if entry["status"] == Status.SIMULATED),
        "failed": sum(entry["status"] == Status.FAILED for entry in entries) + len(day.summary["problems"]),
        "awaitingApproval": sum(entry["status"] == Status.AWAITING_APPROVAL for entry in entries),
        "purges": entries,
        "forecast": list(forecasts(enforced(day), settings, now)),
        "bloat": list(bloat(_touched(gone))),
    }


def _entry(purge: Purge) -> dict[str, Any]:
    reasons = Counter(purge.kept)
    reasons.update(kept_rows(purge))
    size = File.objects.filter(run=purge.run).aggregate(Sum("size"))["size__sum"] if purge.run else 0
    return {
        "purge": purge.pk,
        "rule": purge.rule_id,
        "ruleText": str(purge.rule),
        **named(purge.dataset),
        "status": purge.status,
        "selected": purge.selected,
        "deleted": deleted_rows(purge),
        "along": sum(deleted_children(purge).values()),
        "kept": sum(reasons.values()),
        "keptBecause": dict(reasons),
        "bytes": size or 0,
        "message": purge.message or purge.asks_because,
    }


def _touched(gone: Iterable[Purge]) -> list[Dataset]:
    """The datasets of which rows went, or went along; each once."""
    along = {pk for purge in gone for pk in deleted_children(purge)}
    children = Dataset.objects.filter(pk__in=along).select_related("source").order_by("pk")
    return list(dict.fromkeys([*(purge.dataset for purge in gone), *children]))


# --- Telling -------------------------------------------------------------------------------------------------------
def told(day: Day, summary: Mapping[str, Any]) -> dict[str, Fact]:
    """The facts of the notice. `message`: the lines of the e-mail."""
    return {
        "status": "CompletedWithFailures" if summary["failed"] else "Completed",
        "day": day.day.isoformat(),
        "slot": day.slot.isoformat(),
        "rules": summary["rules"],
        "deleted": summary["deleted"],
        "along": summary["along"],
        "kept": summary["kept"],
        "bytes": summary["bytes"],
        "would_go": summary["wouldGo"],
        "awaiting_approval": summary["awaitingApproval"],
        "failed": summary["failed"],
        "message": "\n".join(_cut(list(_lines(summary)))),
    }


def _lines(summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"{summary['deleted']:,} rows went, {summary['along']:,} went along with them, {summary['kept']:,} were kept."
    yield from (f"- {_place(entry)}: {_purge(entry)}" for entry in summary["purges"])
    yield from (f"- {_place(problem)}: failed. {problem['why']}" for problem in summary["problems"])
    yield from (f"- Ahead, {_place(entry)}: {entry['text']}" for entry in summary["forecast"] if "text" in entry)
    yield from (f"- Disk, {_place(entry)}: {_bloat(entry)}" for entry in summary["bloat"] if entry.get("reclaimable"))


def _place(entry: Mapping[str, Any]) -> str:
    return f"{entry['dataset']} of {entry['source']}"


def _purge(entry: Mapping[str, Any]) -> str:
    if entry["status"] == Status.SIMULATED:
        return f"{entry['selected'] or 0:,} rows would go. {entry['message']}".strip()
    kept = "".join(f" {rows:,} kept: {reason}." for reason, rows in entry["keptBecause"].items())
    why = f" {entry['message']}" if entry["message"] else ""
    return f"{Status(entry['status']).label}, {entry['deleted']:,} of {entry['selected'] or 0:,} rows went.{kept}{why}"


def _bloat(entry: Mapping[str, Any]) -> str:
    locks = " Nobody can use it meanwhile." if entry["locks"] else ""
    return f"about {filesizeformat(entry['reclaimable'])} could be given back by {entry['statement']}.{locks}"


def _cut(lines: Sequence[str]) -> list[str]:
    left = len(lines) - _LINES
    return [*lines[:_LINES], *([f"- and {left} more lines, which the day's summary has."] if left > 0 else [])]
