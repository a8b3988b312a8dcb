"""The admin of retention: settings, rules, holds and what becomes of foreign keys are edited, each through its service; the rest is looked at."""

from retention.admin import datasets, holds, purges, records, rules, settings

__all__ = ["datasets", "holds", "purges", "records", "rules", "settings"]
