"""What the pages show: rows of the database together with the words and figures that belong beside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cron_descriptor import ExpressionDescriptor, Options
from cron_descriptor.Exception import FormatException, MissingFieldException
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.services.access import Access
from exports.models import Certificate, File, Job, Run
from exports.models.certificate import ADVISED_RSA_BITS
from exports.services import figures, visible
from exports.services.filters import conditions_of, in_words
from exports.services.jobs import status_beside
from exports.services.runs import Status, current_runs

EXPIRES_SOON = timedelta(days=30)


def duration_words(length: timedelta | None) -> str:
    """`4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; empty for None."""
    if length is None:
        return ""
    seconds = max(0, round(length.total_seconds()))
    for big, big_name, small, small_name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= big:
            rest = seconds % big // small
            return f"{seconds // big} {big_name}" + (f" {rest} {small_name}" if rest else "")
    return f"{seconds} s" if seconds else "under 1 s"


def cron_words(cron: str) -> str:
    """`At 03:00, Monday through Friday`; the expression itself where it has no words."""
    options = Options()
    options.use_24hour_time_format = True
    try:
        return str(ExpressionDescriptor(cron, options).get_description())
    except (FormatException, MissingFieldException, ValueError):
        return cron


def schedule_words(job: Job) -> str:
    if job.cron:
        return cron_words(job.cron)
    return f"Once, {job.start_date:%Y-%m-%d %H:%M} UTC" if job.start_date else "Once, at its creation"


def by_both_clocks(moments: Iterable[datetime], zone: str) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """(by the clock of the zone, in UTC) of each: the day with that of the week, and the time."""
    local = ZoneInfo(zone)
    return [(_day_and_time(moment.astimezone(local), " %Z"), _day_and_time(moment.astimezone(UTC))) for moment in moments]


def _day_and_time(moment: datetime, suffix: str = "") -> tuple[str, str]:
    return moment.strftime("%a %Y-%m-%d"), moment.strftime(f"%H:%M{suffix}")


def misfire_words(job: Job) -> str:
    return {Job.Misfire.NONE: "do not run", Job.Misfire.ONCE: "the latest runs once", Job.Misfire.ALL: "each runs"}[
        Job.Misfire(job.misfire)
    ]


# --- runs ------------------------------------------------------------------------------------------------------------


@dataclass
class RunEntry:
    """A run with its sums. `rows` are those done so far, `size` the sealed bytes of its files, `attempt` that of its slowest part."""

    run: Run
    rows: int
    attempt: int
    size: int
    file_count: int
    files: "list[FileEntry]"
    more_files: int = 0

    @property
    def status_label(self) -> str:
        return str(self.run.get_status_display())

    @property
    def percent(self) -> int:
        if self.run.status == Run.Status.COMPLETED:
            return 100
        return min(99, self.rows * 100 // self.run.rows_total) if self.run.rows_total else 0

    @property
    def duration(self) -> str:
        start, end = self.run.started_at, self.run.finished_at or timezone.now()
        return duration_words(end - start if start else None)

    @property
    def seconds_left(self) -> int | None:
        """At the pace so far; None until there is a pace worth the name."""
        if self.run.status != Run.Status.IN_PROGRESS or not self.run.started_at or not self.run.rows_total or self.percent < 2:
            return None
        spent = (timezone.now() - self.run.started_at).total_seconds()
        return round(spent * max(0, self.run.rows_total - self.rows) / self.rows)

    @property
    def time_left(self) -> str:
        return duration_words(timedelta(seconds=self.seconds_left or 0))


def run_entries(runs: Iterable[Run]) -> list[RunEntry]:
    """Three queries, however many runs."""
    found = list(runs)
    done, kept = figures.part_sums(found), figures.file_sums(found)
    return [RunEntry(run, *done.get(run.pk, (0, 0)), *kept.get(run.pk, (0, 0)), []) for run in found]


def runs_of(access: Access) -> "QuerySet[Run]":
    return visible.runs(access).select_related("job__dataset", "job__source").order_by("-slot", "-pk")


def watched(runs: Iterable[Run]) -> str:
    """The query string with which a page asks how its active runs go; empty when none is."""
    return urlencode([("run", run.pk) for run in runs if run.is_active])


# --- files -----------------------------------------------------------------------------------------------------------


@dataclass
class FileEntry:
    file: File
    recipients: list[str]
    parts: int

    @property
    def sealed_for(self) -> list[tuple[str, str]]:
        """(name, fingerprint) of each certificate that opens it."""
        return list(zip(self.recipients, self.file.recipients, strict=True))

    @property
    def days_left(self) -> int:
        return max(0, (self.file.expires_at - timezone.now()).days)


def files_of(access: Access) -> "QuerySet[File]":
    return visible.files(access).select_related("part", "run__job").order_by("-created_at", "name")


def file_entries(files: Iterable[File]) -> list[FileEntry]:
    """`recipients` are the names of the certificates, or the beginning of the fingerprint of one that is gone."""
    found = list(files)
    names, parts = figures.recipient_names(found), figures.part_counts(found)
    return [
        FileEntry(file, [names.get(fingerprint, f"{fingerprint[:12]}…") for fingerprint in file.recipients], parts.get(file.run_id, 1))
        for file in found
    ]


def with_files(entries: list[RunEntry], access: Access, limit: int) -> list[RunEntry]:
    """The entries with their first listed files, at most `limit` a run."""
    for entry in entries:
        listed = files_of(access).filter(run=entry.run).order_by("part__number", "name")
        entry.files = file_entries(listed[:limit])
        entry.more_files = max(0, listed.count() - limit)
    return entries


# --- certificates ----------------------------------------------------------------------------------------------------


@dataclass
class CertificateEntry:
    certificate: Certificate
    now: datetime

    @property
    def is_weak(self) -> bool:
        return self.certificate.is_weak

    @property
    def is_usable(self) -> bool:
        return self.certificate.is_active and self.certificate.not_before <= self.now < self.certificate.not_after

    @property
    def state(self) -> str:
        if self.certificate.not_after <= self.now:
            return "expired"
        if not self.certificate.is_active:
            return "inactive"
        return "soon" if self.certificate.not_after - self.now < EXPIRES_SOON else "active"

    @property
    def state_label(self) -> str:
        return {"soon": "expires soon"}.get(self.state, self.state)


@dataclass(frozen=True)
class CertificateHealth:
    """One headline about all certificates of an organization."""

    usable: int
    tone: str
    headline: str
    detail: str


def certificate_health(access: Access, now: datetime) -> CertificateHealth:
    active = [CertificateEntry(row, now) for row in visible.certificates(access).filter(is_active=True).order_by("not_after")]
    usable = [entry for entry in active if entry.is_usable]
    if not usable:
        detail = "every active one has expired: no export starts" if active else "no export starts without one"
        return CertificateHealth(0, "bad", "Expired" if active else "None", detail)
    first = usable[0].certificate
    if first.not_after - now < EXPIRES_SOON:
        days = (first.not_after - now).days
        return CertificateHealth(
            len(usable), "warn", f"{days} day{'' if days == 1 else 's'} left", f"{first.name} expires on {first.not_after:%Y-%m-%d}"
        )
    if any(entry.is_weak for entry in usable):
        return CertificateHealth(len(usable), "warn", "Short key", f"RSA of {ADVISED_RSA_BITS} bits or more are recommended")
    return CertificateHealth(len(usable), "", f"{len(usable)} active", f"valid until {first.not_after:%Y-%m-%d} or longer")


# --- jobs ------------------------------------------------------------------------------------------------------------


def jobs_of(access: Access) -> "QuerySet[Job]":
    return visible.jobs(access).select_related("dataset", "source", "owner").order_by("-created_at", "-pk")


def next_job(access: Access) -> Job | None:
    ahead = jobs_of(access).filter(~Q(suspended=True), next_slot__isnull=False, cancelled_at=None)
    return ahead.order_by("next_slot").first()


@dataclass
class JobEntry:
    job: Job
    status: Status
    active: RunEntry | None
    last: Run | None

    @property
    def status_label(self) -> str:
        return "in progress" if self.status == Status.IN_PROGRESS else self.status.value

    @property
    def schedule(self) -> str:
        return schedule_words(self.job)

    @property
    def lag(self) -> str:
        return duration_words(timedelta(seconds=self.job.lag_seconds)) if self.job.lag_seconds else "none"

    @property
    def overlap(self) -> str:
        return duration_words(timedelta(seconds=self.job.overlap_seconds)) if self.job.overlap_seconds else "none"

    @property
    def filters(self) -> list[str]:
        return [in_words(condition) for condition in conditions_of(self.job)]

    @property
    def can_run(self) -> bool:
        return self.active is None and self.job.cancelled_at is None

    @property
    def can_suspend(self) -> bool:
        return not self.job.suspended and self.job.cancelled_at is None and self.job.next_slot is not None


def job_entries(jobs: Iterable[Job]) -> list[JobEntry]:
    """Each job with the run that is under way and the one that ended last."""
    found = list(jobs)
    current, last = current_runs(found), figures.last_runs(found)
    active = {entry.run.job_id: entry for entry in run_entries(run for run in current.values() if run.is_active)}
    return [JobEntry(job, status_beside(job, current.get(job.pk)), active.get(job.pk), last.get(job.pk)) for job in found]
