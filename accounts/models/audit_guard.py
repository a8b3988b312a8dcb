"""The triggers with which the database itself keeps the audit trail append-only, on SQLite and PostgreSQL.

An entry is neither changed nor deleted; the head of a chain only advances, by one. The triggers work on rows, so that an empty
database can be filled from a dump. Whoever owns the database can drop them: for that there are the hashes.

A migration that alters accounts_auditentry or accounts_auditchain must end with `guard`: on SQLite Django makes the table
anew, and its triggers go with the old one.
"""

from django.db import NotSupportedError
from django.db.backends.base.base import BaseDatabaseWrapper

_SENTENCE = "The audit trail is append-only."
_ENTRY, _CHAIN = "accounts_auditentry", "accounts_auditchain"
_STEP = "NEW.count <> OLD.count + 1 OR NEW.id <> OLD.id"

_RAISE = f"BEGIN SELECT RAISE(ABORT, '{_SENTENCE}'); END"
# INSERT OR REPLACE deletes what is in its way without asking the delete trigger.
_IN_THE_WAY = f"EXISTS (SELECT 1 FROM {_ENTRY} WHERE id = NEW.id OR hash = NEW.hash OR (chain_id = NEW.chain_id AND number = NEW.number))"  # noqa: S608 our own tables
_SQLITE = {
    "audit_entry_update": f"BEFORE UPDATE ON {_ENTRY} {_RAISE}",
    "audit_entry_delete": f"BEFORE DELETE ON {_ENTRY} {_RAISE}",
    "audit_entry_replace": f"BEFORE INSERT ON {_ENTRY} WHEN {_IN_THE_WAY} {_RAISE}",
    "audit_chain_update": f"BEFORE UPDATE ON {_CHAIN} WHEN {_STEP} {_RAISE}",
    "audit_chain_delete": f"BEFORE DELETE ON {_CHAIN} {_RAISE}",
    "audit_chain_replace": f"BEFORE INSERT ON {_CHAIN} WHEN EXISTS (SELECT 1 FROM {_CHAIN} WHERE id = NEW.id) {_RAISE}",  # noqa: S608 our own tables
}
_CALL = "EXECUTE FUNCTION audit_refuse()"
_POSTGRESQL = {
    "audit_entry_update": (_ENTRY, f"BEFORE UPDATE OR DELETE ON {_ENTRY} FOR EACH ROW {_CALL}"),
    "audit_entry_truncate": (_ENTRY, f"BEFORE TRUNCATE ON {_ENTRY} FOR EACH STATEMENT {_CALL}"),
    "audit_chain_update": (_CHAIN, f"BEFORE UPDATE ON {_CHAIN} FOR EACH ROW WHEN ({_STEP}) {_CALL}"),
    "audit_chain_delete": (_CHAIN, f"BEFORE DELETE ON {_CHAIN} FOR EACH ROW {_CALL}"),
    "audit_chain_truncate": (_CHAIN, f"BEFORE TRUNCATE ON {_CHAIN} FOR EACH STATEMENT {_CALL}"),
}
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_SENTENCE}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
)


def guard(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers in place, also if some are there. Raises NotSupportedError on other databases."""
    _run(connection, [*_removal(connection), *_making(connection)])


def unguard(connection: BaseDatabaseWrapper) -> None:
    _run(connection, _removal(connection))


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """The names of the triggers that are not in place, or are switched off."""
    if connection.vendor == "sqlite":
        expected, question = set(_SQLITE), "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        expected, question = set(_POSTGRESQL), "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
    with connection.cursor() as cursor:
        cursor.execute(question)
        return expected - {name for (name,) in cursor.fetchall()}


def _making(connection: BaseDatabaseWrapper) -> list[str]:
    if connection.vendor == "sqlite":
        return [f"CREATE TRIGGER {name} {rest}" for name, rest in _SQLITE.items()]
    return [_FUNCTION, *(f"CREATE TRIGGER {name} {rest}" for name, (_, rest) in _POSTGRESQL.items())]


def _removal(connection: BaseDatabaseWrapper) -> list[str]:
    if connection.vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name in _SQLITE]
    if connection.vendor == "postgresql":
        return [f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, (table, _) in _POSTGRESQL.items()]
    raise NotSupportedError(f"Strongroom's own database must be SQLite or PostgreSQL; this is {connection.display_name}.")


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
