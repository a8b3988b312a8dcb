"""What is kept of retention: settings, rules and their versions, holds, jobs; purges with their frozen keys and batches; dispositions, restores."""

from retention.models.day import Day
from retention.models.disposition import Disposition, DispositionChain
from retention.models.foreign_key import ForeignKeyPlan
from retention.models.hold import Hold
from retention.models.job import RetentionJob
from retention.models.preview import Preview
from retention.models.purge import Batch, KeyChunk, Purge
from retention.models.restore import Restore, RestoreBatch
from retention.models.rule import Rule, RuleVersion
from retention.models.settings import RetentionSettings

__all__ = [
    "Batch",
    "Day",
    "Disposition",
    "DispositionChain",
    "ForeignKeyPlan",
    "Hold",
    "KeyChunk",
    "Preview",
    "Purge",
    "Restore",
    "RestoreBatch",
    "RetentionJob",
    "RetentionSettings",
    "Rule",
    "RuleVersion",
]
