"""What retention's pages show: rows of the database together with the words and figures that belong beside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils import timezone

from accounts.services.access import Access
from exports.console.presentation import duration_words, run_entries
from exports.models import Run
from retention.models import Hold, Preview, Purge, Rule
from retention.models.rule import ANY
from retention.services import glance, purges, rules
from retention.services.glance import Done
from retention.services.holds import State, state_of
from retention.services.words import hold_words

MOVING = (Purge.Status.EXTRACTING, Purge.Status.FREEZING, Purge.Status.PURGING)
LABELS = {
    Purge.Status.PENDING: "waits",
    Purge.Status.EXTRACTING: "extracting",
    Purge.Status.FREEZING: "freezing",
    Purge.Status.AWAITING_APPROVAL: "waits for approval",
    Purge.Status.PURGING: "purging",
    Purge.Status.COMPLETED: "completed",
    Purge.Status.SIMULATED: "simulated",
    Purge.Status.FAILED: "failed",
    Purge.Status.CANCELLED: "cancelled",
}


# --- purges --------------------------------------------------------------------------------------------------------
@dataclass
class PurgeEntry:
    """A purge and how far it is. extracted: per cent of its extract, while that is under way."""

    purge: Purge
    done: Done
    extracted: int = 0

    @property
    def status_label(self) -> str:
        return LABELS[Purge.Status(self.purge.status)]

    @property
    def is_moving(self) -> bool:
        return self.purge.status in MOVING

    @property
    def percent(self) -> int:
        if self.purge.status == Purge.Status.EXTRACTING:
            return self.extracted
        return min(100, self.done.looked_at * 100 // self.purge.selected) if self.purge.selected else 0

    @property
    def kept(self) -> int:
        """Frozen rows that batches have kept."""
        return self.done.looked_at - self.done.deleted

    @property
    def share(self) -> str:
        """Of the dataset's rows, how much it selects, in per cent."""
        purge = self.purge
        return f"{purge.selected * 100 / purge.dataset_rows:.1f}" if purge.selected and purge.dataset_rows else ""

    @property
    def duration(self) -> str:
        start, end = self.purge.started_at, self.purge.finished_at or timezone.now()
        return duration_words(end - start if start else None)

    @property
    def rule_was_changed(self) -> bool:
        rule = self.purge.rule
        return rule is not None and rule.version != self.purge.rule_version


def purge_entries(found: Iterable[Purge]) -> list[PurgeEntry]:
    """Four queries, however many purges."""
    rows = list(found)
    done = glance.done(rows)
    runs = [purge.run for purge in rows if purge.run and purge.status == Purge.Status.EXTRACTING and purge.run.status in Run.ACTIVE]
    extracted = {entry.run.pk: entry.percent for entry in run_entries(runs)} if runs else {}
    return [PurgeEntry(purge, done.get(purge.pk, Done()), extracted.get(purge.run_id or 0, 0)) for purge in rows]


def purges_of(access: Access) -> QuerySet[Purge]:
    return purges.listing(access).select_related("dataset__source", "rule__author", "job__owner", "run", "approved_by")


def watched(found: Iterable[Purge]) -> str:
    """The query string with which a page asks how its purges go; empty when none moves."""
    return urlencode([("purge", purge.pk) for purge in found if purge.status in MOVING])


# --- rules ---------------------------------------------------------------------------------------------------------
@dataclass
class Totals:
    """Of a preview, over its datasets. oldest: ISO 8601; estimated: whether any figure of rows is a guess."""

    rows: int
    estimated: bool
    oldest: str
    problems: int


def _figures(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a dataset: its own, and those of what goes along and of what is kept."""
    return [entry, *entry.get("children", []), *entry.get("kept", []), *entry.get("blocked", [])]


def totals(preview: Preview) -> Totals:
    datasets = preview.figures.get("datasets", [])
    counted = [entry for entry in datasets if "problem" not in entry]
    oldest = min((entry["oldest"] for entry in counted if entry.get("oldest")), default="")
    estimated = any(figure.get("estimated") for entry in counted for figure in _figures(entry))
    return Totals(sum(entry["rows"] for entry in counted), estimated, oldest, len(datasets) - len(counted))


def moment_of(text: str) -> datetime | None:
    """A preview's oldest and newest, if they are moments."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


@dataclass
class RuleEntry:
    rule: Rule
    preview: Preview | None
    last: Purge | None

    @property
    def narrowing(self) -> list[tuple[str, str]]:
        """(words, value) of what it asks beside the data type and the age."""
        named = {"with": self.rule.fragment_type, "of type": self.rule.type, "from": self.rule.source}
        return [(words, value) for words, value in named.items() if value != ANY]

    @property
    def data_type(self) -> str:
        return "Every dataset" if self.rule.data_type == ANY else self.rule.data_type

    @property
    def totals(self) -> Totals | None:
        return totals(self.preview) if self.preview else None

    @property
    def oldest(self) -> datetime | None:
        return moment_of(self.totals.oldest) if self.totals else None


def rule_entries(access: Access, found: Iterable[Rule]) -> list[RuleEntry]:
    rows = list(found)
    previews, last = glance.last_previews(access, rows), glance.last_purges(access, rows)
    return [RuleEntry(rule, previews.get(rule.pk), last.get(rule.pk)) for rule in rows]


def rules_of(access: Access) -> QuerySet[Rule]:
    return rules.listing(access).select_related("author")


def differences(before: Rule, after: Rule) -> list[tuple[str, Any, Any]]:
    """(words, before, after) of the terms that differ."""
    was, becomes = before.terms(), after.terms()
    return [(name.replace("_", " "), was[name], value) for name, value in becomes.items() if value != was[name]]


# --- holds ---------------------------------------------------------------------------------------------------------
HOLD_PILLS = {
    State.PLANNED: "scheduled",
    State.PENDING: "pending",
    State.IN_FORCE: "active",
    State.ENDED: "ended",
    State.RELEASED: "released",
}
HOLD_LABELS = {**{state: state.value for state in State}, State.PENDING: "not in force yet", State.IN_FORCE: "in force"}


@dataclass
class HoldEntry:
    hold: Hold
    at: datetime

    @property
    def state(self) -> State:
        return state_of(self.hold, self.at)

    @property
    def pill(self) -> str:
        return HOLD_PILLS[self.state]

    @property
    def label(self) -> str:
        return HOLD_LABELS[self.state]

    @property
    def words(self) -> str:
        return hold_words(self.hold, self.at)

    @property
    def can_release(self) -> bool:
        return self.state not in {State.ENDED, State.RELEASED}

    @property
    def scope(self) -> str:
        if self.hold.criteria:
            return self.hold.criteria
        count = len(self.hold.keys)
        return f"{count} row{'' if count == 1 else 's'} by key" if count else "every row"


def hold_entries(found: Iterable[Hold]) -> list[HoldEntry]:
    now = timezone.now()
    return [HoldEntry(hold, now) for hold in found]
