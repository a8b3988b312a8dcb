"""Writing the audit trail.

Call `record` inside the transaction of the change, as its last step: then neither commits without the other. It holds the
head of the organization's chain until that transaction ends, so that writers queue and the chain never forks. Whatever else the
transaction locks, it must lock before; two that take locks in different orders would wait for each other.
"""

import getpass
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from structlog.contextvars import bound_contextvars, get_contextvars

from accounts.models import AuditChain, AuditEntry, Organization, User
from accounts.models.audit import NOBODY
from accounts.secrets import EncryptedTextField
from accounts.services.chains import append, held, to_the_millisecond

MASK = "***"
_LONGEST = 1000


class Secret(str):
    """Text of which only whether it changed is written down."""

    __slots__ = ()


_SECRET_NAME = re.compile(
    r"(?i)pass(word|phrase)|secret|token|digest|credential|private|cookie|authorization|session|signature|encryption|api[-_ ]?key|url$"
)
_SECRET_TEXT = re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)|(?<=://)[^\s@]*@")


def record(
    action: str,
    target: Model | str,
    *,
    organization: Organization | None,
    user: User | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry. `action`: dotted words, such as `job.create`. `organization`: in whose trail; None for what belongs to none.

    `target`: a saved row, or a name for what is none. `user`: None for the system itself and for people who are not known.
    Of `before` and `after` what differs is kept; what looks like a secret is masked. Address and correlation id are those of the request.
    """
    context = get_contextvars()
    old, new = _differences(before, after)
    kind, identity, label = _described(target)
    with transaction.atomic(savepoint=False):  # whoever swallows a failure here cannot commit the change all the same
        chain = held(AuditChain, organization.pk if organization else NOBODY, organization=organization)
        entry = AuditEntry(
            chain=chain,
            at=to_the_millisecond(timezone.now()),
            actor_id=user.pk if user else None,
            actor=_text(user.get_username() if user else context.get("actor", ""), 200),
            action=action,
            target_kind=kind,
            target_id=identity,
            target_label=label,
            before=old,
            after=new,
            address=_text(context.get("ip") or "", 64),
            correlation_id=_text(context.get("correlation_id") or "", 200),
        )
        append(chain, entry)


def values_of(row: Model, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The row's fields for `before` and `after`: related rows by their names, encrypted fields masked. Without names, all but many-to-many ones."""
    chosen = row._meta.fields if names is None else [row._meta.get_field(name) for name in names]  # noqa: SLF001 Django's documented API
    return {field.name: _value_of(row, field) for field in chosen if hasattr(row, field.name)}


def trails_of(row: Model) -> list[Organization | None]:
    """In whose trails a change of the row belongs: its organization's; those of all to which a user belongs; else that of none."""
    if isinstance(row, Organization):
        return [row]
    if isinstance(row, User):
        return [*row.organizations.order_by("pk")] or [None]
    owner = row if hasattr(row, "organization") else getattr(row, "source", None)
    return [getattr(owner, "organization", None)]


def kind_of(row: Model) -> str:
    """What entries call rows of its model, and begin the names of what is done to them with: `api-key`."""
    return str(row._meta.verbose_name).lower().replace(" ", "-")  # noqa: SLF001 Django's documented API


@contextmanager
def by_command(name: str) -> Iterator[None]:
    """What is recorded within without a user was done by the management command, run by whoever is signed in to the machine."""
    with bound_contextvars(actor=f"manage.py {name} ({_machine_user()})"):
        yield


# --- What is written down ------------------------------------------------------------------------------------------
def _described(target: Model | str) -> tuple[str, str, str]:
    """Kind, id, and label."""
    if isinstance(target, str):
        return "", "", _text(target, 250)
    return kind_of(target), _text(target.pk, 64), _text(target, 250)


def _differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """What is kept of both: if there are both, only the fields that differ."""
    names = {name for name in {*(before or {}), *(after or {})} if before is None or after is None or before.get(name) != after.get(name)}
    old, new = (None if values is None else {name: values[name] for name in sorted(names) if name in values} for values in (before, after))
    return (None if old is None else _plain(old)), (None if new is None else _plain(new))


def _plain(value: Any, name: str = "") -> Any:
    """The value as JSON that every database gives back exactly as it is: texts, whole numbers, true, false, null, lists, objects."""
    if isinstance(value, Secret) or (_SECRET_NAME.search(name) and value not in (None, "")):
        return MASK
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    if isinstance(value, Mapping):
        return {_name(key): _plain(inner, _name(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in (value if isinstance(value, list | tuple) else sorted(value, key=str))]
    return _text(value.isoformat() if isinstance(value, date) else value, _LONGEST)


def _name(key: object) -> str:
    """Of a field: ASCII, so that every way of sorting names agrees."""
    return _text(key, 100).encode("ascii", "backslashreplace").decode()


def _text(value: object, length: int) -> str:
    """Without what databases refuse (NUL, halves of characters), without secrets, at most so long."""
    text = str(value).replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    text = _SECRET_TEXT.sub(lambda found: f"{MASK}@" if found.group().endswith("@") else MASK, text)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _value_of(row: Model, field: Any) -> Any:
    if isinstance(field, EncryptedTextField):
        return Secret(getattr(row, field.name))
    if field.many_to_many:
        return sorted(str(related) for related in getattr(row, field.name).all())
    value = getattr(row, field.name)
    return str(value) if isinstance(value, Model | UUID) else value


def _machine_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"
