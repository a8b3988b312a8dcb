"""The guard of the audit trail (accounts/models/append_only.py).

A migration that alters accounts_auditentry or accounts_auditchain must end with `guard`.
"""

from accounts.models.append_only import Guard

GUARD = Guard("audit", "The audit trail is append-only.", entry="accounts_auditentry", chain="accounts_auditchain")

guard, unguard, missing = GUARD.put, GUARD.take, GUARD.missing
