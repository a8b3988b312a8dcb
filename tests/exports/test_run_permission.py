"""A job runs with what its owner may do while it runs: each loss ends the run with a sentence, and nothing of it stays."""

import pytest
from django.contrib.auth.models import Group

from accounts.models import Membership
from accounts.roles import ADMINISTRATOR, DATA_EXPORTER, EXPORTER
from accounts.services.people import join
from exports.models import File, Part, Run, Source
from exports.services import planning, tidying, work, writing
from exports.services.jobs import run_now
from exports.services.work import run_until_idle
from exports.sources.base import Reader
from tests.exports.world import World


def hold(world: World, *roles: str) -> None:
    """The owner's roles are these and no others."""
    Membership.objects.get().roles.clear()
    join(world.owner, world.organization, roles)


def ended(run: Run) -> Run:
    run_until_idle()
    run.refresh_from_db()
    return run


def test_exporters_job_on_contact_history_runs(world: World) -> None:
    hold(world, EXPORTER)
    assert ended(world.run()).status == Run.Status.COMPLETED


def test_exporters_job_on_another_source_fails_with_a_sentence(world: World) -> None:
    hold(world, EXPORTER)
    Source.objects.update(kind=Source.Kind.SQL)
    run = ended(world.run())
    words = "The job runs with its owner's permissions. olga has no role in Acme that allows to export every source of the organization."
    assert (run.status, run.message, run.traceback) == (Run.Status.FAILED, words, "")


def test_data_exporters_job_on_another_source_runs(world: World) -> None:
    hold(world, DATA_EXPORTER)
    Source.objects.update(kind=Source.Kind.SQL)
    assert ended(world.run()).status == Run.Status.COMPLETED


def test_next_run_fails_once_the_role_is_taken_away(world: World) -> None:
    job = world.job()
    assert ended(world.run(job)).status == Run.Status.COMPLETED
    run = run_now(world.access, job)
    hold(world)
    assert "olga has no role in Acme that allows to export" in ended(run).message


def test_what_the_admin_takes_from_a_role_counts_too(world: World) -> None:
    Group.objects.get(name=ADMINISTRATOR).permissions.clear()
    assert ended(world.run()).status == Run.Status.FAILED


def test_run_of_an_inactive_owner_fails_with_a_sentence(world: World) -> None:
    world.owner.is_active = False
    world.owner.save()
    assert ended(world.run()).message == "The job's owner olga is no longer active. Clone the job: the copy runs as yours."


def test_lack_of_permission_is_not_tried_again(world: World) -> None:
    hold(world)
    run = ended(world.run())
    assert (run.status, run.token, run.parts.count()) == (Run.Status.FAILED, 1, 0)


def test_role_revoked_after_planning_stops_the_run_before_its_first_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(run: Run) -> Reader:
        reader = planning.plan(run)
        hold(world)
        return reader

    monkeypatch.setattr(work, "plan", plan)
    run = ended(world.run(split_bytes=60_000))
    assert (run.status, run.parts.filter(status=Part.Status.PENDING).count()) == (Run.Status.FAILED, run.parts.count() - 1)
    assert "olga has no role in Acme" in run.message


def test_role_revoked_between_parts_stops_the_run_and_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written = lose_after_writing(world, monkeypatch)
    run = ended(world.run(split_bytes=60_000))
    assert (run.status, len(written)) == (Run.Status.FAILED, 1)
    assert "olga has no role in Acme" in run.message
    Part.objects.update(lease_until=None)
    tidying.collect_ended()
    assert not world.stored()
    assert not File.objects.exists()


def test_role_revoked_after_the_last_part_lists_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_after_writing(world, monkeypatch)
    run = ended(world.run())
    assert (run.status, run.parts.get().status) == (Run.Status.FAILED, Part.Status.DONE)
    assert not File.objects.listed().exists()


def lose_after_writing(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """The owner loses their roles once a part is written. Gives the parts that were, as they come."""
    written: list[Part] = []

    def write(part: Part) -> None:
        writing.write_part(part)
        written.append(part)
        hold(world)

    monkeypatch.setattr(work, "write_part", write)
    return written
