"""Verifying a chain of entries, such as the audit trail: is every entry there, in its place, and as it was written?

Reads a chain in order, page by page, so that memory does not grow with it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.db import DataError
from django.db.models import F, Model, Q, QuerySet

from accounts.models import AuditChain, AuditEntry
from accounts.models.audit import GENESIS

_PAGE = 500
_UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError, DataError)
"""What Django and the drivers raise for what is no moment or no number."""


class Linked(Protocol):
    """An entry of a chain."""

    @property
    def number(self) -> int: ...

    @property
    def hash(self) -> str: ...

    @property
    def previous(self) -> str: ...

    def digest(self) -> str: ...


class Broken(Exception):
    """The text is a sentence that names the first bad entry and what is wrong with it."""


@dataclass
class Walk:
    """How far a chain was found to be good, and the hash there."""

    count: int = 0
    hash: str = GENESIS
    wanted: set[str] = field(default_factory=set)
    """Hashes that were kept elsewhere and have not been met yet."""

    def step(self, entry: Linked) -> None:
        """Raises Broken unless `entry` is the one that comes next."""
        expected = self.count + 1
        if entry.number != expected:
            raise Broken(f"Entry {expected} was removed." if entry.number > expected else f"Entry {entry.number} was inserted.")
        if _digest(entry) != entry.hash:
            raise Broken(f"Entry {expected} was changed, or another was put in its place: its hash is not that of what it says.")
        if entry.previous != self.hash:
            raise Broken(f"Entry {expected} does not follow what stands before it: one of the two was replaced, inserted or moved.")
        self.count, self.hash = expected, entry.hash
        self.wanted.discard(entry.hash)

    def end(self, count: int, head: str) -> None:
        """Raises Broken unless the chain ends where its head says."""
        if self.count < count:
            raise Broken(f"Entry {self.count + 1} was removed: the chain should have {count} entries.")
        if self.count > count:
            raise Broken(f"Entry {count + 1} was inserted: the chain should have {count} entries.")
        if self.hash != head:
            raise Broken(f"Entry {count} is not the last one that was written: it was replaced, or the chain's head was changed.")


def _digest(entry: Linked) -> str:
    try:
        return entry.digest()
    except _UNREADABLE:
        raise Broken(f"Entry {entry.number} was changed: it cannot be read.") from None


def walk(entries: Iterable[Linked], count: int, head: str, wanted: Iterable[str] = ()) -> Walk:
    """Follow `entries`, a whole chain in order, to its head. Raises Broken."""
    so_far = Walk(wanted=set(wanted))
    for entry in entries:
        so_far.step(entry)
    so_far.end(count, head)
    return so_far


@dataclass(frozen=True)
class Book:
    """The two models of chains of one kind: heads, and entries, whose `chain` is a head's primary key."""

    chains: type[Model]
    entries: type[Model]

    def all(self) -> QuerySet[Any]:
        return self.entries._default_manager.all()  # noqa: SLF001 Django's documented API

    def heads(self) -> QuerySet[Any]:
        return self.chains._default_manager.all()  # noqa: SLF001 Django's documented API


TRAIL = Book(AuditChain, AuditEntry)


def check_chain(chain_id: UUID, wanted: Iterable[str] = (), book: Book = TRAIL) -> Walk:
    """Verify one chain up to its head of now; entries that are added meanwhile are left to the next time. Raises Broken."""
    head = book.heads().filter(pk=chain_id).first()
    if head is None:
        raise Broken("The head of the chain was removed.")
    found = walk(_stored(book.all().filter(chain=chain_id, number__lte=head.count)), head.count, head.hash, wanted)
    # One statement, so that an entry and the head that it advanced are seen together.
    beyond = book.all().filter(chain=chain_id, number__gt=F("chain__count")).order_by("number").first()
    if beyond is not None:
        raise Broken(f"Entry {beyond.number} was inserted: it lies beyond the head of the chain.")
    return found


def chain_ids(book: Book = TRAIL) -> list[UUID]:
    """Of every chain of which there is anything."""
    heads = book.heads().values_list("pk", flat=True)
    return sorted(heads.union(book.all().values_list("chain_id", flat=True)))


def _stored(rows: QuerySet[Any]) -> Iterator[Linked]:
    """The chain's entries in order. Raises Broken at one that cannot even be read."""
    after = Q()
    while page := _page(rows.filter(after).order_by("number", "pk")):
        yield from page
        after = Q(number__gt=page[-1].number) | Q(number=page[-1].number, pk__gt=page[-1].pk)


def _page(rows: QuerySet[Any]) -> list[Any]:
    try:
        return list(rows[:_PAGE])
    except _UNREADABLE:  # give what stands before it
        return list(_readable(rows))


def _readable(rows: QuerySet[Any]) -> Iterator[Any]:
    for pk, number in rows.values_list("pk", "number")[:_PAGE]:
        try:
            yield rows.model._default_manager.get(pk=pk)  # noqa: SLF001 Django's documented API
        except _UNREADABLE:
            raise Broken(f"Entry {number} was changed: it cannot be read.") from None
