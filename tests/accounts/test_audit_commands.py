"""Commands that change people or credentials leave entries that name the command."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry, Organization, User
from accounts.models.audit import NOBODY
from accounts.roles import AUDITOR
from accounts.services.people import join
from tests.trail import actions

pytestmark = pytest.mark.django_db
CANARY = "Yellow-7bird-sings"


@pytest.fixture(autouse=True)
def nothing_of_a_secret_stays(db: None) -> Iterator[None]:
    yield
    assert CANARY not in str([entry.facts() for entry in AuditEntry.objects.all()])


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def test_create_user_records_whom_it_made_and_where(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{CANARY}\n"))
    before = len(actions())
    run("create_user", "ana", "--organization", "acme", "--role", "Auditor", "--password-stdin")
    assert actions()[before:] == ["organization.create", "user.create", "membership.create"]
    last: Any = AuditEntry.objects.order_by("-pk")[0]
    assert last.chain_id == Organization.objects.get(key="acme").pk
    assert (last.after, last.actor.partition(" (")[0]) == ({"roles": ["Auditor"], "user": "ana"}, "manage.py create_user")


def test_create_user_that_is_refused_leaves_no_entry(owner: User) -> None:
    before = actions()
    with pytest.raises(CommandError):
        run("create_user", "ana", "--organization", "acme", "--role", "King")
    assert actions() == before


def test_a_role_on_top_is_recorded_with_those_before(organization: Organization, owner: User) -> None:
    join(owner, organization, [AUDITOR], by=owner)
    last: Any = AuditEntry.objects.order_by("-pk")[0]
    assert (last.action, last.actor, last.before, last.after) == (
        "membership.update", "owner", {"roles": ["Administrator"]}, {"roles": ["Administrator", "Auditor"]},
    )  # fmt: skip


def test_joining_once_more_is_no_change(organization: Organization, owner: User) -> None:
    before = actions()
    join(owner, organization, ["Administrator"])
    assert actions() == before


def test_issue_token_records_for_whom(organization: Organization, owner: User) -> None:
    token = run("issue_token", "owner")
    last: Any = AuditEntry.objects.order_by("-pk")[0]
    assert (last.action, last.chain_id, last.after["user"]) == ("access-token.issue", organization.pk, "owner")
    assert token not in str(last.facts())


def test_createsuperuser_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", CANARY)
    run("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    last: Any = AuditEntry.objects.order_by("-pk")[0]
    assert (last.action, last.chain_id, last.after["is_superuser"]) == ("user.create", NOBODY, True)


def test_changepassword_is_recorded(organization: Organization, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: CANARY)
    run("changepassword", "owner")
    last: Any = AuditEntry.objects.order_by("-pk")[0]
    assert (last.action, last.chain_id, last.after) == ("user.change-password", organization.pk, {"password": "***"})
    owner.refresh_from_db()
    assert owner.check_password(CANARY)
