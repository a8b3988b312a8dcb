"""Dispositions in tests, without the work of a purge."""

from django.utils import timezone

from accounts.models import User
from exports.models import Dataset
from retention.models import Batch, Disposition, Purge, Rule, RuleVersion
from retention.services import dispositions


def ended(dataset: Dataset, author: User, **fields: object) -> Purge:
    """A purge of two batches, with three rows gone, two kept and one child row gone; there is no extract."""
    organization = dataset.source.organization
    rule = Rule.objects.create(organization=organization, data_type=dataset.name, maximum_age=30, mode="enforce", author=author)
    RuleVersion.objects.create(rule=rule, number=rule.version, terms=rule.terms(), author=author)
    now = timezone.now()
    terms = {"status": Purge.Status.COMPLETED, "selected": 5, "key_set_sha256": "a" * 64, "kept": {"the hold “X”": 2}, "archive": False}
    purge = Purge.objects.create(
        organization=organization,
        rule=rule,
        rule_version=1,
        dataset=dataset,
        slot=now,
        terms={"and": []},
        **{"started_at": now, "finished_at": now, **terms, **fields},
    )
    done = {"purge": purge, "token": 1, "status": Batch.Status.DONE}
    Batch.objects.create(**done, start=0, stop=3, deleted=2, kept={"already gone": [1]}, locked_ms=70)
    Batch.objects.create(**done, start=3, stop=5, deleted=1, kept={"the hold “X”": [0]}, children={str(dataset.pk): 1}, locked_ms=40)
    return purge


def written(dataset: Dataset, author: User, number: int = 1) -> list[Disposition]:
    return [dispositions.write(ended(dataset, author)) for _ in range(number)]
