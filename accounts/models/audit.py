"""The audit trail: who changed or downloaded what. Entries are only ever added, and each holds the hash of the one before it.

The entries of an organization form one chain; what belongs to no organization forms another. So an auditor can verify the
whole chain of their organization without seeing a word of another's, and organizations do not wait for each other to write.

The model refuses to change or delete an entry, and so does the database itself (accounts/models/audit_guard.py). Who gets
past both is found by `manage.py verify_audit`. docs/audit.md has the rules for outsiders.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC
from typing import Any, NoReturn, Self

from django.db import models

from accounts.models.organization import Organization

NOBODY = uuid.UUID(int=0)
"""Id of the chain of what belongs to no organization."""
GENESIS = "0" * 64
"""What the first entry of each chain holds as the previous hash."""


class AppendOnly(Exception):
    """Somebody tried to change or delete an entry: a bug."""


def _refuse(*args: object, **kwargs: object) -> NoReturn:
    raise AppendOnly("Entries of the audit trail are neither changed nor deleted.")


class EntryQuerySet(models.QuerySet["AuditEntry"]):
    update = delete = bulk_update = bulk_create = _refuse

    def of(self, organization: Organization | None) -> Self:
        return self.filter(chain_id=organization.pk if organization else NOBODY)


class AuditChain(models.Model):
    """The head of a chain: how many entries it has, and the hash of the last one. So the loss of the last entry is found too."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="The organization's id; only zeros for what belongs to none.")
    organization = models.OneToOneField(Organization, null=True, on_delete=models.PROTECT, related_name="audit_chain")
    count = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return str(self.organization or "no organization")


class AuditEntry(models.Model):
    """One change or one download.

    Actor and target are written down as they were called then, not referred to: the entry stays as it is when they are renamed
    or deleted. `before` and `after` hold the fields that changed, secrets masked (accounts/services/audit.py).
    """

    chain = models.ForeignKey(AuditChain, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveBigIntegerField(help_text="1, 2, 3, … within its chain.")
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True, help_text="Id of the user; none for the system.")
    actor = models.CharField(max_length=200, blank=True, help_text="Name of the user, or what else acted.")
    action = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=250, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.CharField(max_length=64, blank=True, help_text="IP address that the request came from.")
    correlation_id = models.CharField(max_length=200, blank=True)
    previous = models.CharField(max_length=64, help_text="Hash of the entry before this one.")
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the canonical form, in hex.")

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="one_audit_entry_per_number")]
        indexes = [models.Index(fields=["chain", "at"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.number}: {self.action} {self.target_label}"

    def save(self, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse()
        super().save(force_insert=True, using=kwargs.get("using"))

    delete = _refuse

    def facts(self) -> dict[str, Any]:
        """What is hashed, by the names that the API and the CSV use. Values: text, whole number, true, false, null, and lists
        and objects of those. Moments are UTC with microseconds and a Z.
        """
        return {
            "organization": None if self.chain_id == NOBODY else str(self.chain_id),
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "actorId": self.actor_id,
            "actor": self.actor,
            "action": self.action,
            "targetKind": self.target_kind,
            "targetId": self.target_id,
            "targetLabel": self.target_label,
            "before": self.before,
            "after": self.after,
            "address": self.address,
            "correlationId": self.correlation_id,
            "previous": self.previous,
        }

    def digest(self) -> str:
        """SHA-256, in hex, of the canonical form of `facts()`; `previous` is one of them, which makes the chain."""
        return hashlib.sha256(canonical(self.facts()).encode("utf-8", "surrogatepass")).hexdigest()


def canonical(facts: Mapping[str, Any] | None) -> str:
    """JSON with sorted names, without white space, in UTF-8: the canonical form of RFC 8785 for the values that entries have."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
