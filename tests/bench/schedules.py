"""Ten thousand scheduled jobs, five hundred of them due at the same minute: `python -m tests.bench.schedules`.

Starts beat alone, as a process of its own, on a new database; no worker. Right before the slot a job changes, so that beat reads
its rows anew then. Prints a line of JSON: seconds from the slot until all are pending runs, beat's CPU seconds and its peak memory.
"""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

JOBS, DUE = 10_000, 500
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")


def measure() -> dict[str, float]:
    """In a process whose environment names the new database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    slot = (datetime.now(UTC) + timedelta(seconds=100)).replace(second=0, microsecond=0)
    _make_jobs(slot)
    beat = subprocess.Popen([sys.executable, "-m", "celery", "--quiet", "--app", "config", "beat", "--loglevel", "ERROR", "--pidfile="])
    try:
        return {"seconds": _wait(slot), **_spent(beat.pid)}
    finally:
        beat.kill()
        beat.wait()


def _make_jobs(slot: datetime) -> None:
    """DUE jobs at the slot, by four clocks; the others at all minutes of the day, each by one of a few thousand clocks."""
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    from accounts.models import Organization, User
    from exports.models import Dataset, Job, Source

    organization = Organization.objects.create(key="bench", name="Bench")
    source = Source.objects.create(organization=organization, key="s", name="S", url="postgresql://nowhere/none")
    dataset = Dataset.objects.create(source=source, name="D", table="d", key_columns=["id"])
    like: dict[str, Any] = {"organization": organization, "owner": User.objects.create_user("bench"), "source": source, "dataset": dataset}
    moments = [(slot, ZONES[number % 4]) for number in range(DUE)]
    moments += [(slot + timedelta(minutes=1 + number % 1430), ZONES[number // 1430 % 4]) for number in range(JOBS - DUE)]
    crons = [_cron(moment, zone) for moment, zone in moments]
    clocks = {key: CrontabSchedule(minute=key[0].split()[0], hour=key[0].split()[1], timezone=key[1]) for key in dict.fromkeys(crons)}
    CrontabSchedule.objects.bulk_create(clocks.values())
    jobs = Job.objects.bulk_create(
        Job(title=f"Job {number}", cron=cron, timezone=zone, next_slot=moment, split_bytes=2**28, **like)
        for number, ((cron, zone), (moment, _)) in enumerate(zip(crons, moments, strict=True))
    )
    PeriodicTask.objects.bulk_create(
        PeriodicTask(
            name=f"job-{job.pk}", task="exports.look", crontab=clocks[job.cron, job.timezone], last_run_at=slot - timedelta(days=1)
        )
        for job in jobs
    )


def _cron(moment: datetime, zone: str) -> tuple[str, str]:
    from zoneinfo import ZoneInfo

    local = moment.astimezone(ZoneInfo(zone))
    return f"{local.minute} {local.hour} * * *", zone


def _wait(slot: datetime) -> float:
    """Until all that are due are pending: seconds from the slot."""
    from django_celery_beat.models import PeriodicTasks

    from exports.models import Run

    early = (slot - datetime.now(UTC)).total_seconds() - 1
    if early < 10:
        raise SystemExit("Making the jobs took too long for their slot; try again on a machine that is less busy.")
    time.sleep(early)
    PeriodicTasks.update_changed()
    while Run.objects.filter(slot=slot, status=Run.Status.PENDING).count() < DUE:
        if datetime.now(UTC) > slot + timedelta(minutes=2):
            raise SystemExit("Two minutes after the slot, not all of its runs were pending.")
        time.sleep(0.02)
    return (datetime.now(UTC) - slot).total_seconds()


def _spent(pid: int) -> dict[str, float]:
    """Of a process: CPU seconds so far, and peak memory in MB."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {"cpu": (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"), "peak_mb": int(status["VmHWM"].split()[0]) / 1024}


if __name__ == "__main__":
    print(json.dumps(measure()))
