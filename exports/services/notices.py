"""What happened, for those who want to be told (docs/notifications.md).

`announce` writes a row of the outbox in the transaction that makes the fact true, and nothing else: neither a receiver that
does not answer nor a mail server that is away can fail what they are told of. A task delivers (exports/services/delivering.py).
"""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Model

from accounts.models import Organization, User
from accounts.services.audit import kind_of
from exports.models import Notice, Run
from exports.models.notice import Event

__all__ = ["Event", "announce"]

Fact = str | int | None


def announce(event: Event, *, organization: Organization, subject: Model, facts: Mapping[str, Fact], once: str = "") -> None:
    """Say that `event` happened to `subject`. Call it in the transaction of the fact.

    `facts` are told to receivers as they are: moments as ISO 8601, sizes in bytes, nothing secret. `once`: the same event of the
    same subject is announced at most once with the same text; empty does not limit.
    """
    assert transaction.get_connection().in_atomic_block, "a fact and its notice are committed together"
    notice = Notice(
        organization=organization,
        event=event,
        subject_kind=kind_of(subject),
        subject_id=str(subject.pk),
        subject_name=str(subject)[:250],
        owner=owner_of(subject),
        once=once,
        facts=dict(facts),
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=bool(once))


def owner_of(subject: Model) -> User | None:
    """Whose job it is about, if it is about one: of exports, or of a floor above."""
    owner: User | None = getattr(subject.job if isinstance(subject, Run) else subject, "owner", None)
    return owner
