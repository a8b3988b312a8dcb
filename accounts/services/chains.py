"""Adding an entry to a chain: the audit trail's, the dispositions'.

The head of the chain is held until the transaction ends, so that writers queue and the chain never forks.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model


def held(chains: type[Model], pk: UUID, **defaults: Any) -> Any:
    """The chain's head, locked; made if there is none. (SQLite's transactions, which are IMMEDIATE, hold everything anyway.)"""
    manager = chains._default_manager  # noqa: SLF001 Django's documented API
    heads = manager.select_for_update(of=("self",)).filter(pk=pk)
    head = heads.first()
    if head is None:
        manager.get_or_create(pk=pk, defaults=defaults)
        head = heads.get()
    return head


def append(chain: Any, entry: Any) -> None:
    """Give the entry its place after the last one of a chain that is held, save it, and advance the head."""
    entry.number, entry.previous = chain.count + 1, chain.hash
    entry.hash = entry.digest()
    entry.save()
    heads = type(chain)._default_manager.filter(pk=chain.pk, count=chain.count)  # noqa: SLF001 Django's documented API
    advanced = heads.update(count=entry.number, hash=entry.hash)
    assert advanced == 1, "nobody else advances a chain that is held"


def to_the_millisecond(moment: datetime) -> datetime:
    """`manage.py dumpdata` keeps no more of a moment, and the hash must hold after it is loaded again."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
