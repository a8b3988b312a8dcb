"""The provider's access tokens on API calls."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Identity, Membership, Organization, User
from accounts.roles import AUDITOR, EXPORTER
from tests.accounts.oidc.conftest import Configure
from tests.accounts.oidc.hostile import HostileProvider
from tests.accounts.oidc.provider import API, RealProvider
from tests.accounts.oidc.test_oidc_lies import LIES, without

pytestmark = pytest.mark.django_db
JOBS = "/udm/v10/data/job-statuses"
# What an access token may do: only an ID token answers a request of ours, comes fresh, and is made for one client.
NO_LIES = {"nonce", "no nonce", "stale", "several audiences", "authorized party", "access token"}


@pytest.fixture(autouse=True)
def house(owner: User) -> None:
    """There is an organization `here`, and there are roles."""


def ask(token: str, **headers: str) -> Any:
    return APIClient().get(JOBS, headers={"authorization": f"Bearer {token}", **headers})


def says(answer: Any) -> str:
    return str(answer.data["message"])


def roles(name: str) -> list[str]:
    return [role.name for role in Membership.objects.get(user__username=name).roles.all()]


# --- A real provider's ---------------------------------------------------------------------------------------------
def test_token_of_a_person_is_good(provider: RealProvider, configure: Configure) -> None:
    provider.tell("ana", preferred_username="ana", org="here", realm_access={"roles": ["exporters"]})
    configure(provider)
    assert ask(provider.access_token("ana")).status_code == 200
    assert roles("ana") == [EXPORTER]


def test_token_of_a_machine_is_good(provider: RealProvider, configure: Configure) -> None:
    configure(provider)
    assert ask(provider.machine_token()).status_code == 200


def test_token_makes_no_user_unless_that_is_allowed(provider: RealProvider, configure: Configure) -> None:
    configure(provider, create_users=False)
    answer = ask(provider.machine_token())
    assert (answer.status_code, "no account here is linked with you" in says(answer)) == (401, True)
    assert not User.objects.filter(username="machine").exists()


def test_expired_token_is_401(provider: RealProvider, configure: Configure) -> None:
    configure(provider)
    token = provider.machine_token()
    with time_machine.travel(timezone.now() + timedelta(seconds=700)):
        answer = ask(token)
    assert (answer.status_code, says(answer)) == (401, "The access token has expired.")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_token_for_another_audience_is_401(provider: RealProvider, configure: Configure) -> None:
    configure(provider)
    answer = ask(provider.machine_token("https://other.example"))
    assert (answer.status_code, says(answer)) == (401, "The access token was made for somebody else.")


def test_token_is_nothing_where_tokens_are_not_configured(provider: RealProvider, configure: Configure) -> None:
    configure(provider, api_tokens=False)
    assert ask(provider.machine_token()).status_code == 401


def test_api_key_beside_the_token_must_be_valid(provider: RealProvider, configure: Configure) -> None:
    configure(provider)
    assert ask(provider.machine_token(), **{"x-api-key": "none of mine"}).status_code == 403


def test_token_of_ours_still_works(provider: RealProvider, configure: Configure, api: APIClient) -> None:
    configure(provider)
    assert api.get(JOBS).status_code == 200


def test_token_opens_no_page(provider: RealProvider, configure: Configure) -> None:
    configure(provider)
    assert APIClient().get("/", headers={"authorization": f"Bearer {provider.machine_token()}"}).status_code == 302


# --- A liar's ------------------------------------------------------------------------------------------------------
@pytest.fixture
def told(liar: HostileProvider, configure: Configure) -> HostileProvider:
    configure(liar, roles=(("auditors", AUDITOR), ("exporters", EXPORTER)))
    return liar


@pytest.mark.parametrize("lie", sorted(LIES.keys() - NO_LIES))
def test_lie_is_401(told: HostileProvider, lie: str) -> None:
    told.twist, words = LIES[lie]
    answer = ask(told.forged(API))
    assert (answer.status_code, User.objects.filter(username="ana").exists()) == (401, False)
    assert words.replace("ID token", "access token") in says(answer)


def test_id_token_is_no_access_token(told: HostileProvider) -> None:
    assert ask(told.forged(told.client_id, nonce="n")).status_code == 401


def test_token_that_is_bound_to_a_key_is_401(told: HostileProvider) -> None:
    """Its thief has no key; to take it as a bearer's would undo what binding it was for."""
    answer = ask(told.forged(API, cnf={"jkt": "a thumbprint"}))
    assert (answer.status_code, "bound to a key" in says(answer)) == (401, True)


def test_provider_that_is_down_is_503(told: HostileProvider, configure: Configure) -> None:
    configure(told, issuer="http://127.0.0.1:9")
    answer = ask(told.forged(API))
    assert (answer.status_code, says(answer)) == (503, "Example ID does not answer. Try again later.")


# --- Whose claims count ----------------------------------------------------------------------------------------------
def at(seconds: int) -> dict[str, Any]:
    """Claims of a token that was issued so many seconds after a moment ten minutes ago."""
    return {"iat": int(timezone.now().timestamp()) - 600 + seconds}


def test_newer_token_changes_the_roles(told: HostileProvider) -> None:
    ask(told.forged(API, **at(0)))
    ask(told.forged(API, **at(1), realm_access={"roles": ["exporters"]}))
    assert roles("ana") == [EXPORTER]


def test_older_token_gives_no_role_back(told: HostileProvider) -> None:
    old = told.forged(API, **at(0), realm_access={"roles": ["exporters"]})
    ask(old)
    ask(told.forged(API, **at(1), realm_access={"roles": []}))
    ask(old)
    assert roles("ana") == []


def test_token_that_tells_no_roles_leaves_them(told: HostileProvider) -> None:
    ask(told.forged(API, **at(0)))
    told.twist = without("realm_access")
    ask(told.forged(API, **at(1)))
    assert roles("ana") == [AUDITOR]


def test_token_for_an_organization_that_its_user_left_is_401(told: HostileProvider, elsewhere: Organization) -> None:
    old = told.forged(API, **at(0), org="elsewhere")
    ask(old)
    ask(told.forged(API, **at(1)))
    answer = ask(old)
    assert (answer.status_code, "ana does not belong to Elsewhere" in says(answer)) == (401, True)


def test_user_who_was_made_inactive_is_401(told: HostileProvider) -> None:
    token = told.forged(API)
    ask(token)
    User.objects.filter(username="ana").update(is_active=False)
    assert ask(token).status_code == 401


def test_same_subject_of_another_issuer_is_another_person(told: HostileProvider, owner: User) -> None:
    Identity.objects.create(user=owner, issuer="https://other.example", subject="ana-1")
    ask(told.forged(API))
    assert set(Identity.objects.filter(subject="ana-1").values_list("user__username", flat=True)) == {"owner", "ana"}


def test_use_of_a_known_token_writes_nothing(told: HostileProvider) -> None:
    token = told.forged(API)
    ask(token)
    before = AuditEntry.objects.count(), Identity.objects.get().claims_at
    ask(token)
    assert (AuditEntry.objects.count(), Identity.objects.get().claims_at) == before
