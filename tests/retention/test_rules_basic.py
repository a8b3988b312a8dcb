"""HTTP Basic on the rules' face, and on no other: who it speaks for, when it is refused, and that guessing is locked out."""

from base64 import b64encode
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import AuditEntry, Organization, User
from accounts.roles import ADMINISTRATOR, EXPORT_ALL, READ_RULES
from accounts.services import keys
from accounts.services.people import enrol
from retention.models import Rule
from tests.conftest import access_in
from tests.trail import actions

URL, PASSWORD = "/retention/retentions", "pass:word for tests, ä"


@pytest.fixture
def ana(organization: Organization, elsewhere: Organization) -> User:
    """An administrator of two organizations, of which she joined `here` first."""
    user = User.objects.create_user("ana", password=PASSWORD)
    for one in (organization, elsewhere):
        enrol(user, one, [ADMINISTRATOR])
    return user


@pytest.fixture
def rules(organization: Organization, elsewhere: Organization, ana: User) -> None:
    """Each organization's is told by its age."""
    for age, one in enumerate((organization, elsewhere), start=1):
        Rule.objects.create(organization=one, author=ana, maximum_age=age)


def basic(name: str, password: str = PASSWORD) -> str:
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


def ask(authorization: str, url: str = URL, **headers: str) -> Any:
    return Client().get(url, headers={"Authorization": authorization, **headers})


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(("name", "age"), [("ana", 1), ("here/ana", 1), ("elsewhere/ana", 2)])
def test_tenant_is_an_organizations_key(name: str, age: int) -> None:
    assert [rule["maximumAge"] for rule in ask(basic(name)).json()["retentionRules"]] == [age]


@pytest.mark.parametrize(
    "authorization",
    [
        basic("ana", "wrong"),
        basic("nobody"),
        basic("nowhere/ana"),
        basic("here/"),
        basic("here/elsewhere/ana"),
        basic("here\\ana"),
        basic("ana", ""),
        basic("ana\0"),
        basic("a" * 300),
        "Basic",
        "Basic !!!",
        "Basic YW5h",
        "Basic /w==",
        f"{basic('ana')} more",
        "Digest x",
    ],
)
def test_what_proves_nothing_is_a_401(ana: User, authorization: str) -> None:
    answer = ask(authorization)
    assert (answer.status_code, answer.json()["error"]) == (401, "security/Unauthorized")
    assert answer["WWW-Authenticate"].startswith("Basic ")


def test_who_is_no_member_any_more_is_a_401(ana: User) -> None:
    ana.membership_set.all().delete()
    assert ask(basic("ana")).status_code == 401


def test_inactive_user_is_a_401(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert ask(basic("ana")).status_code == 401


def test_no_other_face_takes_it(ana: User) -> None:
    for url in ("/udm/v10/export/jobs", "/api/v1/audit", "/auth/v3/userinfo"):
        assert ask(basic("ana"), url).status_code == 401


def test_setting_turns_it_off(ana: User, settings: LazySettings) -> None:
    settings.RETENTION_BASIC = False
    answer = ask(basic("ana"))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="strongroom"')


def test_key_beside_it_narrows_it(ana: User, organization: Organization) -> None:
    access = access_in(organization, ana)
    codes = {}
    for scope in (READ_RULES, EXPORT_ALL):
        _, key = keys.issue(access, name=scope, scopes=[scope])
        codes[scope] = ask(basic("ana"), **{"x-api-key": key}).status_code
    assert codes == {READ_RULES: 200, EXPORT_ALL: 403}
    assert ask(basic("ana"), **{"x-api-key": "wrong"}).status_code == 403


def test_after_five_failures_even_the_right_password_is_refused(ana: User) -> None:
    assert [ask(basic("ana", "guess")).status_code for _ in range(5)] == [401, 401, 401, 401, 429]
    answer = ask(basic("ana"))
    assert (answer.status_code, answer.json()["error"], answer["Retry-After"]) == (429, "retention/tooManyRequests", "900")


def test_tenant_before_the_name_is_no_other_account_to_guess_at(ana: User) -> None:
    codes = [ask(basic(name, "guess")).status_code for name in ("ana", "here/ana", "elsewhere/ana", "nowhere/ana", "x/ana")]
    assert codes[-1] == 429


def test_failures_are_recorded_and_successes_are_not(ana: User) -> None:
    ask(basic("ana", "guess"))
    ask(basic("ana"))
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_label, entry.address) == ("user.sign-in-failed", "ana", "127.0.0.1")


def test_change_by_it_is_the_users(ana: User) -> None:
    answer = Client(headers={"Authorization": basic("elsewhere/ana")}).post(URL, {"maximumAge": 9}, content_type="application/json")
    rule = Rule.objects.get()
    assert (answer.status_code, rule.author, rule.organization.key) == (201, ana, "elsewhere")
    assert actions() == ["rule.create"]


def test_it_counts_as_a_request_of_the_user(ana: User, settings: LazySettings) -> None:
    settings.LIMITS = {**settings.LIMITS, "user": {"minute": 1, "hour": 0}}
    assert [ask(basic("ana")).status_code for _ in range(2)] == [200, 429]
