"""A slot that comes while a run of its job goes on: it waits its turn, none is lost, and it exports what there is at its own start."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone
from sqlalchemy import create_engine, insert, select

from exports.models import Job, Run
from exports.services.claiming import claim_run_to_plan
from exports.services.planning import plan, selections
from exports.services.starting import start_due
from exports.services.work import run_until_idle
from exports.sources.contact_history import interactions
from tests.exports.world import World

MINUTE = timedelta(minutes=1)


@pytest.fixture
def busy(world: World) -> Job:
    """A job by the minute, two runs of which fell due while its first one goes on, in the hands of a worker that is alive."""
    first = timezone.now().replace(second=0, microsecond=0) - 2 * MINUTE
    job = world.job(cron="* * * * *", next_slot=first, misfire="all", all_time=False, date_from=first - timedelta(days=9999))
    for minute in range(3):
        start_due(first + minute * MINUTE)
    assert claim_run_to_plan() == job.runs.order_by("pk").first()
    return job


def runs(job: Job) -> list[Run]:
    return list(job.runs.order_by("pk"))


def let_the_first_go_on(job: Job) -> None:
    """Its worker died: the lease is free again."""
    Run.objects.filter(pk=runs(job)[0].pk).update(lease_until=None)


def test_while_a_run_goes_on_the_next_ones_wait(busy: Job) -> None:
    assert run_until_idle() == 0
    assert [run.status for run in runs(busy)] == ["in_progress", "pending", "pending"]
    assert [later.slot - earlier.slot for earlier, later in pairwise(runs(busy))] == [MINUTE, MINUTE]


def test_then_they_run_one_after_another_and_none_is_lost(world: World, busy: Job) -> None:
    let_the_first_go_on(busy)
    run_until_idle()
    world.assert_whole(*runs(busy))
    for earlier, later in pairwise(runs(busy)):
        assert earlier.finished_at
        assert later.started_at
        assert earlier.finished_at <= later.started_at


def test_a_run_that_waited_takes_the_time_up_to_its_own_start(world: World, busy: Job) -> None:
    let_the_first_go_on(busy)
    first = claim_run_to_plan()
    assert first is not None
    plan(first).__exit__(None, None, None)
    one_more_interaction(world, "late")
    run_until_idle()
    early, late = runs(busy)[:2]
    assert early.cutoff is not None
    assert late.started_at is not None
    assert early.cutoff < late.started_at
    assert ("late" in world.ids(early), "late" in world.ids(late)) == (False, True)
    for run in (early, late):
        ((_, chosen),) = selections(run)
        assert (chosen.date_from, chosen.date_to) == (busy.date_from, run.cutoff)


def one_more_interaction(world: World, key: str) -> None:
    """It starts now."""
    engine = create_engine(world.url)
    with engine.begin() as connection:
        row = dict(connection.execute(select(interactions).limit(1)).mappings().one())
        connection.execute(insert(interactions).values({**row, "id": key, "startDate": timezone.now()}))
    engine.dispose()
