"""The audit trail and the dispositions in tests: past their guards where a test must be, and what stands in the trail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations

from accounts.models import AuditEntry, audit_guard
from retention.models import disposition_guard

GUARDS = (audit_guard.GUARD, disposition_guard.GUARD)
flush_of_django = BaseDatabaseOperations.execute_sql_flush


@contextmanager
def unguarded() -> Iterator[None]:
    """What the owner of the database can do: take the triggers away, and put them back."""
    with transaction.atomic():
        for guard in GUARDS:
            guard.take(connection)
        yield
        if connection.vendor == "postgresql":  # checks that wait for the end of the transaction stand in the way of ALTER TABLE
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        for guard in GUARDS:
            guard.put(connection)


def let_tests_flush() -> None:
    """Tests with transactions of their own end by emptying every table. Production has no way to do that: only here the guard steps aside."""

    def flush_unguarded(self: BaseDatabaseOperations, sql_list: Any) -> None:
        with unguarded():
            flush_of_django(self, sql_list)

    BaseDatabaseOperations.execute_sql_flush = flush_unguarded  # type: ignore[method-assign]  # for tests only


def actions() -> list[str]:
    """All that was recorded, in order of writing."""
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
