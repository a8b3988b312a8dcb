"""`manage.py verify_audit` finds every entry that was removed, changed, moved or inserted, anywhere in a chain."""

import copy
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditChain, AuditEntry, Organization, User
from accounts.models.audit import GENESIS, NOBODY
from accounts.models.audit_guard import unguard
from accounts.services.audit import record
from accounts.services.audit_check import Broken, check_chain, walk
from tests.trail import unguarded

# --- Any single change of any chain ----------------------------------------------------------------------------------
FIELDS = [field.attname for field in AuditEntry._meta.fields if field.name != "id"]
Chain = list[AuditEntry]


def sealed(entry: AuditEntry) -> AuditEntry:
    entry.hash = entry.digest()
    return entry


def made(length: int) -> Chain:
    chain, previous = [], GENESIS
    for number in range(1, length + 1):
        at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=number)
        entry = AuditEntry(chain_id=NOBODY, number=number, at=at, actor_id=1, actor="owner", action="job.create", previous=previous)
        chain.append(sealed(entry))
        previous = entry.hash
    return chain


def other(value: Any) -> Any:
    """A value that differs."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=value.int + 1)
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if value is not None else {"a": 1}


def changed(chain: Chain, at: int, name: str, *, resealed: bool) -> None:
    setattr(chain[at], name, other(getattr(chain[at], name)))
    if resealed:
        sealed(chain[at])


def removed(chain: Chain, at: int, *, renumbered: bool) -> None:
    del chain[at]
    for entry in chain[at:] if renumbered else []:
        entry.number -= 1
        sealed(entry)


def inserted(chain: Chain, at: int, *, renumbered: bool) -> None:
    chain.insert(at, copy.copy(chain[at]))
    for entry in chain[at + 1 :] if renumbered else []:
        entry.number += 1
        sealed(entry)


def swapped(chain: Chain, at: int, to: int, *, resealed: bool) -> None:
    chain[at], chain[to] = chain[to], chain[at]
    chain[at].number, chain[to].number = chain[to].number, chain[at].number
    for place in (at, to) if resealed else ():
        sealed(chain[place])


PLACES = st.integers(1, 12).flatmap(lambda length: st.tuples(st.just(length), st.integers(0, length - 1)))


def is_found(chain: Chain, spoil: Callable[[Chain], None]) -> None:
    count, head = len(chain), chain[-1].hash
    assert walk(chain, count, head).count == count
    spoil(chain)
    with pytest.raises(Broken, match=r"^Entry \d+ "):
        walk(chain, count, head)


@given(PLACES, st.sampled_from(FIELDS), st.booleans())
def test_any_changed_field_is_found(place: tuple[int, int], name: str, resealed: bool) -> None:
    resealed = resealed and name != "hash"
    is_found(made(place[0]), lambda chain: changed(chain, place[1], name, resealed=resealed))


@given(PLACES, st.booleans())
def test_any_removed_entry_is_found(place: tuple[int, int], renumbered: bool) -> None:
    is_found(made(place[0]), lambda chain: removed(chain, place[1], renumbered=renumbered))


@given(PLACES, st.booleans())
def test_any_inserted_entry_is_found(place: tuple[int, int], renumbered: bool) -> None:
    is_found(made(place[0]), lambda chain: inserted(chain, place[1], renumbered=renumbered))


@given(st.integers(2, 12).flatmap(lambda n: st.tuples(st.just(n), st.permutations(range(n)))), st.booleans())
def test_any_swap_is_found(place: tuple[int, list[int]], resealed: bool) -> None:
    is_found(made(place[0]), lambda chain: swapped(chain, place[1][0], place[1][1], resealed=resealed))


# --- In the database, by the command ---------------------------------------------------------------------------------
@pytest.fixture
def trail(organization: Organization, owner: User) -> AuditChain:
    """Five entries of the organization, and one of nobody's."""
    for number in range(5):
        record("job.create", f"job {number}", organization=organization, user=owner, after={"number": number})
    record("user.sign-in-failed", "ghost", organization=None, user=None)
    return AuditChain.objects.get(organization=organization)


def verify(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_audit", *arguments, stdout=out)
    return out.getvalue()


def tamper(statement: str) -> None:
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_whole_trail_is_told_with_counts_and_heads(trail: AuditChain) -> None:
    nobody = AuditChain.objects.get(pk=NOBODY)
    assert sorted(verify().splitlines()) == [f"(no organization): 1 entries, head {nobody.hash}", f"here: 5 entries, head {trail.hash}"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE accounts_auditentry SET actor = 'nobody' WHERE number = 3", "here: Entry 3 was changed"),
        ("UPDATE accounts_auditentry SET after = '{\"number\": 7}' WHERE number = 4", "here: Entry 4 was changed"),
        ("DELETE FROM accounts_auditentry WHERE number = 2", "here: Entry 2 was removed"),
        ("DELETE FROM accounts_auditentry WHERE number = 5", "here: Entry 5 was removed"),
        ("UPDATE accounts_auditentry SET number = 7 - number WHERE number = 5", "here: Entry 2 was"),
        ("UPDATE accounts_auditchain SET count = 4 WHERE count = 5", "here: Entry 4 is not the last one"),
        ("UPDATE accounts_auditchain SET hash = previous FROM accounts_auditentry e WHERE number = 5", "Entry 5 is not the last one"),
        ("UPDATE accounts_auditentry SET number = number + 4 WHERE number > 3", "here: Entry 4 was removed"),
    ],
)
def test_verify_names_the_first_bad_entry(trail: AuditChain, statement: str, sentence: str) -> None:
    if "7 - number" in statement:
        tamper("UPDATE accounts_auditentry SET number = 99 WHERE number = 2")
    tamper(statement)
    with pytest.raises(CommandError, match=sentence):
        verify()


@pytest.mark.django_db
def test_an_entry_beyond_the_head_is_found(trail: AuditChain) -> None:
    tamper("UPDATE accounts_auditchain SET count = 4, hash = (SELECT hash FROM accounts_auditentry WHERE number = 4) WHERE count = 5")
    with pytest.raises(CommandError, match="here: Entry 5 was inserted"):
        verify()


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_cannot_be_read_is_named(trail: AuditChain) -> None:
    tamper("UPDATE accounts_auditentry SET at = 'infinity' WHERE number = 3")
    with pytest.raises(CommandError, match="Entry 3 was changed: it cannot be read"):
        verify()


@pytest.mark.django_db
def test_who_also_mends_the_head_is_found_by_a_head_kept_elsewhere(trail: AuditChain, organization: Organization) -> None:
    kept = trail.hash
    assert verify("--organization", "here", "--head", kept)
    tamper("DELETE FROM accounts_auditentry WHERE number = 5")
    tamper("UPDATE accounts_auditchain SET count = 4, hash = (SELECT hash FROM accounts_auditentry WHERE number = 4) WHERE count = 5")
    assert verify()
    with pytest.raises(CommandError, match=f"No entry has the hash {kept}"):
        verify("--head", kept)


@pytest.mark.django_db
def test_an_older_head_is_found_in_a_chain_that_has_grown(trail: AuditChain, organization: Organization) -> None:
    kept = trail.hash
    record("job.delete", "job 1", organization=organization, user=None)
    assert "6 entries" in verify("--head", kept)


@pytest.mark.django_db
def test_a_missing_trigger_is_found(trail: AuditChain) -> None:
    unguard(connection)
    with pytest.raises(CommandError, match="guard is not in place"):
        verify()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"), [(("--head", "abc"), "64 hexadecimal"), (("--organization", "x"), "There is no organization 'x'")]
)
def test_verify_says_what_is_wrong_with_its_arguments(trail: AuditChain, arguments: tuple[str, str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        verify(*arguments)


@pytest.mark.django_db
def test_a_long_chain_is_read_in_pages(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.audit_check._PAGE", 3)
    for number in range(8):
        record("job.create", f"job {number}", organization=organization, user=None)
    assert check_chain(organization.pk).count == 8
