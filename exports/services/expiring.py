"""What soon will be over, told while there is time: certificates 30, 7 and 1 days before, files FILE_WARNING_DAYS before."""

from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from exports.models import Certificate, File, Job
from exports.services.notices import Event, announce

CERTIFICATE_DAYS = (1, 7, 30)


def announce_expiring(now: datetime) -> None:
    """Each once, however often it is called. What came too late for one warning gets the next only."""
    announce_certificates(now)
    if settings.FILE_WARNING_DAYS:
        announce_files(now)


def announce_certificates(now: datetime) -> None:
    """Those that files are sealed for."""
    soon = Certificate.objects.filter(is_active=True, not_after__gt=now, not_after__lte=now + timedelta(days=CERTIFICATE_DAYS[-1]))
    for certificate in soon.select_related("organization"):
        left = certificate.not_after - now
        stage = next(days for days in CERTIFICATE_DAYS if left <= timedelta(days=days))
        facts: dict[str, str | int | None] = {
            "fingerprint": certificate.fingerprint,
            "subject": certificate.subject,
            "expires": certificate.not_after.isoformat(),
            "days": left.days,
        }
        with transaction.atomic():
            announce(
                Event.CERTIFICATE_EXPIRING, organization=certificate.organization, subject=certificate, facts=facts, once=f"{stage} days"
            )


def announce_files(now: datetime) -> None:
    """One notice for a job's files of one day (UTC), on the first look after that day has come so near."""
    last_day = (now + timedelta(days=settings.FILE_WARNING_DAYS)).astimezone(UTC).date()
    soon = File.objects.listed().filter(expires_at__lt=datetime.combine(last_day + timedelta(days=1), time.min, UTC))
    days = (
        soon.annotate(day=TruncDate("expires_at", tzinfo=UTC))
        .values("run__job", "day")
        .annotate(files=Count("pk"), bytes=Sum("size"))
        .order_by()
    )
    jobs = Job.objects.select_related("organization", "owner").in_bulk({row["run__job"] for row in days})
    for row in days:
        job, day = jobs[row["run__job"]], row["day"].isoformat()
        facts: dict[str, str | int | None] = {"job": job.pk, "files": row["files"], "bytes": row["bytes"], "expires": day}
        with transaction.atomic():
            announce(Event.FILES_EXPIRING, organization=job.organization, subject=job, facts=facts, once=day)
