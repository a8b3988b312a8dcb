"""A run from its slot to its listed files."""

import itertools
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage
from django.utils import timezone

from exports.models import File, Run
from exports.services import certificates
from exports.services.work import run_until_idle
from tests.exports.world import World
from tests.keys import new_certificate


def ended(run: Run) -> Run:
    run_until_idle()
    run.refresh_from_db()
    return run


def source_ids(world: World, where: str = "1") -> set[str]:
    with sqlite3.connect(world.folder / "sources" / "history.sqlite3") as connection:
        return {row[0] for row in connection.execute(f"SELECT id FROM interactions WHERE {where}")}


def test_a_run_writes_every_row_once_and_lists_its_file(world: World) -> None:
    run = ended(world.run())
    world.assert_whole(run)
    assert world.ids(run) == dict.fromkeys(source_ids(world), 1)
    assert [file.name for file in File.objects.listed()] == [f"Interaction-{run.pk}.zip.p7m"]
    assert run.progress == 100


def test_a_split_run_has_parts_that_open_alone_and_hold_every_row_once(world: World) -> None:
    run = ended(world.run(split_bytes=60_000))
    world.assert_whole(run)
    assert run.parts.count() > 3
    assert world.ids(run) == dict.fromkeys(source_ids(world), 1)


def test_attachments_go_to_their_own_file_and_refer_to_their_interaction(world: World) -> None:
    run = ended(world.run(export_attachments=True))
    world.assert_whole(run)
    file = run.files.get(part__dataset__name="Attachment")
    rows = world.open(file)
    assert file.member == f"Interaction-Attachment-{run.pk}.json"
    assert {row["entityid"] for row in rows} <= set(world.ids(run))
    with sqlite3.connect(world.folder / "sources" / "history.sqlite3") as connection:
        assert {row["id"] for row in rows} == {found for (found,) in connection.execute("SELECT id FROM attachments")}


def test_only_the_sub_types_that_were_asked_for_are_written(world: World) -> None:
    run = ended(world.run(media=["chat", "sms"]))
    assert set(world.ids(run)) == source_ids(world, "mediaTypeId IN ('chat', 'sms')")


def test_a_time_frame_holds_its_first_moment_and_not_its_last(world: World) -> None:
    begin, end = datetime(2023, 6, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
    run = ended(world.run(all_time=False, date_from=begin, date_to=end))
    inside = "startDate >= '2023-06-01 00:00:00.000000' AND startDate < '2024-06-01 00:00:00.000000'"
    assert set(world.ids(run)) == source_ids(world, inside)


def test_attachments_follow_the_time_frame_of_their_interactions(world: World) -> None:
    begin, end = datetime(2023, 6, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
    run = ended(world.run(all_time=False, date_from=begin, date_to=end, export_attachments=True))
    assert {row["entityid"] for row in world.open(run.files.get(part__dataset__name="Attachment"))} <= set(world.ids(run))


def test_a_run_that_finds_nothing_completes_without_a_file(world: World) -> None:
    run = ended(world.run(all_time=False, date_from=datetime(1900, 1, 1, tzinfo=UTC), date_to=datetime(1901, 1, 1, tzinfo=UTC)))
    world.assert_whole(run)
    assert not run.files.exists()


def test_a_file_is_sealed_for_every_active_certificate(world: World) -> None:
    second = certificates.upload(world.access, "second.pem", new_certificate(2048)[0], primary=False)
    file = ended(world.run()).files.get()
    assert set(file.recipients) == {world.certificate.fingerprint, second.fingerprint}


def test_a_run_without_a_certificate_fails_with_a_sentence(world: World) -> None:
    world.organization.certificates.update(is_active=False)
    run = ended(world.run())
    assert (run.status, run.message) == (Run.Status.FAILED, "There is no certificate to seal for. Upload one, then run the job again.")


def test_a_run_for_an_expired_certificate_fails_and_names_it(world: World) -> None:
    world.organization.certificates.update(not_after=timezone.now() - timedelta(seconds=1))
    run = ended(world.run())
    assert run.status == Run.Status.FAILED
    assert "olga.pem has expired" in run.message


def test_a_run_whose_owner_left_the_organization_fails_with_a_sentence(world: World) -> None:
    run = world.run()
    world.owner.organizations.clear()
    assert "olga no longer belongs to Acme" in ended(run).message


def test_a_source_that_is_gone_fails_the_run_after_its_attempts_and_leaves_nothing(world: World, settings: LazySettings) -> None:
    settings.RUN_ATTEMPTS = 2
    (world.folder / "sources" / "history.sqlite3").unlink()
    run = ended(world.run())
    assert run.status == Run.Status.FAILED
    assert run.message
    assert not world.stored()


def test_a_column_that_cannot_be_found_fails_before_the_first_byte(world: World) -> None:
    dataset = world.datasets["Interaction"]
    dataset.columns = ["id", "no_such_column"]
    dataset.save()
    run = ended(world.run())
    assert run.status == Run.Status.FAILED
    assert "no_such_column" in run.message
    assert not world.stored()


def test_a_column_of_mixed_types_is_read_again_exactly(world: World) -> None:
    with sqlite3.connect(world.folder / "sources" / "history.sqlite3") as connection:
        connection.execute("UPDATE interactions SET ownerId = 'nobody' WHERE id = (SELECT max(id) FROM interactions)")
    run = ended(world.run())
    world.assert_whole(run)
    assert run.parts.get().exact
    assert [row["ownerId"] for row in world.open(run.files.get()) if isinstance(row["ownerId"], str)] == ["nobody"]


def test_a_jobs_runs_go_one_after_another_and_none_is_lost(world: World) -> None:
    job = world.job()
    first, second = world.run(job), world.run(job)
    ended(second)
    first.refresh_from_db()
    assert first.finished_at
    assert second.started_at
    assert first.finished_at <= second.started_at
    assert {first.status, second.status} == {Run.Status.COMPLETED}


def test_the_manifest_names_ranges_hashes_and_recipients(world: World) -> None:
    run = ended(world.run(split_bytes=60_000))
    with default_storage.open(run.manifest_key) as stored:
        manifest = json.loads(stored.read())
    files = manifest["files"]
    ranges = list({entry["part"]: (entry["keyAfter"], entry["keyUpto"]) for entry in files}.values())
    assert ranges[0][0] is None
    assert ranges[-1][1] is None
    assert all(left[1] == right[0] for left, right in itertools.pairwise(ranges))
    assert {tuple(entry["recipients"]) for entry in files} == {(world.certificate.fingerprint,)}


@pytest.mark.parametrize("profile", ["standard", "authenticated", "smime"])
def test_each_sealing_profile_is_opened_by_openssl(world: World, profile: str) -> None:
    world.organization.certificates.update(profile=profile)
    run = ended(world.run())
    world.assert_whole(run)


def test_files_belong_to_their_owner_only(world: World) -> None:
    ended(world.run())
    modes = {path.stat().st_mode & 0o777 for path in (world.folder / "files").rglob("*") if path.is_file()}
    assert modes == {0o600}
