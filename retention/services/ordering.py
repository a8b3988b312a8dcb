"""What a day's rules ask for: a purge of each dataset for a rule that enforces, a count for one that simulates.

Every order is one row, UNIQUE(rule, dataset, slot): a worker that dies is followed by another, which orders what is not ordered yet.
A dataset that cannot be asked is noted and does not stop the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from exports.models import Dataset
from exports.sources.base import ConnectionLost, SourceError
from exports.sources.predicates import Predicate, dump_predicate
from retention.models import Day, Purge, Rule
from retention.services.purges import request_purge
from retention.services.selection import datasets_of, rule_terms, why_not

Status = Purge.Status
Note = dict[str, Any]


@dataclass
class Notes:
    """What was not ordered, each with its rule, dataset and reason. problems: it should have been. asks_again: another try may help."""

    left_out: list[Note] = field(default_factory=list)
    problems: list[Note] = field(default_factory=list)
    asks_again: bool = False


def in_force() -> QuerySet[Rule]:
    """Rules that a daily run looks at."""
    return Rule.objects.filter(deleted_at=None).exclude(mode=Rule.Mode.OFF)


def rules_of(day: Day) -> QuerySet[Rule]:
    """Those of the day, in the order in which they run."""
    found = in_force().filter(organization=day.organization, changed_at__lte=day.slot)
    return found.select_related("organization", "author").order_by("pk")


def order(day: Day, held: QuerySet[Day]) -> bool:
    """False if a source did not answer that may answer later. What was ordered begins meanwhile."""
    notes, ruling = Notes(), list(rules_of(day))
    for rule in ruling:
        _order_rule(day, rule, notes)
    if notes.asks_again and day.token < settings.RUN_ATTEMPTS:
        return False
    held.update(ordered_at=timezone.now(), summary={"rules": len(ruling), "leftOut": notes.left_out, "problems": notes.problems})
    return True


def _order_rule(day: Day, rule: Rule, notes: Notes) -> None:
    datasets = datasets_of(rule)
    if not datasets:
        notes.left_out.append(note(rule, None, f"There is no dataset {rule.data_type}."))
    for dataset in datasets:
        if why := why_not(rule, dataset) or _goes_on(day, rule, dataset):
            notes.left_out.append(note(rule, dataset, why))
            continue
        try:
            terms = rule_terms(rule, dataset, day.slot)
        except SourceError as error:
            notes.problems.append(note(rule, dataset, str(error)))
            notes.asks_again |= isinstance(error, ConnectionLost)
        else:
            assert terms is not None, "a dataset that a rule cannot choose rows of was left out"
            _order(day, rule, dataset, terms)


def _order(day: Day, rule: Rule, dataset: Dataset, terms: Predicate) -> None:
    if rule.mode == Rule.Mode.ENFORCE:
        _drop_outdated(rule, dataset)
        request_purge(dataset=dataset, terms=terms, slot=day.slot, rule=rule)
        return
    said = {"terms": dump_predicate(terms), "rule_version": rule.version, "archive": rule.archive, "status": Status.SIMULATED}
    Purge.objects.get_or_create(
        rule=rule, dataset=dataset, slot=day.slot, defaults={"organization_id": dataset.source.organization_id, **said}
    )


def _goes_on(day: Day, rule: Rule, dataset: Dataset) -> str:
    """Why a rule that enforces orders nothing: what an earlier day ordered under the same terms is not over, and takes the rows first."""
    earlier = _earlier(rule, dataset).filter(rule_version=rule.version, slot__lt=day.slot).first()
    if rule.mode != Rule.Mode.ENFORCE or earlier is None:
        return ""
    return f"The purge that was ordered on {earlier.slot:%Y-%m-%d} is not over: {earlier.get_status_display()}."


def _drop_outdated(rule: Rule, dataset: Dataset) -> None:
    """What waits for an approval under terms that the rule no longer has cannot be approved. (A worker stops what it works on by itself.)"""
    message = "The rule was changed, and what it says now has been ordered instead."
    outdated = _earlier(rule, dataset).filter(status=Status.AWAITING_APPROVAL).exclude(rule_version=rule.version)
    outdated.update(status=Status.CANCELLED, message=message, finished_at=timezone.now(), token=F("token") + 1)


def _earlier(rule: Rule, dataset: Dataset) -> QuerySet[Purge]:
    return Purge.objects.filter(rule=rule, dataset=dataset, status__in=Purge.ACTIVE).order_by("pk")


def note(rule: Rule, dataset: Dataset | None, why: str) -> Note:
    """As a day's summary holds it."""
    return {"rule": rule.pk, **named(dataset), "why": why}


def named(dataset: Dataset | None) -> Note:
    return {"source": dataset.source.key, "dataset": dataset.name} if dataset else {"source": None, "dataset": None}


def enforced(day: Day) -> Iterator[tuple[Rule, Dataset]]:
    """Each dataset with each rule that removes rows of it."""
    for rule in rules_of(day).filter(mode=Rule.Mode.ENFORCE):
        yield from ((rule, dataset) for dataset in datasets_of(rule) if not why_not(rule, dataset))
