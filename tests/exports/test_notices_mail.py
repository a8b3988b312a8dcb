"""Who is told by e-mail, what it says, and what becomes of it where the mail server is a real one."""

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from django.conf import LazySettings

from accounts.models import Membership, Organization, User
from accounts.services.access import Access
from exports.models import Certificate, Delivery, Job, Notice, Run
from exports.services import webhooks
from exports.services.delivering import deliver_due, route_new
from exports.services.mailing import words
from exports.services.notices import Event, announce
from tests.exports.receivers import Mailbox, mail_server


@pytest.fixture(autouse=True)
def _addresses(owner: User, teammate: User, settings: LazySettings) -> None:
    settings.SENDS_MAIL = True
    for user in (owner, teammate):
        User.objects.filter(pk=user.pk).update(email=f"{user.username}@company.example")


@pytest.fixture
def mailbox(settings: LazySettings) -> Iterator[Mailbox]:
    with mail_server() as (found, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield found


@pytest.fixture
def told(make_job: Callable[..., Job]) -> Callable[..., list[str]]:
    """Announce it of a job, or of what is given; the addresses that will be told."""

    def tell(event: Event = Event.JOB_SUSPENDED, subject: Run | Certificate | None = None) -> list[str]:
        about = subject or make_job()
        announce(event, organization=about.organization, subject=about, facts={"failures": 5})
        route_new()
        return sorted(Delivery.objects.values_list("address", flat=True))

    return tell


def read(mailbox: Mailbox) -> EmailMessage:
    [envelope] = mailbox.got
    assert isinstance(envelope.content, bytes)
    return message_from_bytes(envelope.content, policy=policy.default)


# --- Who -------------------------------------------------------------------------------------------------------------
def test_jobs_owner_is_told(told: Callable[..., list[str]]) -> None:
    assert told() == ["owner@company.example"]


def test_organizations_addresses_are_told_what_they_chose(access: Access, told: Callable[..., list[str]]) -> None:
    webhooks.add_mail_address(access, address="ops@company.example", events=["job.suspended"])
    webhooks.add_mail_address(access, address="night@company.example", events=["run.failed"])
    assert told() == ["ops@company.example", "owner@company.example"]


def test_one_address_is_told_once(access: Access, told: Callable[..., list[str]]) -> None:
    webhooks.add_mail_address(access, address="Owner@company.example", events=["job.suspended"])
    assert told() == ["owner@company.example"]


def test_certificates_are_the_administrators_affair(certificate: Certificate, told: Callable[..., list[str]]) -> None:
    assert told(Event.CERTIFICATE_EXPIRING, certificate) == ["owner@company.example"]


@pytest.mark.parametrize(("choice", "told_of"), [("all", "completed failed"), ("problems", "failed"), ("none", "")])
def test_user_chooses_what_they_are_told(owner: User, make_run: Callable[..., Run], choice: str, told_of: str) -> None:
    User.objects.filter(pk=owner.pk).update(notices=choice)
    run = make_run()
    for event in (Event.RUN_COMPLETED, Event.RUN_FAILED):
        announce(event, organization=run.organization, subject=run, facts={})
    route_new()
    assert [delivery.notice.event for delivery in Delivery.objects.order_by("pk")] == [f"run.{word}" for word in told_of.split()]


def test_owner_who_left_is_told_nothing(owner: User, told: Callable[..., list[str]]) -> None:
    Membership.objects.filter(user=owner).delete()
    assert told() == []


def test_owner_without_a_role_is_told_nothing(owner: User, told: Callable[..., list[str]]) -> None:
    Membership.objects.get(user=owner).roles.clear()
    assert told() == []


def test_without_a_mail_server_no_mail_waits(told: Callable[..., list[str]], settings: LazySettings) -> None:
    settings.SENDS_MAIL = False
    assert told() == []


# --- What ------------------------------------------------------------------------------------------------------------
def test_mail_arrives_with_what_happened_and_where_to_look(
    make_run: Callable[..., Run], told: Callable[..., list[str]], mailbox: Mailbox, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://strongroom.example"
    run = make_run()
    facts = {"title": "Größe & <b>", "message": "There is no certificate."}
    announce(Event.RUN_FAILED, organization=run.organization, subject=run, facts=facts)
    assert deliver_due() == 1
    message = read(mailbox)
    assert (message["To"], message["Subject"].strip()) == ("owner@company.example", "[Strongroom] Größe & <b>: a run failed (Here)")
    text = message.get_content()
    assert "failed: There is no certificate." in text
    assert f"https://strongroom.example/runs/{run.pk}" in text
    assert Delivery.objects.get().status == "delivered"


def test_line_breaks_in_a_title_make_no_headers(make_job: Callable[..., Job], told: Callable[..., list[str]], mailbox: Mailbox) -> None:
    job = make_job(title="Chats\r\nBcc: everybody@company.example")
    announce(Event.JOB_SUSPENDED, organization=job.organization, subject=job, facts={})
    deliver_due()
    assert read(mailbox)["Bcc"] is None
    assert mailbox.got[0].rcpt_tos == ["owner@company.example"]


@pytest.mark.parametrize("event", list(Event))
def test_every_event_has_words_even_without_facts(event: Event, organization: Organization) -> None:
    notice = Notice(organization=organization, event=event, subject_kind="job", subject_id="1", subject_name="Chats", facts={})
    subject, text = words(notice)
    assert "Chats" in subject + text
    assert "{" not in subject + text


# --- When it does not go well ------------------------------------------------------------------------------------------
def test_address_that_does_not_exist_is_given_up_at_once(told: Callable[..., list[str]], mailbox: Mailbox) -> None:
    mailbox.refuses = {"owner@company.example": "550 no such user"}
    told()
    deliver_due()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error) == ("failed", "The mail server answered 550: no such user")


def test_address_that_is_busy_is_tried_again_and_holds_up_nobody(access: Access, told: Callable[..., list[str]], mailbox: Mailbox) -> None:
    webhooks.add_mail_address(access, address="ops@company.example", events=["job.suspended"])
    mailbox.refuses = {"owner@company.example": "450 later"}
    told()
    assert deliver_due() == 2
    assert sorted(Delivery.objects.values_list("address", "status")) == [
        ("ops@company.example", "delivered"),
        ("owner@company.example", "pending"),
    ]


def test_mail_waits_for_a_mail_server_that_is_away(told: Callable[..., list[str]], settings: LazySettings) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1", 9
    told()
    assert deliver_due() == 1
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error) == (
        "pending",
        "The mail server could not be reached or refused to work: ConnectionRefusedError.",
    )
