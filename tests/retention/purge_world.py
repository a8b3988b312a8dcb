"""A small real world for tests of purges: a contact history in one of the three databases, and an organization that may always purge."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from django.utils import timezone

from exports.models import File, Part, Run
from exports.sources.conditions import Condition
from exports.sources.contact_history import attachments, contacts, interactions
from exports.sources.predicates import Predicate
from retention.models import Batch, Purge, RetentionSettings, Rule, RuleVersion
from retention.services import steps, work
from retention.services.purges import request_purge
from tests.exports.world import World
from tests.retention import worker

TABLES = {"Interaction": interactions, "Contact": contacts, "Attachment": attachments}
CHATS: Predicate = Condition("mediaTypeId", "eq", "chat")


class Death(BaseException):
    """A worker's end: nothing handles it."""


class PurgeWorld(World):
    work_for_ever = staticmethod(worker.main)

    def __init__(self, folder: Path, rows: int, url: str | None = None) -> None:
        super().__init__(folder, rows, url)
        self.chats: set[str] = set()
        self.counted_before = 0
        self._opened: dict[int, list[dict[str, Any]]] = {}
        self.engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        self.settings = RetentionSettings.objects.create(
            organization=self.organization, window_start=time(0), window_end=time(0), most_percent=100, pause_ms=0, batch_rows=100
        )

    # --- The source ---------------------------------------------------------------------------------------------
    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            yield connection

    def there(self, dataset: str = "Interaction", *where: sa.ColumnElement[bool]) -> set[str]:
        table = TABLES[dataset]
        with self.engine.connect() as connection:
            return set(connection.execute(sa.select(table.primary_key.columns[0]).where(*where)).scalars())

    def contents(self) -> dict[str, list[Any]]:
        """Every row of every table, in key order."""
        with self.engine.connect() as connection:
            return {
                name: [tuple(row) for row in connection.execute(sa.select(table).order_by(table.primary_key.columns[0]))]
                for name, table in TABLES.items()
            }

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every interaction, by its id."""
        with self.engine.connect() as connection:
            return {row["id"]: dict(row) for row in connection.execute(sa.select(interactions)).mappings()}

    def source_bytes(self) -> bytes:
        return Path(str(self.engine.url.database)).read_bytes()

    def restore_source(self, contents: bytes) -> None:
        """Begin anew with the source as it was; what the ledger has counted until now belongs to the past."""
        Path(str(self.engine.url.database)).write_bytes(contents)
        self.counted_before = sum(Batch.objects.filter(status=Batch.Status.DONE).values_list("deleted", flat=True))

    def opened(self, file: File) -> list[dict[str, Any]]:
        """The rows of a file, which is decrypted once."""
        if file.pk not in self._opened:
            self._opened[file.pk] = self.open(file)
        return self._opened[file.pk]

    # --- Retention ----------------------------------------------------------------------------------------------
    def rule(self, data_type: str = "Interaction", **fields: Any) -> Rule:
        terms = {"maximum_age": 30, "mode": Rule.Mode.ENFORCE, **fields}
        rule = Rule.objects.create(organization=self.organization, data_type=data_type, author=self.owner, **terms)
        RuleVersion.objects.create(rule=rule, number=rule.version, terms=rule.terms(), author=rule.author)
        return rule

    def purge(self, terms: Predicate = CHATS, dataset: str = "Interaction", **rule: Any) -> Purge:
        """A purge that is ordered, of rows that keep `terms`."""
        return request_purge(rule=self.rule(dataset, **rule), dataset=self.datasets[dataset], terms=terms, slot=timezone.now())

    def work(self) -> None:
        work.run_until_idle()

    def work_until(self, step: str, count: int = 1, *, must: bool = True) -> None:
        """Work as a worker does that dies at that step, when it comes there for the so many-th time, which it `must`. Its leases are over then."""
        left = [count]

        def observe(reached: str) -> None:
            left[0] -= reached == step
            if not left[0]:
                raise Death

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(steps, "observer", observe)
            with pytest.raises(Death) if must else suppress(Death):
                work.run_until_idle()
        for claimed in (Purge, Run, Part):
            claimed.objects.update(lease_until=None)

    def purged(self, terms: Predicate = CHATS, dataset: str = "Interaction", **rule: Any) -> Purge:
        purge = self.purge(terms, dataset, **rule)
        self.work()
        purge.refresh_from_db()
        return purge

    # --- What must hold -----------------------------------------------------------------------------------------
    def in_files(self, purge: Purge, dataset: str = "Interaction", column: str = "id") -> set[str]:
        """Keys of the rows in the listed files of the extract. Each is there once."""
        files = File.objects.listed().filter(run=purge.run, part__dataset__name=dataset)
        found = [row[column] for file in files for row in self.open(file)]
        assert len(found) == len(set(found))
        return set(found)

    def assert_accounted(self, purge: Purge, before: set[str]) -> set[str]:
        """I1, I2, I6: what is gone is in verified files, and is as much as the ledger says. Gives the keys that are gone."""
        purge.refresh_from_db()
        gone = before - self.there()
        assert gone <= self.in_files(purge)
        batches = Batch.objects.filter(purge=purge)
        assert {batch.status for batch in batches} <= {Batch.Status.DONE}
        assert sum(batch.deleted for batch in batches) == len(gone)
        if purge.run:
            self.assert_whole(purge.run)
        return gone
