"""POST /oauth/token: who gets a token, and every way in which nobody does."""

from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
import time_machine
from axes.models import AccessAttempt
from django.db import connection
from django.utils import timezone

from accounts.models import AccessToken, Application, Grant, Membership, Organization, RefreshToken, User
from accounts.services.people import join
from exports.tasks import tidy
from tests.accounts.oauth.conftest import CALLBACK, PASSWORD, SECRET, ask, ask_token, authorize_url, get_code, get_tokens

VERIFIER = "v" * 64
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

pytestmark = pytest.mark.django_db


def test_code_becomes_the_documented_answer(ana: User, application: Application) -> None:
    answer = ask_token("wallboard", grant_type="authorization_code", code=get_code(ana), redirect_uri=CALLBACK)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "expires_in", "refresh_token", "scope", "token_type"}
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["scope"] == "*"
    assert answer.json()["expires_in"] == 43_200
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"] == "application/json"


def test_answer_is_json_whatever_is_asked_for(ana: User, machine: Application) -> None:
    answer = ask_token("nightly", grant_type="client_credentials")
    assert answer.json()["access_token"]


def test_code_works_once(ana: User, application: Application) -> None:
    form = {"grant_type": "authorization_code", "code": get_code(ana), "redirect_uri": CALLBACK}
    assert ask_token("wallboard", **form).status_code == 200
    again = ask_token("wallboard", **form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_code_expires_after_a_minute(ana: User, application: Application) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = get_code(ana)
        clock.shift(timedelta(seconds=60))
        answer = ask_token("wallboard", grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("uri", ["https://client.example/callback/", "https://client.example/other", "", "https://evil.example/callback"])
def test_code_belongs_to_its_redirect_uri(ana: User, application: Application, uri: str) -> None:
    answer = ask_token("wallboard", grant_type="authorization_code", code=get_code(ana), redirect_uri=uri)
    assert answer.status_code == 400


def test_code_belongs_to_its_client(ana: User, application: Application, machine: Application) -> None:
    machine.authorization_grant_type = Application.GRANT_AUTHORIZATION_CODE
    machine.save()
    answer = ask_token("nightly", grant_type="authorization_code", code=get_code(ana), redirect_uri=CALLBACK)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(("verifier", "code"), [(VERIFIER, 200), ("w" * 64, 400), (CHALLENGE, 400), ("", 400)])
def test_pkce_verifier_must_fit(ana: User, application: Application, verifier: str, code: int) -> None:
    url = authorize_url(code_challenge=CHALLENGE, code_challenge_method="S256")
    answer = ask_token("wallboard", grant_type="authorization_code", code=get_code(ana, url), redirect_uri=CALLBACK, code_verifier=verifier)
    assert answer.status_code == code


def test_public_client_needs_no_secret_but_pkce(ana: User, application: Application) -> None:
    Application.objects.update(client_type=Application.CLIENT_PUBLIC)
    code = get_code(ana, authorize_url(code_challenge=CHALLENGE, code_challenge_method="S256"))
    answer = ask_token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, client_id="wallboard", code_verifier=VERIFIER)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("client", "secret"), [("wallboard", "wrong"), ("nobody", SECRET), ("wallboard", ""), ("", SECRET), ("wall\0board", SECRET)]
)
def test_bad_client_credentials_are_unauthorized(ana: User, application: Application, client: str, secret: str) -> None:
    form = {} if client else {"client_id": "wallboard"}
    answer = ask_token(client, secret, grant_type="authorization_code", code=get_code(ana), redirect_uri=CALLBACK, **form)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Unauthorized", "error_description": "Bad credentials"}
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "x"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "unknown", "redirect_uri": CALLBACK}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"grant_type": "password", "username": "owner", "password": PASSWORD}, "unauthorized_client"),
    ],
)
def test_bad_request_is_said_as_the_standard_says(ana: User, application: Application, form: dict[str, str], error: str) -> None:
    answer = ask_token("wallboard", **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_scope_is_the_star_only(ana: User, machine: Application) -> None:
    assert ask_token("nightly", grant_type="client_credentials", scope="*").status_code == 200
    other = ask_token("nightly", grant_type="client_credentials", scope="read")
    assert (other.status_code, other.json()["error"]) == (400, "invalid_scope")


# --- Client credentials ----------------------------------------------------------------------------------------------
def test_machine_acts_as_its_user_in_its_organization(ana: User, machine: Application, organization: Organization) -> None:
    token = ask_token("nightly", grant_type="client_credentials").json()
    assert "refresh_token" not in token
    details = ask("userinfo", token["access_token"]).json()
    assert (details["username"], details["contactCenterId"]) == ("owner", str(organization.pk))


def test_machine_gets_nothing_when_its_user_has_left(ana: User, machine: Application) -> None:
    Membership.objects.all().delete()
    assert ask_token("nightly", grant_type="client_credentials").json()["error"] == "unauthorized_client"


# --- The password grant ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("username", ["owner", "here\\owner"])
def test_marked_client_gets_a_token_for_a_password(ana: User, legacy: Application, username: str) -> None:
    answer = ask_token(grant_type="password", client_id="old-desk", username=username, password=PASSWORD)
    assert answer.status_code == 200
    assert ask("userinfo", answer.json()["access_token"]).json()["environmentId"] == "here"


def test_tenant_chooses_the_organization(ana: User, legacy: Application, elsewhere: Organization) -> None:
    join(ana, elsewhere)
    answer = ask_token(grant_type="password", client_id="old-desk", username="elsewhere\\owner", password=PASSWORD)
    assert ask("userinfo", answer.json()["access_token"]).json()["environmentId"] == "elsewhere"


@pytest.mark.parametrize(
    ("username", "password"),
    [("owner", "wrong"), ("nobody", PASSWORD), ("elsewhere\\owner", PASSWORD), ("nowhere\\owner", PASSWORD), ("o\0wner", PASSWORD)],
)
def test_bad_user_credentials_are_an_invalid_grant(
    ana: User, legacy: Application, elsewhere: Organization, username: str, password: str
) -> None:
    answer = ask_token(grant_type="password", client_id="old-desk", username=username, password=password)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "Bad credentials"}


def test_guessing_passwords_locks_the_account_for_its_address(ana: User, legacy: Application) -> None:
    form = {"grant_type": "password", "client_id": "old-desk", "username": "here\\owner"}
    assert [ask_token(**form, password="guess").status_code for _ in range(5)] == [400, 400, 400, 400, 429]
    answer = ask_token(**form, password=PASSWORD)
    assert (answer.status_code, answer["Retry-After"], answer.json()["status"]["code"]) == (429, "900", 429)
    assert "Try again in 15 minutes." in answer.json()["status"]["message"]
    assert AccessAttempt.objects.get().ip_address == "127.0.0.1"


def test_unmarked_client_gets_nothing_for_a_password(ana: User, legacy: Application) -> None:
    Application.objects.update(allows_password_grant=False)
    answer = ask_token(grant_type="password", client_id="old-desk", username="owner", password=PASSWORD)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


# --- Refreshing ------------------------------------------------------------------------------------------------------
def refresh(token: str) -> dict[str, str]:
    return dict(ask_token("wallboard", grant_type="refresh_token", refresh_token=token).json())


def test_refreshing_gives_a_new_pair_and_ends_the_old_token(ana: User, application: Application) -> None:
    old = get_tokens(ana)
    new = refresh(old["refresh_token"])
    assert ask("ping", new["access_token"]).status_code == 200
    assert ask("ping", old["access_token"]).status_code == 403
    assert new["refresh_token"] != old["refresh_token"]


def test_refresh_token_that_is_used_twice_ends_all_that_came_from_it(ana: User, application: Application) -> None:
    old = get_tokens(ana)
    new = refresh(old["refresh_token"])
    assert refresh(old["refresh_token"])["error"] == "invalid_grant"
    assert ask("ping", new["access_token"]).status_code == 403
    assert refresh(new["refresh_token"])["error"] == "invalid_grant"


def test_refresh_token_outlives_its_access_token_but_not_for_ever(ana: User, application: Application) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        old = get_tokens(ana)
        clock.shift(timedelta(hours=12))
        assert ask("ping", old["access_token"]).status_code == 403
        new = refresh(old["refresh_token"])
        assert ask("ping", new["access_token"]).status_code == 200
        clock.shift(timedelta(days=31))
        assert refresh(new["refresh_token"])["error"] == "invalid_grant"


def test_refreshing_keeps_the_organization(ana: User, application: Application, elsewhere: Organization) -> None:
    tokens = get_tokens(ana)
    join(ana, elsewhere)
    Membership.objects.filter(user=ana, organization=elsewhere).update(joined_at=timezone.now() - timedelta(days=9))
    assert ask("userinfo", refresh(tokens["refresh_token"])["access_token"]).json()["environmentId"] == "here"


def test_who_has_left_refreshes_nothing(ana: User, application: Application) -> None:
    tokens = get_tokens(ana)
    Membership.objects.all().delete()
    assert refresh(tokens["refresh_token"])["error"] == "invalid_grant"


def test_who_is_inactive_refreshes_nothing(ana: User, application: Application) -> None:
    tokens = get_tokens(ana)
    User.objects.update(is_active=False)
    assert refresh(tokens["refresh_token"])["error"] == "invalid_grant"


# --- At rest ---------------------------------------------------------------------------------------------------------
def test_no_token_and_no_code_can_be_read_in_the_database(ana: User, application: Application) -> None:
    code = get_code(ana)
    tokens = get_tokens(ana)
    assert (Grant.objects.count(), AccessToken.objects.count(), RefreshToken.objects.count()) == (1, 1, 1)
    stored = everything()
    assert "wallboard" in stored
    assert not [secret for secret in (code, tokens["access_token"], tokens["refresh_token"], SECRET) if secret in stored]


def everything() -> str:
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    return str(rows)


def test_dead_tokens_and_codes_are_swept_but_not_what_notices_a_replay(ana: User, application: Application) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        old = get_tokens(ana)
        get_code(ana)
        new = refresh(old["refresh_token"])
        clock.shift(timedelta(hours=13))
        tidy()
        assert not Grant.objects.exists()
        assert refresh(old["refresh_token"])["error"] == "invalid_grant"
        assert refresh(new["refresh_token"])["error"] == "invalid_grant"
        clock.shift(timedelta(days=40))
        tidy()
    assert not RefreshToken.objects.exists()
    assert not AccessToken.objects.exists()
