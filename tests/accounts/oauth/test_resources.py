"""What a token opens on this face: every documented method, path and code, and the bodies."""

import json
from datetime import timedelta
from typing import Any

import pytest
from authlib.jose import JsonWebKey
from authlib.jose import jwt as verifier
from django.db import OperationalError, connection
from django.test import Client

from accounts.models import AccessToken, ApiKey, Application, AuditEntry, Membership, Organization, RefreshToken, User
from accounts.roles import ADMINISTRATOR, PERMISSIONS, READ_AUDIT
from accounts.services import keys
from accounts.services.access import access_to
from tests.accounts.oauth.conftest import CALLBACK, PASSWORD, SECRET, ask, ask_token, authorize_url, basic, get_tokens

pytestmark = pytest.mark.django_db
NEW = "seven league boots, worn"
BYE = "https://client.example/bye"


def change(token: str | None, **fields: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = {"oldPassword": PASSWORD, "newPassword": NEW, **fields}
    return Client(headers=headers).post("/auth/v3/change-password", {"data": data, "operationId": "7"}, content_type="application/json")


def sign_out(token: str, method: str = "post", query: str = "") -> Any:
    return Client(headers={"Authorization": f"Bearer {token}"}).generic(method.upper(), f"/auth/v3/sign-out{query}")


# --- The document's table --------------------------------------------------------------------------------------------
class Down:
    """The database is not reachable: what a driver raises then."""

    def __call__(self, *_: Any) -> Any:
        raise OperationalError("the connection was refused")


TABLE = [
    ("POST", "change-password", 200),
    ("POST", "change-password", 403),
    ("POST", "change-password", 503),
    ("GET", "jwt-userinfo", 200),
    ("GET", "jwt-userinfo", 401),
    ("GET", "oauth/authorize", 302),
    ("GET", "oauth/authorize", 401),
    ("POST", "oauth/token", 200),
    ("POST", "oauth/token", 400),
    ("POST", "oauth/token", 401),
    ("POST", "oauth/token", 403),
    ("POST", "oauth/token", 503),
    ("GET", "openid/userinfo", 200),
    ("GET", "openid/userinfo", 401),
    ("GET", "openid/userinfo", 503),
    ("GET", "ping", 200),
    ("GET", "ping", 403),
    ("GET", "ping", 503),
    ("GET", "sign-out", 200),
    ("GET", "sign-out", 401),
    ("GET", "sign-out", 503),
    ("POST", "sign-out", 200),
    ("POST", "sign-out", 401),
    ("POST", "sign-out", 503),
    ("GET", "userinfo", 200),
    ("GET", "userinfo", 401),
    ("GET", "userinfo", 503),
]


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_documented_code_is_answered(
    ana: User, application: Application, machine: Application, organization: Organization, row: tuple[str, str, int]
) -> None:
    method, path, code = row
    token = AccessToken.issue(ana, organization, lifetime=timedelta(hours=1))[1]
    headers = {"Authorization": f"Bearer {'wrong' if code in {401, 403} else token}"}
    url, data = f"/auth/v3/{path}", ""
    if path == "oauth/token":
        headers = {**basic("nightly", "wrong" if code == 401 else SECRET), **({"x-api-key": "wrong"} if code == 403 else {})}
        data = "grant_type=client_credentials" if code != 400 else "grant_type=unknown"
    if path == "change-password":
        headers = {} if code == 403 else headers
        data = json.dumps({"data": {"oldPassword": PASSWORD, "newPassword": NEW}})
    if path == "oauth/authorize":
        url, headers = authorize_url(), basic("wallboard", "wrong") if code == 401 else {}
    browser = Client(headers=headers)
    if code == 302:
        browser.force_login(ana)
    kind = "application/x-www-form-urlencoded" if path == "oauth/token" else "application/json"
    assert status_of(browser, method, url, data, kind, down=code == 503) == code


def status_of(browser: Client, method: str, url: str, data: str, kind: str, *, down: bool) -> int:
    if not down:
        return browser.generic(method, url, data, content_type=kind).status_code
    with connection.execute_wrapper(Down()):
        answer = browser.generic(method, url, data, content_type=kind)
    assert answer.json()["status"]["code"] == 503
    return answer.status_code


# --- Who the token speaks for ----------------------------------------------------------------------------------------
def test_userinfo_is_as_documented(ana: User, application: Application, organization: Organization) -> None:
    assert ask("userinfo", get_tokens(ana)["access_token"]).json() == {
        "authorities": [{"name": ADMINISTRATOR, "privileges": sorted(PERMISSIONS)}],
        "cmeUserName": "owner",
        "contactCenterId": str(organization.pk),
        "dbid": ana.pk,
        "environmentId": "here",
        "loginName": "owner",
        "properties": {"email": "", "firstName": "", "lastName": ""},
        "username": "owner",
    }


def test_openid_userinfo_is_as_documented(ana: User, application: Application, organization: Organization) -> None:
    found = ask("openid/userinfo", get_tokens(ana)["access_token"]).json()
    assert set(found) == set(
        "aud authorities contact_center_id dbid email environment_id family_name given_name properties sub user_name".split()
    )
    assert (found["aud"], found["sub"], found["contact_center_id"]) == ("wallboard", str(ana.pk), str(organization.pk))


def test_jwt_userinfo_can_be_verified_with_the_served_key(ana: User, application: Application) -> None:
    answer = ask("jwt-userinfo", get_tokens(ana)["access_token"])
    assert answer.json()["status"]["code"] == 0
    served = JsonWebKey.import_key_set(Client().get("/auth/v3/.well-known/jwks.json").json())
    claims = verifier.decode(answer["X-GWS-User"], served)
    claims.validate()
    assert (claims["username"], claims["aud"], claims["iss"]) == ("owner", "wallboard", "http://testserver")


def test_served_key_is_public(db: None) -> None:
    (key,) = Client().get("/auth/v3/.well-known/jwks.json").json()["keys"]
    assert key["kty"] == "EC"
    assert "d" not in key


def test_api_key_narrows_the_privileges(ana: User, application: Application, organization: Organization) -> None:
    access = access_to(ana, organization)
    assert access is not None
    _, key = keys.issue(access, name="reader", scopes=[READ_AUDIT])
    found = ask("userinfo", get_tokens(ana)["access_token"], **{"x-api-key": key}).json()
    assert found["authorities"] == [{"name": ADMINISTRATOR, "privileges": [READ_AUDIT]}]


@pytest.mark.parametrize("path", ["userinfo", "ping", "oauth/authorize", "oauth/token", "change-password", ".well-known/jwks.json"])
def test_wrong_api_key_is_forbidden_everywhere(ana: User, application: Application, path: str) -> None:
    headers = {"x-api-key": "wrong"}
    if path == "userinfo":
        headers["Authorization"] = f"Bearer {get_tokens(ana)['access_token']}"
    method = "POST" if path in {"oauth/token", "change-password"} else "GET"
    answer = Client(headers=headers).generic(method, f"/auth/v3/{path}")
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("path", ["userinfo", "openid/userinfo", "jwt-userinfo", "sign-out"])
def test_basic_opens_no_resource(ana: User, path: str) -> None:
    answer = Client(headers=basic("owner", PASSWORD)).get(f"/auth/v3/{path}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_token_in_the_query_opens_nothing(ana: User, application: Application) -> None:
    token = get_tokens(ana)["access_token"]
    assert Client().get(f"/auth/v3/userinfo?access_token={token}").status_code == 401


def test_token_dies_when_its_user_leaves_the_organization(ana: User, application: Application) -> None:
    token = get_tokens(ana)["access_token"]
    Membership.objects.all().delete()
    assert ask("userinfo", token).status_code == 401


# --- Sign-out --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["get", "post"])
def test_sign_out_ends_this_token_and_its_refresh_token(ana: User, application: Application, method: str) -> None:
    mine, other = get_tokens(ana), get_tokens(ana)
    assert sign_out(mine["access_token"], method).json()["status"] == {"code": 0, "message": "OK", "detail": {}}
    assert ask("ping", mine["access_token"]).status_code == 403
    assert ask_token("wallboard", grant_type="refresh_token", refresh_token=mine["refresh_token"]).status_code == 400
    assert ask("ping", other["access_token"]).status_code == 200


@pytest.mark.parametrize("method", ["get", "post"])
def test_global_sign_out_ends_all_tokens_of_the_user(ana: User, outsider: User, application: Application, method: str) -> None:
    mine, other, foreign = get_tokens(ana), get_tokens(ana), get_tokens(outsider)
    sign_out(mine["access_token"], method, "?global=true")
    assert ask("ping", other["access_token"]).status_code == 403
    assert not RefreshToken.objects.filter(user=ana, revoked=None).exists()
    assert ask("ping", foreign["access_token"]).status_code == 200


def test_sign_out_is_audited(ana: User, application: Application) -> None:
    sign_out(get_tokens(ana)["access_token"])
    told = AuditEntry.objects.filter(action__startswith="access-token.").order_by("pk")
    assert [(entry.action, entry.actor) for entry in told] == [("access-token.issue", "owner"), ("access-token.revoke", "owner")]


def test_sign_out_redirects_to_a_registered_uri(ana: User, application: Application) -> None:
    answer = sign_out(get_tokens(ana)["access_token"], "get", f"?redirectUri={BYE}")
    assert (answer.status_code, answer["Location"]) == (302, BYE)


@pytest.mark.parametrize(
    "uri",
    [
        "//evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "https://client.example@evil.example/bye",
        "https://client.example/bye@evil.example",
        "https://client.example.evil.example/bye",
        "https://client.example/bye/",
        "https://client.example/bye?x=1",
        "https://client.example/by",
        "https://client.example",
        CALLBACK,
        "",
        "javascript:alert(1)",
        "https://client.example/bye%0d%0aSet-Cookie:a=b",
    ],
)
def test_sign_out_redirects_nowhere_else_and_then_ends_nothing(ana: User, application: Application, uri: str) -> None:
    token = get_tokens(ana)["access_token"]
    answer = Client(headers={"Authorization": f"Bearer {token}"}).get("/auth/v3/sign-out", {"redirectUri": uri})
    assert answer.status_code == 400
    assert "Location" not in answer
    assert ask("ping", token).status_code == 200


def test_sign_out_ends_the_browsers_session_too(ana: User, application: Application) -> None:
    browser = Client(headers={"Authorization": f"Bearer {get_tokens(ana)['access_token']}"})
    browser.force_login(ana)
    browser.post("/auth/v3/sign-out")
    assert "_auth_user_id" not in browser.session


@pytest.mark.parametrize("query", ["?global=perhaps", "?global="])
def test_sign_out_wants_true_or_false(ana: User, application: Application, query: str) -> None:
    answer = sign_out(get_tokens(ana)["access_token"], "post", query)
    assert (answer.status_code, list(answer.json()["status"]["detail"]["errors"])) == (400, ["global"])


# --- Password --------------------------------------------------------------------------------------------------------
def test_password_is_changed_and_other_tokens_and_sessions_end(ana: User, application: Application) -> None:
    mine, other = get_tokens(ana), get_tokens(ana)
    browser = Client()
    browser.force_login(ana)
    answer = change(mine["access_token"])
    assert answer.json() == {
        "data": {"operationId": "7"},
        "errors": [],
        "path": "/auth/v3/change-password",
        "status": {"code": 0, "message": "OK", "detail": {}},
    }
    assert User.objects.get(pk=ana.pk).check_password(NEW)
    assert [ask("ping", tokens["access_token"]).status_code for tokens in (mine, other)] == [200, 403]
    assert browser.get("/", follow=False).status_code == 302


def test_password_can_be_changed_by_name_without_a_token(ana: User) -> None:
    assert change(None, userName="here\\owner").status_code == 200
    assert User.objects.get(pk=ana.pk).check_password(NEW)


@pytest.mark.parametrize("fields", [{"oldPassword": "wrong"}, {"userName": "teammate"}, {"userName": "nobody"}])
def test_password_of_nobody_else_is_changed(ana: User, teammate: User, application: Application, fields: dict[str, str]) -> None:
    before = set(User.objects.values_list("password", flat=True))
    answer = change(get_tokens(ana)["access_token"], **fields)
    assert (answer.status_code, answer.json()["status"]["message"]) == (403, "Unable to update password")
    assert set(User.objects.values_list("password", flat=True)) == before


def test_weak_password_is_refused_with_every_reason(ana: User, application: Application) -> None:
    answer = change(get_tokens(ana)["access_token"], newPassword="1234567")
    sentences = [error["status"]["message"] for error in answer.json()["errors"]]
    assert answer.status_code == 403
    assert len(sentences) == 3
    assert sentences[0].startswith("This password is too short.")


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"data": 1}', '{"data": {"newPassword": "x"}}', "{", "[" * 5000])
def test_body_that_cannot_be_read_is_a_400(ana: User, application: Application, body: str) -> None:
    answer = Client().post("/auth/v3/change-password", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["status"]["message"]


def test_passwords_are_in_no_audit_entry(ana: User, application: Application) -> None:
    change(get_tokens(ana)["access_token"])
    assert AuditEntry.objects.filter(action="user.change-password").exists()
    assert not [entry for entry in AuditEntry.objects.values_list("before", "after") if PASSWORD in str(entry) or NEW in str(entry)]
