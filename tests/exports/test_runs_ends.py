"""Cancelling and deleting runs."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.services.access import Access
from exports.models import File, Job, Part, Run
from exports.services.errors import Conflict, NotFound
from exports.services.runs import cancel_run, delete_run, delete_runs, find, outcomes


def test_cancel_fences_off_the_workers(make_run: Callable[..., Run], access: Access) -> None:
    run = make_run(Run.Status.IN_PROGRESS, token=3)
    part = Part.objects.create(run=run, dataset=run.job.dataset, number=1, status=Part.Status.RUNNING, token=1)
    assert part.held_by(1).exists()
    cancel_run(access, run)
    assert (run.status, run.token, run.message, part.held_by(1).exists()) == ("cancelled", 4, "Cancelled by owner.", False)
    assert run.finished_at is not None


@pytest.mark.parametrize("status", ["completed", "failed", "errored", "cancelled", "skipped"])
def test_cancel_refuses_a_finished_run(access: Access, make_run: Callable[..., Run], status: str) -> None:
    run = make_run(status, token=3)
    with pytest.raises(Conflict):
        cancel_run(access, run)
    assert (run.status, run.token) == (status, 3)


def test_delete_removes_everything_that_the_run_stored(access: Access, completed_run: Run) -> None:
    leftover = default_storage.save(f"{completed_run.organization_id}/{completed_run.pk}/9/9/leftover", ContentFile(b"x"))
    stored = completed_run.files.get().storage_key
    delete_run(access, completed_run.pk)
    assert not default_storage.exists(leftover)
    assert not default_storage.exists(stored)
    assert (Run.objects.count(), Part.objects.count(), File.objects.count()) == (0, 0, 0)


def test_a_run_whose_workers_are_still_stopping_is_not_deleted(access: Access, make_run: Callable[..., Run]) -> None:
    run = make_run(Run.Status.CANCELLED)
    Part.objects.create(
        run=run, dataset=run.job.dataset, number=1, status=Part.Status.RUNNING, lease_until=timezone.now() + timedelta(seconds=9)
    )
    with pytest.raises(Conflict, match="stopped"):
        delete_run(access, run.pk)


def test_a_deleted_record_does_not_let_its_job_run_once_more(
    access: Access, make_job: Callable[..., Job], make_run: Callable[..., Run]
) -> None:
    job = make_job(runs_limit=3)
    delete_run(access, make_run(Run.Status.FAILED, job).pk)
    job.refresh_from_db()
    assert job.runs_limit == 2


def test_many_are_deleted_or_none(access: Access, make_run: Callable[..., Run]) -> None:
    run = make_run(Run.Status.FAILED)
    with pytest.raises(NotFound):
        delete_runs(access, [run.pk, run.pk + 1])
    assert find(access, run.pk) == run


def test_outcomes_count_listed_files_only(completed_run: Run) -> None:
    assert outcomes([completed_run])[completed_run.pk].file_size == 10_240
    File.objects.update(expires_at=timezone.now())
    assert outcomes([completed_run])[completed_run.pk].file_names == ()
