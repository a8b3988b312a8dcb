"""A provider, or somebody in between, that lies: each lie is refused with a sentence, and nobody is signed in."""

import time
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, User
from accounts.services.oidc.options import Endpoints
from tests.accounts.oidc.conftest import Configure
from tests.accounts.oidc.flow import client, past, sentence, signed_in
from tests.accounts.oidc.hostile import CLIENT_SECRET, CURVE, KEYS, Forgery, HostileProvider, Twist

pytestmark = pytest.mark.django_db


def claim(**changes: Any) -> Twist:
    return lambda forgery: forgery.claims.update(changes)


def without(name: str) -> Twist:
    return lambda forgery: forgery.claims.pop(name) and None


def signed(**changes: Any) -> Twist:
    def twist(forgery: Forgery) -> None:
        for name, value in changes.items():
            setattr(forgery, name, value)

    return twist


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


LIES = {
    "nonce": (claim(nonce="of another sign-in"), "does not belong to this sign-in: its nonce differs"),
    "no nonce": (without("nonce"), "does not belong to this sign-in: its nonce differs"),
    "signature": (signed(spoil=True), "has a signature that is not the provider's"),
    "foreign key": (signed(key=KEYS["foreign"]), "has a signature that is not the provider's"),
    "unknown key": (signed(header={"kid": "none of mine"}), "is signed with a key that the provider does not publish"),
    "no key named": (signed(header={}), "is signed with a key that the provider does not publish"),
    "expired": (claim(exp=ago(61)), "has expired"),
    "no end": (without("exp"), "lacks a claim that it must have"),
    "no beginning": (without("iat"), "lacks a claim that it must have"),
    "of tomorrow": (claim(iat=ago(-86_400)), "is not valid yet"),
    "stale": (claim(iat=ago(700)), "is too old"),
    "issuer": (claim(iss="https://evil.example"), "comes from another issuer"),
    "no issuer": (without("iss"), "lacks a claim that it must have"),
    "audience": (claim(aud="another client"), "was made for somebody else"),
    "no audience": (without("aud"), "lacks a claim that it must have"),
    "several audiences": (claim(aud=["strongroom", "another client"]), "was made for somebody else"),
    "authorized party": (claim(azp="another client"), "was made for somebody else"),
    "nobody": (claim(sub=""), "names nobody"),
    "alg none": (signed(algorithm="none", key=None), "is not signed with RS256"),
    "shared secret": (signed(algorithm="HS256", key=CLIENT_SECRET.encode()), "is not signed with RS256"),
    "another algorithm": (signed(algorithm="ES256", key=CURVE, header={"kid": "curve"}), "is not signed with RS256"),
    "algorithm of another key": (signed(header={"kid": "curve"}), "is signed with a key of another kind"),
    "access token": (signed(header={"kid": "own", "typ": "at+jwt"}), "is not an ID token"),
}


@pytest.fixture
def browser(liar: HostileProvider, configure: Configure, organization: Organization, owner: User) -> Client:
    configure(liar)
    return client()


@pytest.mark.parametrize("lie", LIES)
def test_lie_is_refused_with_a_sentence(browser: Client, liar: HostileProvider, lie: str) -> None:
    liar.twist, words = LIES[lie]
    answer = past(browser, liar)
    assert (answer.status_code, signed_in(browser), browser.session.get("oidc_id_token")) == (403, None, None)
    assert words in sentence(answer)
    assert not User.objects.filter(username="ana").exists()


@pytest.mark.parametrize("token", [None, 7, "", "a.b", "e30.e30.e30"])
def test_what_is_no_token_is_refused(browser: Client, liar: HostileProvider, monkeypatch: pytest.MonkeyPatch, token: object) -> None:
    monkeypatch.setattr(liar, "exchange", lambda _: {"access_token": "opaque", "id_token": token})
    answer = past(browser, liar)
    assert (answer.status_code, signed_in(browser)) == (403, None)


def test_truth_is_believed(browser: Client, liar: HostileProvider) -> None:
    past(browser, liar)
    assert str(signed_in(browser)) == "ana"


def test_several_audiences_are_fine_where_the_party_is_us(browser: Client, liar: HostileProvider) -> None:
    liar.twist = claim(aud=["strongroom", "another client"], azp="strongroom")
    past(browser, liar)
    assert str(signed_in(browser)) == "ana"


def test_clock_may_differ_by_a_minute(browser: Client, liar: HostileProvider) -> None:
    liar.twist = claim(exp=ago(30), iat=ago(330))
    past(browser, liar)
    assert str(signed_in(browser)) == "ana"


def test_elliptic_curve_is_believed_where_it_is_configured(browser: Client, liar: HostileProvider, configure: Configure) -> None:
    configure(liar, algorithm="ES256")
    liar.twist = signed(algorithm="ES256", key=CURVE, header={"kid": "curve"})
    past(browser, liar)
    assert str(signed_in(browser)) == "ana"


def test_refused_sign_in_leaves_the_session_that_was_there(browser: Client, liar: HostileProvider, owner: User) -> None:
    browser.force_login(owner)
    liar.twist = claim(nonce="of another sign-in")
    past(browser, liar)
    assert (signed_in(browser), browser.session.get("oidc_id_token")) == (owner, None)


def test_userinfo_about_somebody_else_is_refused(browser: Client, liar: HostileProvider) -> None:
    liar.userinfo = {"sub": "ben-1", "org": "here"}
    answer = past(browser, liar)
    assert sentence(answer) == "Example ID told about somebody else than who signed in."
    assert signed_in(browser) is None


def test_signed_claims_win_over_userinfo(browser: Client, liar: HostileProvider) -> None:
    liar.userinfo = {"preferred_username": "owner", "realm_access": {"roles": ["admins"]}}
    past(browser, liar)
    ana = signed_in(browser)
    assert ana is not None
    assert [role.name for role in ana.membership_set.get().roles.all()] == ["Auditor"]


@pytest.mark.parametrize(
    ("metadata", "answer"),
    [({}, {"iss": "https://evil.example"}), ({"authorization_response_iss_parameter_supported": True}, {})],
)
def test_answer_of_another_issuer_is_refused(
    browser: Client, liar: HostileProvider, metadata: dict[str, Any], answer: dict[str, str]
) -> None:
    """RFC 9207: a code that was meant for another provider's token endpoint must not reach ours."""
    liar.metadata, liar.answer = metadata, answer
    assert sentence(past(browser, liar)) == "The answer comes from another issuer."
    assert signed_in(browser) is None


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"issuer": "https://evil.example"}, "which is not the one that is configured"),
        ({"token_endpoint": "http://evil.example/token"}, "publishes no safe address as its token_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "publishes no safe address as its jwks_uri"),
        ({"authorization_endpoint": None}, "publishes no safe address as its authorization_endpoint"),
    ],
)
def test_provider_that_describes_itself_wrongly_is_not_asked(
    browser: Client, liar: HostileProvider, metadata: dict[str, Any], words: str
) -> None:
    liar.metadata = metadata
    answer = browser.get("/oidc/start")
    assert (answer.status_code, words in sentence(answer)) == (502, True)


def test_endpoints_and_keys_are_asked_for_once(browser: Client, liar: HostileProvider) -> None:
    for _ in range(3):
        past(browser, liar)
    assert [liar.asked.count(place) for place in ("/.well-known/openid-configuration", "/jwks")] == [1, 1]


def test_unknown_keys_do_not_make_us_ask_again_and_again(browser: Client, liar: HostileProvider) -> None:
    liar.twist = signed(header={"kid": "none of mine"})
    for _ in range(3):
        past(browser, liar)
    assert liar.asked.count("/jwks") == 1


def test_given_endpoints_need_no_discovery(browser: Client, liar: HostileProvider, configure: Configure) -> None:
    here = liar.issuer
    configure(liar, endpoints=Endpoints(authorization=f"{here}/auth", token=f"{here}/token", jwks=f"{here}/jwks"))
    past(browser, liar)
    assert str(signed_in(browser)) == "ana"
    assert liar.asked == ["/auth", "/jwks"]
