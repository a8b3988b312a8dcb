"""What the console shows of a purge that really ran."""

import pytest
from django.urls import reverse

from accounts.roles import DISPOSITION_APPROVER, RETENTION_READER
from exports.sources.base import Head
from exports.sources.contact_history import interactions
from retention.models import KeyChunk, Purge, RetentionSettings
from retention.services import glance, ledger
from tests.conftest import access_in
from tests.console.conftest import signed_in
from tests.console.scenes import person
from tests.retention.purge_world import PurgeWorld


@pytest.fixture
def asking(small: PurgeWorld) -> Purge:
    """Over its cap: it waits for approval, its keys are frozen."""
    RetentionSettings.objects.update(most_percent=1)
    purge = small.purged()
    assert purge.status == Purge.Status.AWAITING_APPROVAL
    return purge


def test_sample_is_of_the_frozen_rows(small: PurgeWorld, asking: Purge) -> None:
    found = glance.sample(access_in(small.organization, small.owner), asking)
    assert isinstance(found, Head)
    shown = {row[found.columns.index("id")] for row in found.rows}
    assert len(shown) == glance.SAMPLES
    assert shown <= small.there("Interaction", interactions.c.mediaTypeId == "chat")


def test_sample_is_for_who_may_export(small: PurgeWorld, asking: Purge) -> None:
    reader = person("reader", small.organization, RETENTION_READER)
    assert "whoever may export" in str(glance.sample(access_in(small.organization, reader), asking))


def test_sample_of_a_damaged_key_set_says_so(small: PurgeWorld, asking: Purge) -> None:
    KeyChunk.objects.update(sha256="0" * 64)
    assert "not what was written" in str(glance.sample(access_in(small.organization, small.owner), asking))


def test_somebody_else_approves_on_the_page_and_the_rows_go(small: PurgeWorld, asking: Purge) -> None:
    client = signed_in(person("approver", small.organization, DISPOSITION_APPROVER))
    sent = {"rows": f"{asking.selected:,}", "key_set": asking.key_set_sha256}
    client.post(reverse("console-retention-purge-approve", args=[asking.pk]), sent)
    small.work()
    assert not small.there("Interaction", interactions.c.mediaTypeId == "chat")
    page = client.get(reverse("console-retention-purge", args=[asking.pk])).content.decode()
    assert "approver" in page
    assert reverse("console-retention-disposition", args=[1]) in page


def test_what_goes_along_is_counted_per_dataset(small: PurgeWorld) -> None:
    purge = small.purged()
    [child] = glance.along(purge, ledger.deleted_children(purge))
    assert child.name == "Attachment"
    assert child.rows == child.gone > 0


def test_owner_downloads_the_files_of_the_extract(small: PurgeWorld) -> None:
    purge, client = small.purged(), signed_in(small.owner)
    page = client.get(reverse("console-retention-purge", args=[purge.pk])).content.decode()
    file = glance.files(access_in(small.organization, small.owner), purge)[0]
    link = reverse("console-retention-file", args=[purge.pk, file.pk])
    assert link in page
    assert client.get(link)["Location"].startswith("/download/")
