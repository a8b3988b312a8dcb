"""Verifying dispositions: those in the database, or an export of them that somebody has.

An export is what the API gives: a certificate, a page (`items`), or a list of either, of one organization. It may begin anywhere in the chain.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models.audit import GENESIS, canonical
from accounts.services.audit_check import Book, Broken, Walk
from retention.models import Disposition, DispositionChain

LEDGER = Book(DispositionChain, Disposition)


class Unreadable(Exception):
    """The file is no export of dispositions. The text says what is wrong."""


@dataclass(frozen=True)
class Exported:
    """An entry of an export; `values` is all of it."""

    values: Mapping[str, Any]

    @property
    def number(self) -> int:
        return int(self.values["number"])

    @property
    def hash(self) -> str:
        return str(self.values["hash"])

    @property
    def previous(self) -> str:
        return str(self.values["previous"])

    def digest(self) -> str:
        said = {name: value for name, value in self.values.items() if name != "hash"}
        return hashlib.sha256(canonical(said).encode("utf-8", "surrogatepass")).hexdigest()


def check_export(stored: object) -> tuple[int, Walk]:
    """The number of the first entry, and how far the chain was followed from there. Raises Broken, Unreadable."""
    entries = sorted(_entries(stored), key=lambda entry: entry.number)
    if not entries:
        raise Unreadable("The file holds no disposition.")
    if len({entry.values.get("organization") for entry in entries}) > 1:
        raise Unreadable("The file holds dispositions of several organizations. Check those of each in a file of their own.")
    first = entries[0]
    if first.number == 1 and first.previous != GENESIS:
        raise Broken("Entry 1 was changed: nothing may stand before it.")
    walk = Walk(first.number - 1, first.previous)
    for entry in entries:
        walk.step(entry)
    return first.number, walk


def _entries(stored: object) -> Iterator[Exported]:
    if isinstance(stored, list):
        for inner in stored:
            yield from _entries(inner)
    elif isinstance(stored, Mapping) and isinstance(stored.get("items"), list):
        yield from _entries(stored["items"])
    elif isinstance(stored, Mapping) and "entry" in stored:
        yield _certified(stored)
    else:
        yield _entry(stored)


def _certified(stored: Mapping[str, Any]) -> Exported:
    """A certificate says the same thing twice: as an entry, and as the text that was hashed."""
    entry = _entry(stored["entry"])
    said = {name: value for name, value in entry.values.items() if name != "hash"}
    if stored.get("canonical") != canonical(said):
        raise Broken(f"Entry {entry.number} was changed: its certificate's canonical text is not what the entry says.")
    return entry


def _entry(stored: object) -> Exported:
    wanted = {"number": int, "hash": str, "previous": str, "organization": str}
    if not isinstance(stored, Mapping) or any(type(stored.get(name)) is not kind for name, kind in wanted.items()):
        raise Unreadable("The file must hold certificates or pages of dispositions as the API gives them, in JSON.")
    return Exported(stored)
