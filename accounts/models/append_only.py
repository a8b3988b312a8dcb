"""Triggers with which the database itself keeps a table of entries append-only, on SQLite and PostgreSQL.

An entry is neither changed nor deleted; the head of a chain of entries only advances, by one. The triggers work on rows, so that an
empty database can be filled from a dump. Whoever owns the database can drop them: for that there are the hashes.

A migration that alters a guarded table must end with `put`: on SQLite Django makes the table anew, and its triggers go with the old one.
"""

from dataclasses import dataclass

from django.db import NotSupportedError
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Guard:
    """name: begins the names of the triggers. sentence: what whoever is refused reads. entry, chain: the two tables.

    key: the primary key of `chain`. unique: what no two entries have in common beside id, hash, and chain and number together.
    """

    name: str
    sentence: str
    entry: str
    chain: str
    key: str = "id"
    unique: tuple[str, ...] = ()

    def put(self, connection: BaseDatabaseWrapper) -> None:
        """Put the triggers in place, also if some are there. Raises NotSupportedError on other databases."""
        _run(connection, [*self._removal(connection), *self._making(connection)])

    def take(self, connection: BaseDatabaseWrapper) -> None:
        _run(connection, self._removal(connection))

    def missing(self, connection: BaseDatabaseWrapper) -> set[str]:
        """The names of the triggers that are not in place, or are switched off."""
        if connection.vendor == "sqlite":
            expected, question = set(self._sqlite()), "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        else:
            expected, question = set(self._postgresql()), "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
        with connection.cursor() as cursor:
            cursor.execute(question)
            return expected - {name for (name,) in cursor.fetchall()}

    @property
    def _step(self) -> str:
        return f"NEW.count <> OLD.count + 1 OR NEW.{self.key} <> OLD.{self.key}"

    def _sqlite(self) -> dict[str, str]:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{self.sentence}'); END"
        # INSERT OR REPLACE deletes what is in its way without asking the delete trigger.
        same = " OR ".join(f"{column} = NEW.{column}" for column in ("id", "hash", *self.unique))
        in_the_way = f"EXISTS (SELECT 1 FROM {self.entry} WHERE {same} OR (chain_id = NEW.chain_id AND number = NEW.number))"  # noqa: S608 our own tables
        head = f"EXISTS (SELECT 1 FROM {self.chain} WHERE {self.key} = NEW.{self.key})"  # noqa: S608 our own tables
        return {
            f"{self.name}_entry_update": f"BEFORE UPDATE ON {self.entry} {refuse}",
            f"{self.name}_entry_delete": f"BEFORE DELETE ON {self.entry} {refuse}",
            f"{self.name}_entry_replace": f"BEFORE INSERT ON {self.entry} WHEN {in_the_way} {refuse}",
            f"{self.name}_chain_update": f"BEFORE UPDATE ON {self.chain} WHEN {self._step} {refuse}",
            f"{self.name}_chain_delete": f"BEFORE DELETE ON {self.chain} {refuse}",
            f"{self.name}_chain_replace": f"BEFORE INSERT ON {self.chain} WHEN {head} {refuse}",
        }

    def _postgresql(self) -> dict[str, tuple[str, str]]:
        """Name of the trigger → its table, and the rest of its definition."""
        call = f"EXECUTE FUNCTION {self.name}_refuse()"
        return {
            f"{self.name}_entry_update": (self.entry, f"BEFORE UPDATE OR DELETE ON {self.entry} FOR EACH ROW {call}"),
            f"{self.name}_entry_truncate": (self.entry, f"BEFORE TRUNCATE ON {self.entry} FOR EACH STATEMENT {call}"),
            f"{self.name}_chain_update": (self.chain, f"BEFORE UPDATE ON {self.chain} FOR EACH ROW WHEN ({self._step}) {call}"),
            f"{self.name}_chain_delete": (self.chain, f"BEFORE DELETE ON {self.chain} FOR EACH ROW {call}"),
            f"{self.name}_chain_truncate": (self.chain, f"BEFORE TRUNCATE ON {self.chain} FOR EACH STATEMENT {call}"),
        }

    def _function(self) -> str:
        raising = f"RAISE EXCEPTION '{self.sentence}' USING ERRCODE = 'integrity_constraint_violation'"
        return f"CREATE OR REPLACE FUNCTION {self.name}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raising}; END $$"

    def _making(self, connection: BaseDatabaseWrapper) -> list[str]:
        if connection.vendor == "sqlite":
            return [f"CREATE TRIGGER {name} {rest}" for name, rest in self._sqlite().items()]
        return [self._function(), *(f"CREATE TRIGGER {name} {rest}" for name, (_, rest) in self._postgresql().items())]

    def _removal(self, connection: BaseDatabaseWrapper) -> list[str]:
        if connection.vendor == "sqlite":
            return [f"DROP TRIGGER IF EXISTS {name}" for name in self._sqlite()]
        if connection.vendor == "postgresql":
            return [f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, (table, _) in self._postgresql().items()]
        raise NotSupportedError(f"Strongroom's own database must be SQLite or PostgreSQL; this is {connection.display_name}.")


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
