"""What soon will be over is announced while there is time, once."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.utils import timezone

from exports.models import Certificate, File, Notice
from exports.services.expiring import announce_expiring

NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def expires(certificate: Certificate, settings: LazySettings) -> datetime:
    """When the certificate does: sixty days from now."""
    settings.FILE_WARNING_DAYS = 0
    moment = timezone.now() + timedelta(days=60)
    Certificate.objects.update(not_after=moment)
    return moment


def look(moment: datetime) -> list[str]:
    """What has been announced once somebody has looked at that moment."""
    announce_expiring(moment)
    return list(Notice.objects.order_by("pk").values_list("once", flat=True))


def test_certificate_is_announced_30_7_and_1_days_before_and_each_once(expires: datetime) -> None:
    seen = [look(expires - timedelta(days=days, hours=hours)) for days in range(32, -1, -1) for hours in (23, 12, 0)]
    assert seen[-1] == ["30 days", "7 days", "1 days"]
    assert [notice.facts["days"] for notice in Notice.objects.order_by("pk")] == [30, 7, 1]


def test_certificate_that_was_not_looked_at_in_time_gets_the_next_warning_only(expires: datetime) -> None:
    assert look(expires - timedelta(days=5)) == ["7 days"]


def test_certificate_that_is_inactive_or_over_is_not_announced(expires: datetime) -> None:
    assert look(expires + timedelta(seconds=1)) == []
    Certificate.objects.update(is_active=False)
    assert look(expires - timedelta(days=1)) == []


@pytest.fixture
def file(file: File, settings: LazySettings) -> File:
    """Expires at noon."""
    settings.FILE_WARNING_DAYS = 3
    File.objects.update(expires_at=NOON)
    return file


def test_files_of_a_job_are_announced_together_once_a_day(file: File) -> None:
    with time_machine.travel(NOON - timedelta(days=4)):
        assert look(NOON - timedelta(days=4)) == []
    for hours in (84, 80, 73, 30, 1):  # from midnight three days before
        with time_machine.travel(NOON - timedelta(hours=hours)):
            assert look(NOON - timedelta(hours=hours)) == ["2026-05-20"]
    facts = Notice.objects.get().facts
    assert (facts["files"], facts["bytes"], facts["expires"]) == (1, file.size, "2026-05-20")


def test_files_that_are_gone_already_are_not_announced(file: File) -> None:
    File.objects.update(deleted_at=NOON - timedelta(days=5))
    with time_machine.travel(NOON - timedelta(days=1)):
        assert look(NOON - timedelta(days=1)) == []


def test_no_files_are_announced_where_that_is_switched_off(file: File, settings: LazySettings) -> None:
    settings.FILE_WARNING_DAYS = 0
    with time_machine.travel(NOON - timedelta(days=1)):
        assert look(NOON - timedelta(days=1)) == []
