"""API keys: who makes which, how long they live, who revokes them, and how a wrong one is refused."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import ApiKey, AuditEntry, Membership, Organization, User
from accounts.roles import ADMINISTER, AUDITOR, EXPORT_ALL, EXPORTER, READ_AUDIT
from accounts.secrets import digest, matches
from accounts.services import keys
from accounts.services.access import Access, access_to
from accounts.services.people import join

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def access(user: User) -> Access:
    found = access_to(user, user.organizations.get())
    assert found is not None
    return found


def new_key(user: User, *scopes: str, name: str = "nightly", days: int | None = None) -> tuple[ApiKey, str]:
    return keys.issue(access(user), name=name, scopes=scopes or [ADMINISTER], days=days)


# --- Making one ------------------------------------------------------------------------------------------------------
def test_key_is_stored_as_a_digest_only(owner: User) -> None:
    key, sent = new_key(owner)
    stored = [str(value) for value in ApiKey.objects.filter(pk=key.pk).values()[0].values()]
    assert digest(sent) in stored
    assert not any(sent.partition(".")[2] in value for value in [*stored, repr(key), str(key)])


def test_key_holds_the_scopes_that_it_names(owner: User) -> None:
    assert new_key(owner, READ_AUDIT, EXPORT_ALL)[0].scopes == [EXPORT_ALL, READ_AUDIT]


@pytest.mark.parametrize("scopes", [[], [READ_AUDIT], ["all"], ["*"]])
def test_scopes_are_those_of_its_maker_and_never_none(teammate: User, scopes: list[str]) -> None:
    join(teammate, teammate.organizations.get(), [EXPORTER])
    with pytest.raises(keys.Refused, match=r"at least one|You do not hold .* You hold: export_contact_history") as refused:
        keys.issue(access(teammate), name="nightly", scopes=scopes)
    assert refused.value.field == "scopes"
    assert not ApiKey.objects.exists()


def test_key_expires_after_the_default(owner: User, settings: Settings) -> None:
    settings.API_KEY_DAYS = 30
    with time_machine.travel(NOON, tick=False):
        assert new_key(owner)[0].expires_at == NOON + timedelta(days=30)


@pytest.mark.parametrize("days", [0, -1, 366])
def test_key_cannot_outlive_the_maximum(owner: User, days: int) -> None:
    with pytest.raises(keys.Refused, match=f"1 to 365 days, not {days}"):
        new_key(owner, days=days)


@pytest.mark.parametrize("name", ["", "  ", "n" * 101])
def test_key_needs_a_name(owner: User, name: str) -> None:
    with pytest.raises(keys.Refused, match="a name of 1 to 100 characters"):
        new_key(owner, name=name)


def test_name_of_a_usable_key_is_taken(owner: User) -> None:
    first, _ = new_key(owner)
    with pytest.raises(keys.Refused, match="You have a key named nightly"):
        new_key(owner)
    keys.revoke(access(owner), first.pk)
    assert new_key(owner)[0].name == "nightly"


# --- Finding one -----------------------------------------------------------------------------------------------------
def test_key_is_found(owner: User) -> None:
    key, sent = new_key(owner)
    assert keys.find(sent) == key


WRONG = ["", ".", "nonsense", "{prefix}", "{prefix}.", "{prefix}.other", "{sent}x", "{sent} ", "\0{sent}", "é", "x" * 100_000]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_key_costs_the_same_whether_its_prefix_exists(owner: User, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, sent = new_key(owner)
    compared: list[str] = []

    def counted(sent: str, stored: str) -> bool:
        compared.append(stored)
        return matches(sent, stored)

    monkeypatch.setattr("accounts.services.keys.matches", counted)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert keys.find(wrong.format(prefix=key.prefix, sent=sent)) is None
    assert len(queries) == 1
    assert [len(stored) for stored in compared] == [64]


def test_key_ends_at_its_moment(owner: User) -> None:
    with time_machine.travel(NOON, tick=False):
        key, sent = new_key(owner, days=1)
    with time_machine.travel(NOON + timedelta(days=1, seconds=-1), tick=False):
        assert keys.find(sent) == key
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        assert keys.find(sent) is None


def test_access_by_a_key_is_within_its_scopes(owner: User) -> None:
    found = keys.access_by(new_key(owner, READ_AUDIT)[0])
    assert found
    assert (found.user, set(found.permissions)) == (owner, {READ_AUDIT})


def test_access_by_a_key_shrinks_with_the_roles_of_its_user(teammate: User) -> None:
    membership = join(teammate, teammate.organizations.get(), [AUDITOR])
    key, _ = new_key(teammate, READ_AUDIT)
    membership.roles.clear()
    found = keys.access_by(key)
    assert found
    assert found.permissions == frozenset()


def test_key_ends_with_the_membership_of_its_user(owner: User) -> None:
    key, _ = new_key(owner)
    Membership.objects.filter(user=owner).delete()
    assert keys.access_by(key) is None


def test_key_of_an_inactive_user_is_good_for_nothing(owner: User) -> None:
    _, sent = new_key(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    found = keys.find(sent)
    assert found
    assert keys.access_by(found) is None


def test_use_is_written_once_a_minute(owner: User) -> None:
    key, _ = new_key(owner)
    seen = []
    for second in (0, 59, 60):
        with time_machine.travel(NOON + timedelta(seconds=second), tick=False):
            keys.note_use(ApiKey.objects.get(pk=key.pk))
        seen.append(ApiKey.objects.get(pk=key.pk).last_used_at)
    assert seen == [NOON, NOON, NOON + timedelta(minutes=1)]


# --- Seeing and revoking ---------------------------------------------------------------------------------------------
def test_revoked_key_is_not_found(owner: User) -> None:
    key, sent = new_key(owner)
    keys.revoke(access(owner), key.pk)
    assert keys.find(sent) is None


def test_revoking_twice_keeps_the_first_moment(owner: User) -> None:
    key, _ = new_key(owner)
    first = keys.revoke(access(owner), key.pk).revoked_at
    assert keys.revoke(access(owner), key.pk).revoked_at == first


def test_administrator_sees_and_revokes_the_keys_of_all(owner: User, teammate: User) -> None:
    join(teammate, teammate.organizations.get(), [EXPORTER])
    key, sent = new_key(teammate, "export_contact_history")
    assert list(keys.visible(access(owner))) == [key]
    keys.revoke(access(owner), key.pk)
    assert keys.find(sent) is None


@pytest.mark.parametrize("persona", ["teammate", "outsider"])
def test_others_neither_see_nor_revoke_a_key(owner: User, persona: str, request: pytest.FixtureRequest) -> None:
    key, sent = new_key(owner)
    other = access(request.getfixturevalue(persona))
    assert not keys.visible(other).exists()
    with pytest.raises(keys.NoSuchKey):
        keys.revoke(other, key.pk)
    assert keys.find(sent) == key


def test_keys_of_another_organization_of_ones_own_do_not_show(owner: User, elsewhere: Organization) -> None:
    new_key(owner)
    join(owner, elsewhere, ["Administrator"])
    there = access_to(owner, elsewhere)
    assert there
    assert not keys.visible(there).exists()


def test_making_and_revoking_are_audited_once(owner: User) -> None:
    key, sent = new_key(owner)
    keys.revoke(access(owner), key.pk)
    keys.revoke(access(owner), key.pk)
    entries = list(AuditEntry.objects.filter(action__startswith="api-key.").order_by("number").values_list("action", "actor", "target_id"))
    assert entries == [("api-key.issue", "owner", str(key.pk)), ("api-key.revoke", "owner", str(key.pk))]
    assert not any(sent.partition(".")[2] in str(entry.after) for entry in AuditEntry.objects.all())
