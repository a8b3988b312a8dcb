"""Retention jobs from the request to the files: a real contact history, the real worker's loop, the clock at night and at noon."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from rest_framework.test import APIClient

from accounts.models import AccessToken
from exports.models import Dataset, File, Notice
from exports.sources.contact_history import attachments, interactions
from retention.models import Disposition, Purge, RetentionJob
from retention.services.holds import place
from tests.retention.purge_world import PurgeWorld

IS_CHAT = interactions.c.mediaTypeId == "chat"
CHATS = {"Interaction": "mediaTypeId eq 'chat'"}
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=True) as traveller:
        yield traveller


class Site:
    """Over HTTP, as the owner."""

    def __init__(self, world: PurgeWorld) -> None:
        self.world, self.client = world, APIClient()
        _, token = AccessToken.issue(world.owner, world.organization, lifetime=timedelta(days=2))
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        self.address = f"/orgs/{world.organization.pk}/retention/jobs"

    def create(self, kind: str, criteria: dict[str, str] | None = None) -> str:
        answer = self.client.post(self.address, {"jobType": kind, "criteria": criteria or CHATS})
        assert answer.status_code == 204, answer.content
        return str(answer["Location"])

    def work(self, location: str) -> dict[str, Any]:
        """Work until nothing is left, and what is said of the job then."""
        self.world.work()
        said: dict[str, Any] = self.client.get(location).json()
        return said


@pytest.fixture
def site(clock: time_machine.Traveller, small: PurgeWorld) -> Site:
    small.settings.window_start, small.settings.window_end, small.settings.batch_rows = time(1), time(5), 20
    small.settings.save()
    return Site(small)


def test_an_extract_waits_for_the_night_and_deletes_nothing(site: Site, clock: time_machine.Traveller) -> None:
    before, chats = site.world.contents(), site.world.there("Interaction", IS_CHAT)
    location = site.create("Extract")
    assert site.work(location)["status"] == "Pending"
    clock.move_to(NIGHT)
    said = site.work(location)
    assert (said["status"], said["rowsExtracted"], said["rowsPurged"]) == ("Completed", len(chats), 0), said
    assert site.world.in_files(Purge.objects.get()) == chats
    assert site.world.contents() == before
    assert not Disposition.objects.exists()


def test_an_extract_and_purge_leaves_the_rows_in_files_only(site: Site, clock: time_machine.Traveller) -> None:
    before, chats = site.world.there(), site.world.there("Interaction", IS_CHAT)
    theirs = site.world.there("Attachment", attachments.c.entityid.in_(chats))
    location = site.create("ExtractPurge")
    clock.move_to(NIGHT)
    said = site.work(location)
    figures = [said[name] for name in ("status", "rowsExtracted", "rowsPurged", "rowsKept")]
    assert figures == ["Completed", len(chats), len(chats), 0], said
    [resource] = said["resources"]
    assert (resource["childRowsExtracted"], resource["childRowsPurged"]) == (len(theirs), len(theirs))
    assert site.world.assert_accounted(Purge.objects.get(), before) == chats
    assert Disposition.objects.get().facts["job"]["id"] == str(RetentionJob.objects.get().pk)


def test_its_files_are_downloaded_and_by_fresh_links(site: Site, clock: time_machine.Traveller) -> None:
    location = site.create("Extract")
    clock.move_to(NIGHT)
    site.work(location)
    listed = site.client.get(f"{location}/files").json()
    names = list(File.objects.filter(run__purge__isnull=False).order_by("pk").values_list("name", flat=True))
    assert [file["name"] for file in listed] == names
    assert all(b"".join(APIClient().get(file["link"])) for file in listed)


def test_the_window_closes_and_the_job_goes_on_in_the_next(site: Site, clock: time_machine.Traveller) -> None:
    chats = site.world.there("Interaction", IS_CHAT)
    location = site.create("ExtractPurge")
    clock.move_to(NIGHT)
    site.world.work_until("batch.done")
    gone = len(chats - site.world.there())
    assert 0 < gone < len(chats)
    clock.move_to(NOON + timedelta(days=1))
    said = site.work(location)
    assert (said["status"], said["rowsPurged"]) == ("InProgress", gone)
    clock.move_to(NIGHT + timedelta(days=1))
    said = site.work(location)
    assert (said["status"], said["rowsPurged"]) == ("Completed", len(chats)), said


def test_what_a_hold_covers_is_kept_and_counted(site: Site, clock: time_machine.Traveller) -> None:
    chats = site.world.there("Interaction", IS_CHAT)
    held = min(chats)
    location = site.create("ExtractPurge")
    clock.move_to(NIGHT)
    place(site.world.access, site.world.datasets["Interaction"], matter="A", reason="B", keys=[[held]])
    said = site.work(location)
    assert (said["rowsPurged"], said["rowsKept"]) == (len(chats) - 1, 1), said
    assert site.world.there("Interaction", IS_CHAT) == {held}


def test_an_extract_holds_what_a_hold_covers_too(site: Site, clock: time_machine.Traveller) -> None:
    chats = site.world.there("Interaction", IS_CHAT)
    place(site.world.access, site.world.datasets["Interaction"], matter="A", reason="B", keys=[[min(chats)]])
    location = site.create("Extract")
    clock.move_to(NIGHT)
    said = site.work(location)
    assert (said["rowsExtracted"], said["rowsKept"]) == (len(chats), 0), said


def test_a_job_that_is_cancelled_midway_keeps_the_rest(site: Site, clock: time_machine.Traveller) -> None:
    before, chats = site.world.there(), site.world.there("Interaction", IS_CHAT)
    location = site.create("ExtractPurge")
    clock.move_to(NIGHT)
    site.world.work_until("batch.done")
    gone = chats - site.world.there()
    assert 0 < len(gone) < len(chats)
    assert site.client.post(f"{location}/cancel").json()["status"] == "InProgress"
    clock.move_to(NOON + timedelta(days=1))
    said = site.work(location)
    assert (said["status"], said["rowsPurged"]) == ("Cancelled", len(gone)), said
    assert site.world.assert_accounted(Purge.objects.get(), before) == gone
    assert Disposition.objects.exists()


def test_one_resource_that_fails_does_not_stop_the_other(site: Site, clock: time_machine.Traveller) -> None:
    location = site.create("ExtractPurge", {**CHATS, "Contact": "ContactId ne ''"})
    with site.world.writing() as connection:
        connection.execute(sa.text("ALTER TABLE contacts RENAME TO elsewhere"))
    clock.move_to(NIGHT)
    said = site.work(location)
    assert said["status"] == "Failed"
    assert str(said["message"]).startswith("Contact: ")
    assert not site.world.there("Interaction", IS_CHAT)


def test_looking_again_begins_and_ends_nothing_twice(site: Site, clock: time_machine.Traveller) -> None:
    location = site.create("Extract")
    clock.move_to(NIGHT)
    for _ in range(3):
        site.work(location)
    assert (Purge.objects.count(), Notice.objects.filter(event="RetentionJobCompleted").count()) == (1, 1)


def test_what_has_no_key_is_extracted_all_the_same(site: Site, clock: time_machine.Traveller) -> None:
    there = site.world.there("Contact")
    Dataset.objects.filter(name="Contact").update(key_columns=[])
    location = site.create("Extract", {"Contact": "true"})
    clock.move_to(NIGHT)
    said = site.work(location)
    assert (said["status"], said["rowsExtracted"]) == ("Completed", len(there)), said
