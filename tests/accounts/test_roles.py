"""Roles are Django groups; what they allow holds in one organization, and only while the membership stands."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from accounts.models import Organization, User
from accounts.roles import ADMINISTER, AUDITOR, EXPORT_ALL, EXPORT_CONTACT_HISTORY, EXPORTER, READ_AUDIT, ROLES
from accounts.services.access import Access, Denied, access_to
from accounts.services.people import join

pytestmark = pytest.mark.django_db


def create(*arguments: str, **streams: object) -> str:
    out = StringIO()
    call_command("create_user", *arguments, stdout=out, stderr=StringIO(), **streams)
    return out.getvalue()


def access(user: User, organization: Organization, **scopes: object) -> Access:
    found = access_to(user, organization, **scopes)  # type: ignore[arg-type]  # passed on as it is
    assert found is not None
    return found


def test_every_role_is_a_group_with_its_permissions(organization: Organization, owner: User) -> None:
    for role, permissions in ROLES.items():
        assert set(Group.objects.get(name=role).permissions.values_list("codename", flat=True)) == set(permissions)


def test_roles_of_a_membership_add_up(organization: Organization, teammate: User) -> None:
    join(teammate, organization, [EXPORTER, AUDITOR])
    assert access(teammate, organization).permissions == {EXPORT_CONTACT_HISTORY, READ_AUDIT}


def test_a_role_holds_in_its_organization_only(organization: Organization, elsewhere: Organization, owner: User) -> None:
    join(owner, elsewhere)
    assert access(owner, organization).may(ADMINISTER)
    assert not access(owner, elsewhere).may(ADMINISTER)


def test_who_is_no_member_has_no_access(organization: Organization, outsider: User) -> None:
    assert access_to(outsider, organization) is None


def test_who_is_inactive_has_no_access(organization: Organization, owner: User) -> None:
    owner.is_active = False
    assert access_to(owner, organization) is None


def test_scopes_take_away_and_never_add(organization: Organization, teammate: User) -> None:
    join(teammate, organization, [EXPORTER])
    assert access(teammate, organization, scopes=[EXPORT_ALL]).permissions == frozenset()


def test_need_says_what_is_missing_in_a_sentence(organization: Organization, teammate: User) -> None:
    with pytest.raises(Denied, match="teammate has no role in Here that allows to read the audit trail"):
        access(teammate, organization).need(READ_AUDIT)


def test_admin_decides_what_a_role_allows(organization: Organization, teammate: User) -> None:
    join(teammate, organization, [AUDITOR])
    Group.objects.get(name=AUDITOR).permissions.clear()
    assert not access(teammate, organization).may(READ_AUDIT)


# --- manage.py create_user -------------------------------------------------------------------------------------------
def test_create_user_makes_the_organization(owner: User) -> None:
    create("ana", "--organization", "acme-north", "--role", "Data exporter")
    ana, acme = User.objects.get(username="ana"), Organization.objects.get(key="acme-north")
    assert (acme.name, access(ana, acme).may(EXPORT_ALL), ana.has_usable_password()) == ("Acme north", True, False)


def test_create_user_adds_a_role_to_who_exists(organization: Organization, owner: User) -> None:
    assert "Found user owner" in create("owner", "--organization", "new", "--role", "auditor")
    assert access(owner, Organization.objects.get(key="new")).permissions == {READ_AUDIT}


@pytest.mark.parametrize(("key", "role", "sentence"), [("acme", "King", "There is no role 'King'"), ("No Key", "Auditor", "key of small")])
def test_create_user_refuses_and_makes_nothing(owner: User, key: str, role: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        create("ana", "--organization", key, "--role", role)
    assert not User.objects.filter(username="ana").exists()


def test_create_user_reads_the_password_and_refuses_a_weak_one(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("ana", "--organization", "acme", "--role", "Auditor", "--password-stdin")
    monkeypatch.setattr("sys.stdin", StringIO("password\n"))
    with pytest.raises(CommandError, match="too common"):
        create(*arguments)
    monkeypatch.setattr("sys.stdin", StringIO("a long and rare sentence\n"))
    create(*arguments)
    assert User.objects.get(username="ana").check_password("a long and rare sentence")
