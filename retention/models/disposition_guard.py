"""The guard of the dispositions (accounts/models/append_only.py).

A migration that alters retention_disposition or retention_dispositionchain must end with `guard`.
"""

from accounts.models.append_only import Guard

GUARD = Guard(
    "disposition",
    "Dispositions are append-only.",
    entry="retention_disposition",
    chain="retention_dispositionchain",
    key="organization_id",
    unique=("purge_id",),
)

guard, unguard, missing = GUARD.put, GUARD.take, GUARD.missing
