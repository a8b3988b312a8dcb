"""Previews: what a rule, or criteria, would do now. Without having seen one, nobody switches a rule to enforce, or shortens it, in the admin or the console.

`datasets` of the figures has one entry for each dataset (preview_figures.py). One that the rule cannot choose rows of, or whose source
cannot be read, has a `problem`, a sentence, instead of figures: the others do not wait for it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.roles import READ_RULES
from accounts.services.access import Access, Denied
from exports.models import Dataset, Source
from exports.services.errors import NotFound
from exports.services.trail import tell
from exports.services.visible import check_export
from exports.sources import open_reader
from exports.sources.base import Reader, SourceError
from exports.sources.predicates import And, Predicate
from retention.models import Preview, Rule
from retention.services.hold_terms import understood
from retention.services.holds import HoldUnclear
from retention.services.preview_figures import Wanted, figures
from retention.services.selection import datasets_of, rule_terms, why_not

FRESH = timedelta(hours=24)
"""So long a preview counts as seen."""


def preview(access: Access, *, rule: Rule, exact: bool = False, children: bool = False) -> Preview:
    """What would go now under a rule, saved or not.

    exact: count instead of estimating; children: what goes along, too. The samples are in the figures that are given, and are not kept:
    they would outlive the rows. Raises Denied.
    """
    access.need(READ_RULES)
    assert rule.organization_id == access.organization.pk, "a rule is previewed in its organization"
    moment = timezone.now()
    wanted = Wanted(exact=exact, children=children, samples=True)
    found = [
        _problem(each, problem)
        if (problem := why_not(rule, each))
        else _looked(access, each, partial(_terms, rule, moment), moment, wanted)
        for each in datasets_of(rule)
    ]
    return _keep(access, rule if rule.pk else None, terms_of(rule), moment, found)


def preview_criteria(access: Access, dataset: Dataset, criteria: str, *, exact: bool = False, children: bool = False) -> Preview:
    """What would go now of a dataset by criteria (OData; empty means all rows). Otherwise as `preview`. Raises Invalid, Conflict, Denied."""
    access.need(READ_RULES)
    assert dataset.source.organization_id == access.organization.pk, "a dataset is previewed in its organization"
    moment = timezone.now()
    wanted = Wanted(exact=exact, children=children, samples=True)
    terms = understood(dataset, criteria) or And(())
    found = [_looked(access, dataset, lambda *_: terms, moment, wanted)]
    return _keep(access, None, {**_named(dataset), "criteria": criteria.strip()}, moment, found)


def _terms(rule: Rule, moment: datetime, dataset: Dataset, reader: Reader) -> Predicate:
    terms = rule_terms(rule, dataset, moment, reader)
    assert terms is not None, "why_not had nothing to say"
    return terms


def _looked(
    access: Access, dataset: Dataset, terms: Callable[[Dataset, Reader], Predicate], moment: datetime, wanted: Wanted
) -> dict[str, Any]:
    here = replace(wanted, samples=_may_see(access, dataset.source))
    try:
        with open_reader(dataset.source.url) as reader:
            return {**_named(dataset), **figures(reader, dataset, terms(dataset, reader), moment, here)}
    except (SourceError, HoldUnclear) as error:
        return _problem(dataset, str(error))


def _named(dataset: Dataset) -> dict[str, Any]:
    return {"source": dataset.source.key, "dataset": dataset.name}


def _problem(dataset: Dataset, sentence: str) -> dict[str, Any]:
    return {**_named(dataset), "problem": sentence}


def _may_see(access: Access, source: Source) -> bool:
    """Rows are shown to whoever may export them."""
    try:
        check_export(access, source)
    except Denied:
        return False
    return True


def _keep(access: Access, rule: Rule | None, terms: dict[str, Any], moment: datetime, found: list[dict[str, Any]]) -> Preview:
    counted = not any(entry.get("estimated") for entry in found)
    without = [{name: value for name, value in entry.items() if name != "samples"} for entry in found]
    with transaction.atomic():
        made = Preview.objects.create(
            organization=access.organization,
            rule=rule,
            terms=terms,
            exact=counted,
            figures={"at": moment.isoformat(), "datasets": without},
            user=access.user,
        )
        tell(access, "preview.create", made, after={"terms": terms, "exact": counted})
    made.figures = {**made.figures, "datasets": found}
    return made


def rule_of(access: Access, rule_id: int) -> Rule:
    """Raises NotFound, Denied."""
    access.need(READ_RULES)
    rule = Rule.objects.filter(organization=access.organization, deleted_at=None, pk=rule_id).first()
    if rule is None:
        raise NotFound("There is no such rule.")
    return rule


# --- Looking -------------------------------------------------------------------------------------------------------
def terms_of(rule: Rule) -> dict[str, Any]:
    """What a preview is of: all that the rule says, but for its mode."""
    return {name: value for name, value in rule.terms().items() if name != "mode"}


def listing(access: Access) -> QuerySet[Preview]:
    """The newest first. Raises Denied."""
    access.need(READ_RULES)
    return Preview.objects.filter(organization=access.organization).select_related("rule", "user").order_by("-pk")


def find(access: Access, pk: int) -> Preview:
    """Raises NotFound, Denied."""
    found = listing(access).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such preview.")
    return found


def has_seen(access: Access, rule: Rule) -> bool:
    """Whether the user has lately seen what the rule would do as it now says."""
    lately = Preview.objects.filter(organization=access.organization, user=access.user, created_at__gte=timezone.now() - FRESH)
    return any(said == terms_of(rule) for said in lately.values_list("terms", flat=True))
