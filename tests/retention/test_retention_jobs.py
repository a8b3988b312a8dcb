"""Retention jobs: what criteria may name, when a job begins, how it ends, and what is told of it. The engine is not at work here."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group

from accounts.models import Membership, Organization, User
from accounts.roles import RETENTION_ADMINISTRATOR, RETENTION_READER
from accounts.services.access import Access, Denied
from accounts.services.people import enrol
from exports.models import Certificate, Dataset, Notice, Source
from exports.services.errors import Conflict, Invalid
from exports.services.mailing import mail_recipients
from exports.sources.predicates import dump_predicate
from retention.models import Purge, RetentionJob, RetentionSettings
from retention.services import retention_jobs
from retention.services.criteria import parse_criteria
from retention.services.job_criteria import MOST_CHARACTERS, MOST_RESOURCES
from retention.services.retention_jobs import settle_jobs, start_due_jobs
from tests.conftest import access_in
from tests.trail import actions

CHATS = "mediaTypeId eq 'chat'"
NIGHT, NOON = datetime(2026, 11, 24, 3, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)
Make = Callable[..., RetentionJob]


@pytest.fixture
def make(access: Access, interaction: Dataset, certificate: Certificate) -> Make:
    def make(kind: str = "Extract", **criteria: str | None) -> RetentionJob:
        return retention_jobs.create(access, kind, criteria or {"Interaction": CHATS})

    return make


def refusal(make: Make, kind: str = "Extract", /, **criteria: str | None) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        make(kind, **criteria)
    assert not RetentionJob.objects.exists()
    return refused.value.errors


# --- Criteria --------------------------------------------------------------------------------------------------------
def test_a_job_waits_with_its_criteria_as_written_and_as_understood(make: Make, interaction: Dataset) -> None:
    job = RetentionJob.objects.get(pk=make().pk)
    where = dump_predicate(parse_criteria(interaction, CHATS))
    assert (job.status, job.criteria) == ("Pending", {"Interaction": CHATS})
    assert job.resources == [{"name": "Interaction", "dataset": interaction.pk, "where": where}]


@pytest.mark.parametrize("name", ["interaction", "contact-history/Interaction", "Contact-History/INTERACTION"])
def test_a_name_may_have_other_case_and_its_source(make: Make, interaction: Dataset, name: str) -> None:
    assert make(**{name: CHATS}).resources[0]["dataset"] == interaction.pk


def test_the_exact_name_comes_before_one_of_other_case(make: Make, source: Source) -> None:
    other = Dataset.objects.create(source=source, name="interaction", table="interactions", key_columns=["id"])
    assert make(interaction=CHATS).resources[0]["dataset"] == other.pk


def test_an_unknown_name_is_refused_with_what_there_is(make: Make) -> None:
    assert refusal(make, Interactoin=CHATS) == {
        "criteria.Interactoin": "criteria.Interactoin is no dataset of this organization. There are: Interaction, Attachment."
    }


def test_of_many_datasets_the_nearest_are_named(make: Make, source: Source) -> None:
    Dataset.objects.bulk_create(Dataset(source=source, name=f"T{number}", table="t") for number in range(20))
    assert "Did you mean Interaction?" in refusal(make, Interactoin=CHATS)["criteria.Interactoin"]


def test_a_name_in_two_sources_needs_the_source(make: Make, organization: Organization) -> None:
    other = Source.objects.create(organization=organization, key="old", name="Old", url="sqlite:///old")
    Dataset.objects.create(source=other, name="Interaction", table="interactions", key_columns=["id"])
    sentence = refusal(make, Interaction=CHATS)["criteria.Interaction"]
    assert sentence.endswith("Write one of: contact-history/Interaction, old/Interaction.")


def test_another_organizations_datasets_do_not_exist(make: Make, elsewhere: Organization) -> None:
    theirs = Source.objects.create(organization=elsewhere, key="ledger", name="Ledger", url="sqlite:///ledger")
    Dataset.objects.create(source=theirs, name="Entry", table="entries", key_columns=["id"])
    assert "Entry," not in refusal(make, **{"ledger/Entry": CHATS})["criteria.ledger/Entry"]


def test_one_dataset_under_two_names_is_refused(make: Make) -> None:
    assert "the same dataset" in refusal(make, Interaction=CHATS, interaction=CHATS)["criteria.interaction"]


@pytest.mark.parametrize("criteria", [{"Interaction": ""}, {"Interaction": "  "}, {"Interaction": None}, {"smsBatches": None}], ids=str)
def test_a_job_that_would_do_nothing_is_refused(make: Make, criteria: dict[str, str | None]) -> None:
    assert "would do nothing" in refusal(make, **criteria)["criteria"]


def test_a_resource_without_a_filter_is_not_touched(make: Make) -> None:
    assert [resource["name"] for resource in make(Interaction=CHATS, Attachment="", smsBatches=None).resources] == ["Interaction"]


def test_too_many_resources_and_too_much_text_are_refused(make: Make) -> None:
    many = {f"T{number}": CHATS for number in range(MOST_RESOURCES + 1)}
    assert "at most 50" in refusal(make, **many)["criteria"]
    assert str(MOST_CHARACTERS) in refusal(make, Interaction="x" * 9_000, Attachment="x" * 9_000)["criteria"]


def test_what_is_wrong_in_a_filter_is_said_under_the_name_that_was_written(make: Make) -> None:
    assert list(refusal(make, **{"contact-history/Interaction": "mediaTypeId eq"})) == ["criteria.contact-history/Interaction"]


def test_what_has_no_key_can_be_extracted_only(make: Make, interaction: Dataset) -> None:
    Dataset.objects.filter(pk=interaction.pk).update(key_columns=[])
    assert "no key columns" in refusal(make, "ExtractPurge")["criteria.Interaction"]
    assert make("Extract")


def test_an_unknown_kind_is_refused(make: Make) -> None:
    assert "Extract, ExtractPurge" in refusal(make, "Purge")["jobType"]


def test_without_a_certificate_there_is_nothing_to_seal_for(make: Make, certificate: Certificate) -> None:
    certificate.delete()
    assert "certificate" in refusal(make)


# --- Who -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def reader(organization: Organization, teammate: User) -> Access:
    enrol(teammate, organization, [RETENTION_READER])
    return access_in(organization, teammate)


def test_who_may_read_rules_looks_and_does_nothing_else(make: Make, reader: Access) -> None:
    job = make()
    assert retention_jobs.find(reader, str(job.pk)) == job
    with pytest.raises(Denied):
        retention_jobs.create(reader, "Extract", {"Interaction": CHATS})
    with pytest.raises(Denied):
        retention_jobs.cancel(reader, job)
    with pytest.raises(Denied):
        retention_jobs.files(reader, job)


def test_a_job_acts_with_its_owners_permissions_when_it_begins(make: Make, owner: User, reader: Access) -> None:
    job = make()
    Membership.objects.get(user=owner).roles.clear()
    assert start_due_jobs(NIGHT) == 0
    job.refresh_from_db()
    assert (job.status, Purge.objects.count()) == ("Failed", 0)
    assert job.message.startswith("owner may no longer administer retention rules here")


def test_who_administers_rules_needs_no_other_role(organization: Organization, teammate: User, make: Make) -> None:
    enrol(teammate, organization, [RETENTION_ADMINISTRATOR])
    job = retention_jobs.create(access_in(organization, teammate), "ExtractPurge", {"Interaction": CHATS})
    assert start_due_jobs(NIGHT) == 1
    assert job.owner == teammate


# --- The window ------------------------------------------------------------------------------------------------------
def test_a_job_is_pending_until_the_window_opens(make: Make) -> None:
    job = make()
    assert (start_due_jobs(NOON), start_due_jobs(NIGHT), start_due_jobs(NIGHT)) == (0, 1, 0)
    job.refresh_from_db()
    assert (job.status, job.started_at) == ("InProgress", NIGHT)


def test_the_window_is_in_the_organizations_time_zone(make: Make, organization: Organization) -> None:
    RetentionSettings.objects.create(organization=organization, timezone="Asia/Tokyo", window_start=time(20), window_end=time(22))
    make()
    assert (start_due_jobs(NIGHT), start_due_jobs(NOON)) == (0, 1)


def test_each_resource_becomes_one_purge(make: Make, contact: Dataset) -> None:
    job = make("ExtractPurge", Interaction=CHATS, Contact="ContactId eq '1'")
    start_due_jobs(NIGHT)
    found = [(purge.dataset.name, purge.extract_only, purge.slot, purge.archive) for purge in job.purges.order_by("pk")]
    assert found == [("Interaction", False, NIGHT, True), ("Contact", False, NIGHT, True)]


def test_an_extract_deletes_nothing(make: Make) -> None:
    job = make()
    start_due_jobs(NIGHT)
    assert job.purges.get().extract_only


def test_a_dataset_that_is_gone_fails_the_job_and_nothing_is_ordered(make: Make, contact: Dataset) -> None:
    job = make(Interaction=CHATS, Contact="ContactId eq '1'")
    contact.delete()
    start_due_jobs(NIGHT)
    job.refresh_from_db()
    assert (job.status, job.message, Purge.objects.count()) == ("Failed", "Contact is no dataset any more.", 0)


# --- The end ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def begun(make: Make, contact: Dataset) -> RetentionJob:
    job = make("ExtractPurge", Interaction=CHATS, Contact="ContactId eq '1'")
    start_due_jobs(NIGHT)
    return job


def end(job: RetentionJob, *statuses: str) -> str:
    for purge, status in zip(job.purges.order_by("pk"), statuses, strict=True):
        Purge.objects.filter(pk=purge.pk).update(status=status, message=f"It {status}.")
    settle_jobs(NIGHT + timedelta(hours=1))
    job.refresh_from_db()
    return job.status


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (("completed", "completed"), "Completed"),
        (("completed", "failed"), "Failed"),
        (("cancelled", "failed"), "Failed"),
        (("completed", "cancelled"), "Cancelled"),
        (("completed", "purging"), "InProgress"),
        (("awaiting_approval", "completed"), "InProgress"),
        (("failed", "pending"), "InProgress"),
    ],
    ids=str,
)
def test_the_status_is_what_the_purges_have_become(begun: RetentionJob, statuses: tuple[str, str], status: str) -> None:
    assert end(begun, *statuses) == status
    assert (begun.finished_at is None) == (status == "InProgress")


def test_the_message_says_which_failed_and_why(begun: RetentionJob) -> None:
    end(begun, "completed", "failed")
    assert begun.message == "Contact: It failed."


def test_the_end_is_announced_once_with_how_it_ended(begun: RetentionJob, owner: User) -> None:
    end(begun, "completed", "completed")
    assert settle_jobs(NIGHT) == 0
    notice = Notice.objects.get(event="RetentionJobCompleted")
    facts: dict[str, Any] = {"rows_extracted": 0, "rows_purged": 0, "rows_kept": 0, "files": 0, "message": ""}
    assert notice.facts == {"job": str(begun.pk), "type": "ExtractPurge", "status": "Completed", **facts}
    assert (notice.owner, notice.subject_kind, notice.subject_id) == (owner, "retention-job", str(begun.pk))


def test_a_job_that_cannot_begin_is_announced_too(make: Make, owner: User) -> None:
    make()
    Membership.objects.get(user=owner).roles.clear()
    start_due_jobs(NIGHT)
    assert Notice.objects.get().facts["status"] == "Failed"


@pytest.mark.parametrize("case", [("all", "completed", 1), ("problems", "completed", 0), ("problems", "failed", 1)], ids=str)
def test_the_owner_is_told_by_mail_whatever_they_may_export(
    begun: RetentionJob, owner: User, settings: LazySettings, case: tuple[str, str, int]
) -> None:
    choice, status, told = case
    settings.SENDS_MAIL = True
    User.objects.filter(pk=owner.pk).update(email="owner@company.example", notices=choice)
    Membership.objects.get(user=owner).roles.set(Group.objects.filter(name=RETENTION_ADMINISTRATOR))
    end(begun, status, status)
    assert mail_recipients(Notice.objects.get()) == ["owner@company.example"][:told]


# --- Cancelling ------------------------------------------------------------------------------------------------------
def test_a_waiting_job_is_cancelled_at_once_and_never_begins(make: Make, access: Access) -> None:
    job = retention_jobs.cancel(access, make())
    assert (job.status, job.message) == ("Cancelled", "Cancelled by owner.")
    assert start_due_jobs(NIGHT) == 0
    assert actions() == ["retention-job.create", "retention-job.cancel"]


def test_a_job_that_has_begun_takes_its_purges_along(begun: RetentionJob, access: Access) -> None:
    job = retention_jobs.cancel(access, begun)
    assert (job.status, {purge.status for purge in job.purges.all()}) == ("Cancelled", {"cancelled"})
    assert Notice.objects.get().facts["status"] == "Cancelled"


def test_a_batch_at_work_ends_before_the_job_does(begun: RetentionJob, access: Access) -> None:
    begun.purges.filter(dataset__name="Interaction").update(status="purging")
    job = retention_jobs.cancel(access, begun)
    assert (job.status, job.message) == ("InProgress", "Cancelled by owner. The batch that is at work ends first.")
    assert end(job, "cancelled", "cancelled") == "Cancelled"


@pytest.mark.parametrize("status", ["Completed", "Failed", "Cancelled"])
def test_what_has_ended_cannot_be_cancelled(make: Make, access: Access, status: str) -> None:
    job = make()
    RetentionJob.objects.filter(pk=job.pk).update(status=status)
    with pytest.raises(Conflict, match=f"The job is {status}: there is nothing to cancel."):
        retention_jobs.cancel(access, job)
    assert not Notice.objects.exists()
