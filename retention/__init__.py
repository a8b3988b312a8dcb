"""Top floor: retention rules, holds, selection, purge and dispositions. The part that destroys data: docs/retention.md."""
