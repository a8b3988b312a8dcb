"""Sums and counts of rows that are already chosen: a few queries, however many rows."""

from collections.abc import Collection

from django.db.models import Count, Max, OuterRef, Subquery, Sum

from exports.models import Certificate, File, Job, Part, Run


def part_sums(runs: Collection[Run]) -> dict[int, tuple[int, int]]:
    """By run id: rows done so far, and the attempt of the slowest part. Runs without parts are absent."""
    sums = Part.objects.filter(run__in=runs).values("run").annotate(rows=Sum("rows_done"), attempt=Max("token"))
    return {row["run"]: (row["rows"] or 0, row["attempt"] or 0) for row in sums}


def file_sums(runs: Collection[Run]) -> dict[int, tuple[int, int]]:
    """By run id: sealed bytes, and the number of files. Runs without files are absent."""
    sums = File.objects.filter(run__in=runs).values("run").annotate(bytes=Sum("size"), files=Count("pk"))
    return {row["run"]: (row["bytes"], row["files"]) for row in sums}


def removed(runs: Collection[Run]) -> dict[int, dict[str, int]]:
    """By run id: how many of its files are gone, by File.Removal. Runs that still have all of them are absent."""
    counts = File.objects.filter(run__in=runs).exclude(removal="").values("run", "removal").annotate(files=Count("pk")).order_by()
    found: dict[int, dict[str, int]] = {}
    for row in counts:
        found.setdefault(row["run"], {})[row["removal"]] = row["files"]
    return found


def part_counts(files: Collection[File]) -> dict[int, int]:
    """By run id of the files: into how many parts the run was cut."""
    runs = {file.run_id for file in files}
    return dict(Run.objects.filter(pk__in=runs).annotate(n=Count("parts")).values_list("pk", "n"))


def recipient_names(files: Collection[File]) -> dict[str, str]:
    """By fingerprint: the names of the certificates, still known to the organization, that the files are sealed for."""
    organizations = {file.organization_id for file in files}
    return dict(Certificate.objects.filter(organization__in=organizations).values_list("fingerprint", "name"))


def last_runs(jobs: Collection[Job]) -> dict[int, Run]:
    """By job id: the run that ended last. Jobs without one are absent."""
    ended = Run.objects.filter(job=OuterRef("pk")).exclude(status__in=Run.ACTIVE).order_by("-slot", "-pk").values("pk")[:1]
    ids = dict(Job.objects.filter(pk__in=[job.pk for job in jobs]).annotate(last=Subquery(ended)).values_list("pk", "last"))
    runs = Run.objects.in_bulk([pk for pk in ids.values() if pk])
    return {job: runs[pk] for job, pk in ids.items() if pk in runs}
