"""Notices by e-mail: to whom, and in which words."""

import smtplib
from collections.abc import Iterator, Mapping

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.defaultfilters import filesizeformat

from accounts.models import Membership, User
from accounts.roles import ADMINISTER, ADMINISTER_RULES, READ_RULES
from accounts.services.access import Access, access_to
from exports.models import Delivery, MailAddress, Notice
from exports.models.notice import Event
from exports.services import visible
from exports.services.posting import Answer, Unreachable


class Gone(Exception):
    """This delivery will never succeed. The sentence says why."""


# --- To whom -------------------------------------------------------------------------------------------------------
def mail_recipients(notice: Notice) -> list[str]:
    """The owner of the job, for what is about none those who administer the organization, or its rules; and the organization's addresses."""
    if not settings.SENDS_MAIL:
        return []
    people = [user.email for user in _people(notice) if user.email and _wants(user, notice)]
    rows = MailAddress.objects.filter(organization=notice.organization)
    addresses = people + [row.address for row in rows if notice.event in row.events]
    return list({address.lower(): address for address in reversed(addresses)}.values())


_ABOUT_JOBS = {"job", "run", "retention-job"}
"""Kinds of subjects that have an owner, who is told of them."""


def _people(notice: Notice) -> list[User]:
    if notice.subject_kind not in _ABOUT_JOBS:
        whose = ADMINISTER_RULES if notice.event == Event.RETENTION_DAY_COMPLETED else ADMINISTER
        found = Membership.objects.filter(organization=notice.organization, roles__permissions__codename=whose, user__is_active=True)
        return [membership.user for membership in found.select_related("user").distinct()]
    access = access_to(notice.owner, notice.organization) if notice.owner else None
    return [access.user] if access and _may_know(access, notice) else []


def _may_know(access: Access, notice: Notice) -> bool:
    return access.may(READ_RULES) if notice.subject_kind == "retention-job" else visible.may_export(access)


def _wants(user: User, notice: Notice) -> bool:
    if notice.event == Event.RUN_COMPLETED or notice.facts.get("status") == "Completed":
        return user.notices == User.Notices.ALL
    return user.notices != User.Notices.NONE


# --- Sending -------------------------------------------------------------------------------------------------------
def send_mail(delivery: Delivery) -> Answer:
    """What the mail server said of it. Raises Unreachable, and Gone if the server will never take it."""
    subject, body = words(delivery.notice)
    headers = {"Message-ID": f"<{delivery.notice.uuid.hex}.{delivery.pk}@strongroom>", "Auto-Submitted": "auto-generated"}
    message = EmailMessage(subject, body, to=[delivery.address], headers=headers)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        [(code, said)] = error.recipients.values()
        return _refused(code, said)
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        return _refused(error.smtp_code, error.smtp_error)
    except OSError as error:  # what else smtplib raises is one, too
        raise Unreachable(f"The mail server could not be reached or refused to work: {type(error).__name__}.") from None
    return Answer(250, "")


def _refused(code: int, said: bytes | str) -> Answer:
    text = (said.decode("utf-8", "replace") if isinstance(said, bytes) else said).replace("\0", " ")
    if code >= 500:
        raise Gone(f"The mail server answered {code}: {text[:200]}")
    return Answer(code, text)


# --- Words ---------------------------------------------------------------------------------------------------------
_WORDS: Mapping[str, tuple[str, str]] = {
    Event.RUN_COMPLETED: ("{title}: a run completed", "The job “{title}” ran and completed. Its files are ready."),
    Event.RUN_FAILED: ("{title}: a run failed", "The job “{title}” ran and failed: {message}"),
    Event.JOB_SUSPENSION_WARNING: (
        "{name} is about to be suspended",
        "The job “{name}” keeps failing. If it fails once more it is suspended, and does not run until somebody resumes it.",
    ),
    Event.JOB_SUSPENDED: (
        "{name} is suspended",
        "The job “{name}” failed too often in a row and is suspended. It does not run until somebody resumes it.",
    ),
    Event.CERTIFICATE_EXPIRING: (
        "The certificate {name} expires on {expires}",
        "The certificate “{name}” expires on {expires}. Upload its successor before: once it has expired, no run that would seal for it starts.",
    ),
    Event.FILES_EXPIRING: (
        "{name}: {files} files expire on {expires}",
        "{files} files of the job “{name}” are deleted on {expires}. Download before then what you want to keep.",
    ),
    Event.RETENTION_APPROVAL: (
        "{name} waits for approval",
        "{rows} rows of {dataset} would go, and wait for somebody's approval: {why}",
    ),
    Event.RETENTION_JOB_COMPLETED: (
        "{name}: {status}",
        "The retention job “{name}” has ended: {status}. {message}",
    ),
    Event.RETENTION_DAY_COMPLETED: (
        "Retention of {day}: {deleted} rows went, {failed} failures",
        "The retention rules have run: {name}.\n\n{message}",
    ),
}
_GENERIC = ("{name}: {event}", "About “{name}”: {event}.")
_PAGES = {"run": "/runs/{id}", "job": "/jobs/{id}", "certificate": "/certificates"}


class _Facts(dict[str, object]):
    """A fact that was not told reads as a question mark."""

    def __missing__(self, name: str) -> str:
        return "?"


def words(notice: Notice) -> tuple[str, str]:
    """(subject, body) as plain text."""
    facts = _Facts({"title": notice.subject_name, **notice.facts}, name=notice.subject_name, id=notice.subject_id, event=notice.event)
    title, sentence = (text.format_map(facts).strip() for text in _WORDS.get(notice.event, _GENERIC))
    subject = " ".join(f"[Strongroom] {title} ({notice.organization})".split())
    return subject[:200], "\n".join([sentence, "", *_details(notice), *_links(notice)])


def _details(notice: Notice) -> Iterator[str]:
    yield f"  organization: {notice.organization}"
    for name, value in notice.facts.items():
        if value is not None and name != "message":
            shown = f"{value} ({filesizeformat(value)})" if name == "bytes" else value
            yield f"  {name.replace('_', ' ')}: {shown}"


def _links(notice: Notice) -> Iterator[str]:
    if settings.PUBLIC_URL:
        page = _PAGES.get(notice.subject_kind, "/").format(id=notice.subject_id)
        yield from ("", f"See {settings.PUBLIC_URL}{page}", f"Which e-mails you get: {settings.PUBLIC_URL}/profile")
