"""The record of what went: one entry a purge, each holding the hash of the one before. Entries are only ever added.

The model refuses to change or delete an entry, and so does the database (retention/models/disposition_guard.py). What an entry says
is JSON of texts, whole numbers, true, false, null, lists and objects, hashed in the canonical form of the audit trail.
"""

import hashlib
from datetime import UTC
from typing import Any, NoReturn

from django.db import models

from accounts.models import Organization
from accounts.models.audit import GENESIS, AppendOnly, canonical
from retention.models.purge import Purge


def _refuse(*args: object, **kwargs: object) -> NoReturn:
    raise AppendOnly("Dispositions are neither changed nor deleted.")


class DispositionQuerySet(models.QuerySet["Disposition"]):
    update = delete = bulk_update = bulk_create = _refuse


class DispositionChain(models.Model):
    """The head of an organization's chain: how many entries it has, and the hash of the last."""

    organization = models.OneToOneField(Organization, primary_key=True, on_delete=models.PROTECT, related_name="disposition_chain")
    count = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return str(self.organization)


class Disposition(models.Model):
    chain = models.ForeignKey(DispositionChain, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveBigIntegerField(help_text="1, 2, 3, … within the organization.")
    purge = models.OneToOneField(Purge, on_delete=models.PROTECT, related_name="disposition")
    at = models.DateTimeField()
    facts = models.JSONField(help_text="What went, under what, who approved: docs/dispositions.md lists the names.")
    previous = models.CharField(max_length=64, help_text="Hash of the entry before this one.")
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the canonical form, in hex.")

    objects = DispositionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="one_disposition_per_number")]

    def __str__(self) -> str:
        return f"disposition {self.number}"

    def save(self, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse()
        super().save(force_insert=True, using=kwargs.get("using"))

    delete = _refuse

    def said(self) -> dict[str, Any]:
        """What is hashed, by the names that the API and the CSV use: the facts, and what says of whom, where in the chain, and when."""
        return {
            **self.facts,
            "organization": str(self.chain_id),
            "number": self.number,
            "purge": self.purge_id,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "previous": self.previous,
        }

    def digest(self) -> str:
        """SHA-256, in hex, of the canonical form of `said()`; `previous` is part of it, which makes the chain."""
        return hashlib.sha256(canonical(self.said()).encode("utf-8", "surrogatepass")).hexdigest()
