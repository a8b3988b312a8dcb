"""What a purge is measured by, each in a process of its own: `python -m tests.bench.purge MODE URL CUTOFF`.

order    the purge of `purge`, in the same DATA
purge    ExtractPurge of the interactions before CUTOFF: seconds, peak_mb, rows, longest_ms a batch held locks
export   the same rows exported by the engine: seconds
delete   the same keys deleted by a bare loop of 5 000 a transaction: seconds
preview  a rule's preview, and the bare count(*) that it needs: seconds, count
traffic  a reader and writer of other rows, until its standard input ends: p99 in ms

Prints JSON on its last line.
"""

import json
import os
import select
import statistics
import sys
import time
from datetime import UTC, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

import psycopg

BARE_BATCH = 5_000


def organization(url: str) -> Any:
    """(access, dataset of interactions) of a new organization whose source is at `url`, and which may always purge."""
    from django.core.management import call_command

    from accounts.models import Organization, User
    from accounts.roles import ADMINISTRATOR
    from accounts.services.access import access_to, superuser_access
    from accounts.services.people import join
    from exports.models import Source
    from exports.services import catalogue, certificates
    from exports.sources.contact_history import KIND
    from retention.models import RetentionSettings
    from tests.keys import new_certificate

    call_command("migrate", verbosity=0)
    made = Organization.objects.create(key="bench", name="Bench")
    owner = User.objects.create_superuser("bench")
    join(owner, made, [ADMINISTRATOR])
    certificates.upload(superuser_access(owner, made), "bench.pem", new_certificate()[0])
    RetentionSettings.objects.create(organization=made, window_start=clock(0), window_end=clock(0), most_percent=100, most_rows=10**9)
    source = Source.objects.create(organization=made, key="bench", name="Bench", kind=KIND, url=url)
    datasets = {dataset.name: dataset for dataset in catalogue.discover(source)}
    for dataset in datasets.values():
        dataset.save()
    return access_to(owner, made), datasets["Interaction"]


def order(url: str, cutoff: str) -> dict[str, Any]:
    """The purge, not begun: what a web server does, and a worker does not."""
    from django.utils import timezone

    from exports.sources.conditions import Condition
    from retention.models import Rule, RuleVersion
    from retention.services.purges import request_purge

    access, dataset = organization(url)
    rule = Rule.objects.create(organization=access.organization, data_type="Interaction", maximum_age=1, mode="enforce", author=access.user)
    RuleVersion.objects.create(rule=rule, number=rule.version, terms=rule.terms(), author=access.user)
    request_purge(rule=rule, dataset=dataset, terms=Condition("startDate", "lt", cutoff), slot=timezone.now())
    return {}


def purge(url: str, cutoff: str) -> dict[str, Any]:
    from django.db.models import Max, Sum

    from retention.models import Purge
    from retention.services.work import run_until_idle

    ordered = Purge.objects.get()
    started = time.perf_counter()
    run_until_idle()
    seconds = time.perf_counter() - started
    ordered.refresh_from_db()
    if ordered.status != Purge.Status.COMPLETED:
        raise SystemExit(f"The purge ended as {ordered.status}: {ordered.message} {ordered.traceback}")
    ledger = ordered.batches.aggregate(rows=Sum("deleted"), longest=Max("locked_ms"))
    return {"seconds": seconds, "rows": ledger["rows"], "longest_ms": ledger["longest"], "peak_mb": peak_mb()}


def export(url: str, cutoff: str) -> dict[str, Any]:
    from django.utils import timezone

    from exports.models import Job, Run
    from exports.services.work import run_until_idle

    access, dataset = organization(url)
    job = Job.objects.create(
        organization=access.organization,
        owner=access.user,
        source=dataset.source,
        dataset=dataset,
        title="Bench",
        split_bytes=2**28,
        export_attachments=True,
        all_time=False,
        date_to=datetime.fromisoformat(cutoff),
    )
    run = Run.objects.create(organization=access.organization, job=job, slot=timezone.now())
    started = time.perf_counter()
    run_until_idle()
    seconds = time.perf_counter() - started
    run.refresh_from_db()
    if run.status != Run.Status.COMPLETED:
        raise SystemExit(f"The export ended as {run.status}: {run.message} {run.traceback}")
    return {"seconds": seconds, "rows": sum(file.rows for file in run.files.filter(part__dataset=dataset))}


def delete(url: str, cutoff: str) -> dict[str, Any]:
    """What an administrator's script does: the keys, then 5 000 a transaction, attachments first."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        started = time.perf_counter()
        keys = [key for (key,) in connection.execute('SELECT id FROM interactions WHERE "startDate" < %s', [cutoff])]
        for first in range(0, len(keys), BARE_BATCH):
            batch = keys[first : first + BARE_BATCH]
            connection.execute("DELETE FROM attachments WHERE entityid = ANY(%s)", [batch])
            connection.execute("DELETE FROM interactions WHERE id = ANY(%s)", [batch])
            connection.commit()
        return {"seconds": time.perf_counter() - started, "rows": len(keys)}


def traffic(url: str, cutoff: str) -> dict[str, Any]:
    """Reads and changes rows that stay, one every few milliseconds."""
    took: list[float] = []
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        asked = 'SELECT id FROM interactions WHERE "startDate" >= %s ORDER BY "startDate" LIMIT 20000'
        keys = [key for (key,) in connection.execute(asked, [cutoff])]
        while not select.select([sys.stdin], [], [], 0)[0]:
            key = keys[len(took) * 7919 % len(keys)]
            started = time.perf_counter()
            connection.execute("SELECT * FROM interactions WHERE id = %s", [key]).fetchone()
            connection.execute('UPDATE interactions SET "theComment" = %s WHERE id = %s', ["seen", key])
            took.append((time.perf_counter() - started) * 1000)
            time.sleep(0.004)
    return {"p99_ms": statistics.quantiles(took, n=100)[98], "median_ms": statistics.median(took), "asked": len(took)}


def preview(url: str, cutoff: str) -> dict[str, Any]:
    """A preview of a rule of that age, and the count that it needs, in turn."""
    from retention.models import Rule
    from retention.services.previews import preview as look

    access, _ = organization(url)
    age = (datetime.now(UTC) - datetime.fromisoformat(cutoff)).days
    rule = Rule(organization=access.organization, data_type="Interaction", maximum_age=age, author=access.user)
    mine, bare = [], []
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for _ in range(7):
            started = time.perf_counter()
            connection.execute('SELECT count(*) FROM interactions WHERE "startDate" < %s', [cutoff]).fetchone()
            bare.append(time.perf_counter() - started)
            started = time.perf_counter()
            look(access, rule=rule, exact=True)
            mine.append(time.perf_counter() - started)
    return {"seconds": statistics.median(mine), "bare_seconds": statistics.median(bare)}


def peak_mb() -> float:
    """The most memory this program had resident. (getrusage would count what its parent had before the exec.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


MODES = {"order": order, "purge": purge, "export": export, "delete": delete, "traffic": traffic, "preview": preview}

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    sys.stdout.write(json.dumps(MODES[sys.argv[1]](*sys.argv[2:])) + "\n")
