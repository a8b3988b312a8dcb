"""Before anything is deleted, and again whenever a worker takes over: the stored files are what was written, and the rows what was approved."""

from django.core.files.storage import default_storage

from exports.models import File
from exports.services.extracts import whole_rows
from exports.services.reading_back import is_as_written
from exports.sources.base import VERSION
from retention.services.failing import PurgeFailed
from retention.services.purging import Session

_COMPARED = 5_000


def damaged_file(session: Session) -> str:
    """The name of a file of the extract that is not listed, or of which the storage does not give back what was written; else empty.

    Raises StorageError if the storage does not answer.
    """
    run = session.purge.run
    assert run is not None, "a purge is verified when it has its extract"
    listed = {file.pk for file in File.objects.listed().filter(run=run)}
    for file in run.files.order_by("pk"):
        if file.pk not in listed or not default_storage.exists(file.storage_key):
            return file.name
        if not is_as_written(file, session.heartbeat.check):
            return file.name
    return ""


def check_as_approved(session: Session) -> None:
    """Every frozen row is as it was when somebody approved that it goes. Raises PurgeFailed at the first that is not."""
    purge, root = session.purge, whole_rows(session.purge.dataset)
    if purge.approved_key_set != purge.key_set_sha256:
        raise PurgeFailed("What was approved is not what was frozen. The approval is void.")
    for start in range(0, purge.selected or 0, _COMPARED):
        session.heartbeat.check()
        rows = session.frozen.rows(purge.dataset, start, min(start + _COMPARED, purge.selected or 0))
        assert rows is not None, "every index below `selected` has a row"
        timeout = session.settings.lock_timeout_ms / 1000
        with session.writer.transaction(lock_timeout=timeout, idle_timeout=timeout + 30):
            standing = session.writer.lock(root, rows.select([*root.key, VERSION]))
        if not standing.unchanged.all():
            raise PurgeFailed("Rows were changed or deleted since they were approved to go. The approval is void; the next run asks again.")
