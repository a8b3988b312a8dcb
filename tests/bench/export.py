"""One export in a process of its own, as a worker does it: `python -m tests.bench.export URL FORMAT`.

Prints JSON: seconds from claim to completed, peak_mb of the process, rows, size (sealed bytes), and busy: CPU seconds a stage.
"""

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def main(url: str, file_format: str) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    run = _run(url, file_format)
    busy = _stopwatches()
    from exports.services.work import run_until_idle

    started, before = time.perf_counter(), time.process_time()
    run_until_idle()
    seconds = time.perf_counter() - started
    busy["encode-and-rest"] = time.process_time() - before - sum(busy.values())
    run.refresh_from_db()
    if run.status != "completed":
        raise SystemExit(f"The export ended as {run.status}: {run.message} {run.traceback}")
    files = list(run.files.all())
    peak = _peak_mb()
    figures = {
        "seconds": seconds,
        "peak_mb": peak,
        "rows": sum(file.rows for file in files),
        "size": sum(file.size for file in files),
        "busy": busy,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def _peak_mb() -> float:
    """The most memory this program had resident. (getrusage would count what its parent had before the exec.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _run(url: str, file_format: str) -> Any:
    """A job for all interactions of the source at `url`, in one file if that holds them, and its first run."""
    from django.utils import timezone

    from accounts.models import Organization, User
    from accounts.roles import ADMINISTRATOR
    from accounts.services.access import superuser_access
    from accounts.services.people import join
    from exports.models import Job, Run, Source
    from exports.services import catalogue, certificates
    from exports.sources.contact_history import KIND
    from tests.keys import new_certificate

    organization = Organization.objects.create(key="bench", name="Bench")
    owner = User.objects.create_superuser("bench")
    join(owner, organization, [ADMINISTRATOR])
    certificates.upload(superuser_access(owner, organization), "bench.pem", new_certificate()[0])
    source = Source.objects.create(organization=organization, key="bench", name="Bench", kind=KIND, url=url)
    proposed = [dataset for dataset in catalogue.discover(source) if dataset.name == "Interaction"]
    for dataset in proposed:
        dataset.save()
    job = Job.objects.create(
        organization=organization,
        owner=owner,
        source=source,
        dataset=proposed[0],
        title="Bench",
        file_split_size="1GB",
        split_bytes=10**9,
        format=file_format,
    )
    return Run.objects.create(organization=organization, job=job, slot=timezone.now())


def _stopwatches() -> dict[str, float]:
    """CPU seconds of the thread that reads, and of the one that zips, seals, stores and reads back. What is left is encoding."""
    from exports.services import writing

    busy: defaultdict[str, float] = defaultdict(float)

    def reading(*args: Any) -> Iterator[Any]:
        before = time.thread_time()
        yield from counted(*args)
        busy["read"] += time.thread_time() - before

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            before = time.thread_time()
            result = function(*args)
            busy[stage] += time.thread_time() - before
            return result

        return call

    counted = vars(writing)["_counted"]
    vars(writing)["_counted"] = reading
    for stage, name in (("zip-seal-store", "_seal_file"), ("read-back", "_verify")):
        vars(writing)[name] = timed(stage, vars(writing)[name])
    return busy


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=os.environ.get("DATA")) as folder:
        os.environ["STRONGROOM_SQLITE_FOLDER"] = os.environ.get("BENCH_SQLITE_FOLDER", folder)
        os.environ["DATA"] = str(Path(folder))
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        main(sys.argv[1], sys.argv[2])
