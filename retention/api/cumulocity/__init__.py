"""Retention rules as Cumulocity has them (cumulocity-retention-rules.md): /retention/retentions. docs/retention-rules.md"""
