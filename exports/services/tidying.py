"""What nobody asks for and everybody relies on: leftovers removed, expired files gone, stored bytes still what they were."""

import logging

from django.core.files.storage import default_storage
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from exports.models import File, Part, Run
from exports.sealing.storage import StorageError
from exports.services.delivering import forget_old
from exports.services.expiring import announce_expiring
from exports.services.files import expire_files
from exports.services.finishing import collect
from exports.services.reading_back import is_as_written

logger = logging.getLogger(__name__)

SAMPLE = 20
"""Files that are read back at each round, those first whose last check is the longest ago."""


def tidy_up() -> None:
    now = timezone.now()
    announce_expiring(now)
    expire_files(now)
    collect_ended()
    check_sample()
    forget_old(now)


def collect_ended() -> int:
    """Collect the ended runs that nobody works on any more and that have not been collected since. Gives how many.

    What a storage refuses to give up is tried again at the next round.
    """
    at_work = Part.objects.filter(run=OuterRef("pk"), status=Part.Status.RUNNING, lease_until__gte=Now())
    ended = Run.objects.exclude(status__in=Run.ACTIVE).filter(Q(collected_at=None) | Q(collected_at__lt=F("finished_at")), ~Exists(at_work))
    return sum(_is_collected(run) for run in ended.order_by("pk")[:100])


def _is_collected(run: Run) -> bool:
    try:
        collect(run)
    except StorageError as error:
        logger.warning("%s", error)
        return False
    return True


def check_sample() -> list[File]:
    """Read back a sample of the stored files; those that differ from what was written are marked, logged and given."""
    files = File.objects.listed().filter(damaged_at=None).order_by("checked_at")[:SAMPLE]
    return [file for file in files if not _is_whole(file)]


def _is_whole(file: File) -> bool:
    """False if the storage answers and does not hold what was written. A storage that does not answer says nothing about the file."""
    try:
        whole = default_storage.exists(file.storage_key) and is_as_written(file, lambda: None)
    except StorageError as error:
        logger.warning("%s", error)
        return True
    now = timezone.now()
    File.objects.filter(pk=file.pk).update(checked_at=now, damaged_at=None if whole else now)
    if not whole:
        logger.error("The stored bytes of %s (%s) are not what was written", file.name, file.storage_key)
    return whole
