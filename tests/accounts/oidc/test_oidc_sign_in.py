"""Signing in with a real provider: who comes in, as whom, with which roles."""

import pytest
import requests
from django.test import Client

from accounts.models import AuditEntry, Identity, Membership, Organization, User
from accounts.roles import ADMINISTRATOR, AUDITOR, DISPOSITION_APPROVER
from accounts.services.people import join
from tests.accounts.oidc.conftest import Configure
from tests.accounts.oidc.flow import client, sentence, signed_in, start, through, way_back
from tests.accounts.oidc.provider import RealProvider, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(provider: RealProvider, configure: Configure, organization: Organization, owner: User) -> Client:
    configure(provider)
    return client()


def roles(name: str, organization: Organization) -> set[str]:
    return set(Membership.objects.get(user__username=name, organization=organization).roles.values_list("name", flat=True))


def test_first_sign_in_makes_the_user_where_the_claims_say(browser: Client, organization: Organization) -> None:
    assert through(browser, "ana")["Location"] == "/"
    ana = User.objects.get(username="ana")
    assert (signed_in(browser), ana.default_organization(), roles("ana", organization)) == (ana, organization, {AUDITOR})
    assert not ana.has_usable_password()


def test_first_sign_in_is_refused_where_users_are_not_made(browser: Client, provider: RealProvider, configure: Configure) -> None:
    configure(provider, create_users=False)
    answer = through(browser, "ana")
    assert (answer.status_code, signed_in(browser)) == (403, None)
    assert "no account here is linked with you" in sentence(answer)
    assert not User.objects.filter(username="ana").exists()


def test_who_is_overtaken_by_another_first_sign_in_is_asked_to_try_again(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = User.full_clean

    def overtaken(user: User, exclude: list[str]) -> None:
        whole(user, exclude=exclude)
        User.objects.create(username=user.username)

    monkeypatch.setattr(User, "full_clean", overtaken)
    answer = through(browser, "ana")
    assert (answer.status_code, signed_in(browser)) == (403, None)
    assert "Sign in once more" in sentence(answer)


def test_user_whom_an_administrator_linked_comes_in(browser: Client, provider: RealProvider, configure: Configure, owner: User) -> None:
    configure(provider, create_users=False)
    Identity.objects.create(user=owner, issuer=provider.issuer, subject="ana")
    through(browser, "ana")
    assert signed_in(browser) == owner


def test_name_of_a_local_user_opens_nothing(browser: Client, provider: RealProvider, owner: User) -> None:
    provider.tell("ana", preferred_username="OWNER", org="here")
    answer = through(browser, "ana")
    assert signed_in(browser) is None
    assert "There is an account OWNER already, which is not linked with you" in sentence(answer)


@pytest.mark.parametrize("verified", [True, False])
def test_mail_address_of_a_local_user_opens_nothing(browser: Client, provider: RealProvider, owner: User, *, verified: bool) -> None:
    User.objects.filter(pk=owner.pk).update(email="owner@here.example")
    provider.tell("ana", preferred_username="ana", org="here", email="owner@here.example", email_verified=verified)
    through(browser, "ana")
    ana = signed_in(browser)
    assert ana is not None
    assert (ana.username, ana.email) == ("ana", "owner@here.example" if verified else "")


def test_a_name_that_changes_at_the_provider_stays_the_same_user(browser: Client, provider: RealProvider) -> None:
    through(browser, "ana")
    provider.tell("ana", preferred_username="hanna", org="here")
    through(browser, "ana")
    assert User.objects.filter(identities__subject="ana").get().username == "ana"


@pytest.mark.parametrize("name", ["", "two words", "a" * 151])
def test_name_that_no_user_can_have_is_refused(browser: Client, provider: RealProvider, name: str) -> None:
    provider.tell("ana", preferred_username=name, org="here")
    answer = through(browser, "ana")
    assert (answer.status_code, "a name that no account here can have" in sentence(answer)) == (403, True)


def test_inactive_user_is_refused(browser: Client) -> None:
    through(browser, "ana")
    browser.logout()
    User.objects.filter(username="ana").update(is_active=False)
    assert sentence(through(browser, "ana")) == "The account ana is not active."
    assert signed_in(browser) is None


# --- Roles and organizations follow the claims ---------------------------------------------------------------------
def test_roles_follow_the_claims_at_the_next_sign_in(browser: Client, provider: RealProvider, organization: Organization) -> None:
    through(browser, "ana")
    provider.tell("ana", preferred_username="ana", org="here", realm_access={"roles": ["admins"]})
    through(browser, "ana")
    assert roles("ana", organization) == {ADMINISTRATOR}


def test_no_claim_of_roles_takes_them_away(browser: Client, provider: RealProvider, organization: Organization) -> None:
    through(browser, "ana")
    provider.tell("ana", preferred_username="ana", org="here")
    through(browser, "ana")
    assert roles("ana", organization) == set()


def test_role_that_the_mapping_does_not_cover_stays(browser: Client, organization: Organization) -> None:
    through(browser, "ana")
    join(User.objects.get(username="ana"), organization, [DISPOSITION_APPROVER])
    through(browser, "ana")
    assert roles("ana", organization) == {AUDITOR, DISPOSITION_APPROVER}


def test_who_moves_to_another_organization_leaves_the_first(
    browser: Client, provider: RealProvider, organization: Organization, elsewhere: Organization
) -> None:
    through(browser, "ana")
    provider.tell("ana", preferred_username="ana", org="elsewhere", realm_access={"roles": ["auditors"]})
    through(browser, "ana")
    assert list(User.objects.get(username="ana").organizations.all()) == [elsewhere]


def test_membership_that_was_given_here_is_left_alone(browser: Client, elsewhere: Organization) -> None:
    through(browser, "ana")
    join(User.objects.get(username="ana"), elsewhere, [AUDITOR])
    through(browser, "ana")
    assert roles("ana", elsewhere) == {AUDITOR}


def test_several_organizations_may_be_named(browser: Client, provider: RealProvider, elsewhere: Organization) -> None:
    provider.tell("ana", preferred_username="ana", org=["here", "elsewhere", "nowhere"])
    through(browser, "ana")
    assert set(User.objects.get(username="ana").organizations.values_list("key", flat=True)) == {"here", "elsewhere"}


def test_organization_that_there_is_not_is_refused(browser: Client, provider: RealProvider) -> None:
    provider.tell("ana", preferred_username="ana", org="nowhere")
    assert sentence(through(browser, "ana")) == "Example ID names no organization that there is here."
    assert not User.objects.filter(username="ana").exists()


def test_without_a_claim_the_fixed_organization_counts(
    browser: Client, provider: RealProvider, configure: Configure, elsewhere: Organization
) -> None:
    configure(provider, organization_claim="", organization="elsewhere")
    through(browser, "ana")
    assert User.objects.get(username="ana").default_organization() == elsewhere


def test_the_trail_tells_who_came_and_what_changed(browser: Client, organization: Organization) -> None:
    through(browser, "ana")
    entries = AuditEntry.objects.filter(chain__organization=organization, actor="ana").order_by("number")
    assert [entry.action for entry in entries] == ["user.create", "membership.create", "user.sign-in"]
    assert entries[1].after == {"roles": [AUDITOR], "user": "ana"}


def test_the_trail_tells_what_the_claims_took(browser: Client, provider: RealProvider, elsewhere: Organization) -> None:
    through(browser, "ana")
    provider.tell("ana", preferred_username="ana", org="elsewhere")
    through(browser, "ana")
    entries = AuditEntry.objects.filter(actor="ana").order_by("pk").values_list("action", "chain__organization__key")
    assert set(entries[3:]) == {("membership.delete", "here"), ("membership.create", "elsewhere"), ("user.sign-in", "elsewhere")}


# --- The way there and back ----------------------------------------------------------------------------------------
def test_request_carries_state_nonce_and_challenge(browser: Client) -> None:
    address = start(browser)
    assert "code_challenge_method=S256" in address
    assert all(f"{name}=" in address for name in ("state", "nonce", "code_challenge"))
    assert browser.session["oidc_states"]


def test_sign_in_goes_on_to_the_page_that_was_asked_for(browser: Client) -> None:
    assert through(browser, "ana", next="/jobs?page=2")["Location"] == "/jobs?page=2"


@pytest.mark.parametrize("page", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_goes_on_to_no_other_server(browser: Client, page: str) -> None:
    assert through(browser, "ana", next=page)["Location"] == "/"


def test_answer_counts_once(browser: Client) -> None:
    back = way_back(sign_in(requests.Session(), start(browser), "ana"))
    browser.get(back)
    browser.logout()
    assert "was not begun in this browser" in sentence(browser.get(back))


def test_answer_to_another_browser_is_refused(browser: Client) -> None:
    back = way_back(sign_in(requests.Session(), start(browser), "ana"))
    other = client()
    start(other)
    answer = other.get(back)
    assert (answer.status_code, signed_in(other)) == (403, None)


def test_code_of_another_sign_in_is_refused(browser: Client) -> None:
    """Its nonce and its PKCE verifier are another session's."""
    theirs, mine = (sign_in(requests.Session(), start(each), "ana") for each in (client(), browser))
    code, state = theirs.split("code=")[1].split("&")[0], mine.split("state=")[1].split("&")[0]
    answer = browser.get(
        "/oidc/callback", {"code": code, "state": state, "iss": theirs.split("iss=")[1].replace("%3A", ":").replace("%2F", "/")}
    )
    assert (answer.status_code, signed_in(browser)) == (403, None)
    assert "did not accept this sign-in" in sentence(answer)


def test_password_form_takes_no_code(browser: Client) -> None:
    """Every backend sees the password form's request; a code in its address must not pass without state and nonce."""
    back = sign_in(requests.Session(), start(client()), "ana").partition("?")[2]
    browser.post(f"/sign-in?{back}", {"username": "ana", "password": "x"})
    assert signed_in(browser) is None


def test_who_aborts_at_the_provider_reads_why(browser: Client) -> None:
    back = sign_in(requests.Session(), start(browser), "ana", abort="yes")
    assert sentence(browser.get(way_back(back))) == "Example ID says that you may not, or did not want to, sign in here."


def test_error_of_nobody_signs_nobody_out(browser: Client, owner: User) -> None:
    browser.force_login(owner)
    assert browser.get("/oidc/callback?error=access_denied&state=guessed").status_code == 403
    assert signed_in(browser) == owner


def test_without_a_provider_there_is_no_way_in(browser: Client, settings: object) -> None:
    settings.OIDC = None  # type: ignore[attr-defined]  # our own setting
    assert [browser.get(f"/oidc/{page}").status_code for page in ("start", "callback")] == [404, 404]
    assert b"Sign in with" not in browser.get("/sign-in").content


def test_sign_in_page_offers_the_provider(browser: Client) -> None:
    page = browser.get("/sign-in?next=/jobs%3Fa%3D1%26b%3D2").content.decode()
    assert 'href="/oidc/start?next=%2Fjobs%3Fa%3D1%26b%3D2">Sign in with Example ID</a>' in page


def test_provider_that_is_down_is_a_sentence_and_the_password_still_works(
    browser: Client, provider: RealProvider, configure: Configure, owner: User
) -> None:
    configure(provider, issuer="http://127.0.0.1:9")
    answer = browser.get("/oidc/start")
    assert (answer.status_code, sentence(answer)) == (502, "Example ID does not answer. Try again later.")
    owner.set_password("a long and rare sentence")
    owner.save()
    browser.post("/sign-in", {"username": "owner", "password": "a long and rare sentence"})
    assert signed_in(browser) == owner
