"""What retention has done in the furnished house: one row of each kind, for the ids in addresses."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from accounts.models import Organization, User
from exports.models import Dataset
from exports.sources.conditions import Condition
from exports.sources.predicates import dump_predicate
from retention.models import Batch, Day, Disposition, ForeignKeyPlan, Hold, Preview, Purge, RetentionJob, Rule, RuleVersion
from retention.services import dispositions

KEY_SET = "5f" * 32


@dataclass
class Retained:
    """waiting: a purge that asks for approval, ordered by `author`, a colleague of the owner's. purge: one that is over."""

    author: User
    rule: Rule
    hold: Hold
    job: RetentionJob
    waiting: Purge
    purge: Purge
    batch: Batch
    disposition: Disposition
    preview: Preview
    plan: ForeignKeyPlan
    day: Day


def retain(owner: User, author: User, dataset: Dataset) -> Retained:
    here, now = dataset.source.organization, timezone.now()
    rule = new_rule(here, author)
    job = RetentionJob.objects.create(organization=here, owner=owner, kind="ExtractPurge", criteria={dataset.name: "mediaTypeId eq 'chat'"})
    waiting = new_purge(
        rule, dataset, Purge.Status.AWAITING_APPROVAL, selected=1200, asks_because="60.0 % of Interaction would go today (1,200 rows)."
    )
    purge = new_purge(
        rule,
        dataset,
        Purge.Status.COMPLETED,
        slot=now - timedelta(days=1),
        selected=400,
        started_at=now - timedelta(minutes=3),
        finished_at=now - timedelta(minutes=1),
    )
    batch = Batch.objects.create(
        purge=purge,
        start=0,
        stop=400,
        token=1,
        status="done",
        deleted=397,
        kept={"the hold “Case 7”": [1, 2, 3]},
        locked_ms=41,
        ended_at=now,
    )
    disposition = dispositions.write(purge)
    hold = Hold.objects.create(
        organization=here, matter="Case 7", reason="A claim is open.", dataset=dataset, placed_by=owner, in_force_at=now
    )
    return Retained(
        author=author,
        rule=rule,
        hold=hold,
        job=job,
        waiting=waiting,
        purge=purge,
        batch=batch,
        disposition=disposition,
        preview=new_preview(rule, owner),
        plan=ForeignKeyPlan.objects.create(dataset=dataset, table="attachments", columns=["entityid"], action="cascade"),
        day=Day.objects.create(organization=here, day=date(2026, 5, 1), slot=now, status="completed", finished_at=now),
    )


def new_rule(organization: Organization, author: User, **fields: object) -> Rule:
    rule = Rule.objects.create(organization=organization, author=author, **{"data_type": "Interaction", "maximum_age": 365, **fields})
    RuleVersion.objects.create(rule=rule, number=rule.version, terms=rule.terms(), author=author)
    return rule


def new_purge(rule: Rule, dataset: Dataset, status: str, **fields: object) -> Purge:
    terms = dump_predicate(Condition("startDate", "lt", "2025-05-01T00:00:00+00:00"))
    defaults = {"slot": timezone.now(), "dataset_rows": 2000, "key_set_sha256": KEY_SET, "terms": terms, "rule_version": rule.version}
    return Purge.objects.create(organization=rule.organization, rule=rule, dataset=dataset, status=status, **{**defaults, **fields})


def new_preview(rule: Rule, user: User, **fields: object) -> Preview:
    """Of the rule's own terms."""
    terms = {name: value for name, value in rule.terms().items() if name != "mode"}
    defaults = {"terms": terms, "figures": {"datasets": []}, "exact": True}
    return Preview.objects.create(organization=rule.organization, rule=rule, user=user, **{**defaults, **fields})
