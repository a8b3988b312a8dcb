"""Many writers at once, in threads and in processes: the chain does not fork, and nobody's entry is lost."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations

from accounts.models import AuditChain, AuditEntry, Organization
from accounts.services.audit import record
from accounts.services.audit_check import check_chain
from tests.trail import flush_of_django

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, EACH = 4, 10
PROCESS = """
import sys, django
django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from accounts.models import Organization
from accounts.services.audit import record
organization = Organization.objects.get(key="here")
for number in range(int(sys.argv[2])):
    record("job.create", f"job {number}", organization=organization, user=None)
"""


def write(organization: Organization) -> None:
    try:
        for number in range(EACH):
            with transaction.atomic():
                record("job.create", f"job {number}", organization=organization, user=None)
    finally:
        connection.close()


def test_threads_make_one_chain(organization: Organization) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(write, organization) for _ in range(WRITERS)]:
            done.result()
    assert check_chain(organization.pk).count == WRITERS * EACH


def test_processes_make_one_chain(organization: Organization) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", PROCESS, str(connection.settings_dict["NAME"]), str(EACH)]
    started = [subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR) for _ in range(WRITERS)]
    assert [process.wait() for process in started] == [0] * WRITERS
    assert check_chain(organization.pk).count == WRITERS * EACH


def rename(organization: Organization) -> None:
    """A change, its entry, and whatever comes after them in the same transaction."""
    with transaction.atomic():
        Organization.objects.filter(pk=organization.pk).update(name="Changed")
        with suppress(DatabaseError):
            record("organization.change", organization, organization=organization, user=None)
        Organization.objects.create(key="here" if organization.name == "Twice" else "after")


def test_a_change_that_is_rolled_back_leaves_no_entry_and_no_gap(organization: Organization) -> None:
    organization.name = "Twice"
    with pytest.raises(IntegrityError):
        rename(organization)
    record("job.create", "another", organization=organization, user=None)
    assert [entry.target_label for entry in AuditEntry.objects.all()] == ["another"]
    assert check_chain(organization.pk).count == 1


def test_a_change_whose_entry_fails_cannot_commit(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    record("job.create", "a job", organization=organization, user=None)
    monkeypatch.setattr(AuditEntry, "digest", lambda _: AuditChain.objects.get().hash)  # a hash that is there already
    with pytest.raises(transaction.TransactionManagementError):
        rename(organization)
    organization.refresh_from_db()
    assert organization.name == "Here"


def test_a_dump_takes_the_trail_along(organization: Organization, tmp_path: Path) -> None:
    for number in range(3):
        record("job.create", f"job {number}", organization=organization, user=None, after={"number": number})
    dump = tmp_path / "dump.json"
    call_command("dumpdata", "accounts.organization", "accounts.auditchain", "accounts.auditentry", output=str(dump), verbosity=0)
    call_command("flush", interactive=False, verbosity=0)  # as tests may (tests/trail.py)
    call_command("loaddata", str(dump), verbosity=0)
    assert check_chain(organization.pk).count == 3


def test_production_refuses_to_flush(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    record("job.create", "a job", organization=organization, user=None)
    with monkeypatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_of_django)
        with pytest.raises(CommandError, match="couldn't be flushed"):
            call_command("flush", interactive=False, verbosity=0)
    assert check_chain(organization.pk).count == 1
