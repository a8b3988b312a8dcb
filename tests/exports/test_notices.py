"""What happened is written down with what makes it true, once, and fails nothing."""

from collections.abc import Callable

import pytest
from django.db import transaction

from accounts.models import Organization
from exports.models import Certificate, Job, Notice, Run
from exports.services.notices import Event, announce
from exports.services.work import run_until_idle
from tests.exports.world import World


def test_completed_run_is_announced_once_with_its_sums(world: World) -> None:
    run = world.run()
    run_until_idle()
    run_until_idle()
    run.refresh_from_db()
    [notice] = Notice.objects.all()
    assert (notice.event, notice.subject_kind, notice.subject_id, notice.owner) == ("run.completed", "run", str(run.pk), world.owner)
    assert (notice.facts["rows"], notice.facts["files"], notice.facts["title"]) == (2000, run.files.count(), "All of Interaction")


def test_failed_run_is_announced_with_its_reason(world: World) -> None:
    Certificate.objects.update(is_active=False)
    run = world.run()
    run_until_idle()
    run.refresh_from_db()
    [notice] = Notice.objects.all()
    assert (notice.event, notice.facts["message"]) == ("run.failed", run.message)
    assert "certificate" in run.message


def test_run_that_was_cancelled_is_not_announced_as_failed(world: World) -> None:
    from exports.services.finishing import fail

    run = world.run()
    Run.objects.filter(pk=run.pk).update(status=Run.Status.CANCELLED)
    fail(Run.objects.filter(pk=run.pk, status=Run.Status.IN_PROGRESS), "too late")
    assert not Notice.objects.exists()


def test_notice_goes_when_its_fact_is_rolled_back(make_job: Callable[..., Job], organization: Organization) -> None:
    job = make_job()
    with transaction.atomic():
        announce(Event.JOB_SUSPENDED, organization=organization, subject=job, facts={"failures": 5})
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_notice_outside_a_transaction_is_refused(make_job: Callable[..., Job], organization: Organization) -> None:
    with pytest.raises(AssertionError, match="together"):
        announce(Event.JOB_SUSPENDED, organization=organization, subject=make_job(), facts={})


def test_what_is_announced_once_is_not_announced_again(certificate: Certificate, organization: Organization) -> None:
    for once in ("30", "30", "7"):
        announce(Event.CERTIFICATE_EXPIRING, organization=organization, subject=certificate, facts={}, once=once)
    assert sorted(Notice.objects.values_list("once", flat=True)) == ["30", "7"]
