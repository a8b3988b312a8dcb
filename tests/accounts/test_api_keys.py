"""`x-api-key` at the faces: beside a token it narrows, alone it speaks for its user, and only the header counts."""

from collections.abc import Callable

import pytest
from django.urls import path
from pytest_django.fixtures import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.api.api_keys import ApiKeyAuthentication
from accounts.api.authentication import BearerAuthentication
from accounts.api.permissions import access_of
from accounts.models import ApiKey, Organization, User
from accounts.roles import EXPORT_ALL, PERMISSIONS, READ_AUDIT
from accounts.services import keys
from accounts.services.access import Access, access_to

STATUSES = "/udm/v10/data/job-statuses"


class Mirror(APIView):
    """Says who asks and what they may do."""

    def get(self, request: Request) -> Response:
        access = access_of(request)
        return Response({"user": str(access.user), "permissions": sorted(access.permissions)})

    post = get


class MirrorOfKeys(Mirror):
    authentication_classes = [BearerAuthentication, ApiKeyAuthentication]


urlpatterns = [
    path("mirror", Mirror.as_view()),
    path("mirror-of-keys", MirrorOfKeys.as_view()),
]


@pytest.fixture
def mirrors(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def access(user: User) -> Access:
    found = access_to(user, user.organizations.get())
    assert found is not None
    return found


@pytest.fixture
def make_key(owner: User) -> Callable[..., str]:
    def make(*scopes: str, user: User = owner) -> str:
        return keys.issue(access(user), name=f"key {ApiKey.objects.count()}", scopes=scopes or [EXPORT_ALL])[1]

    return make


# --- Beside a bearer token -------------------------------------------------------------------------------------------
def test_token_alone_is_enough(api: APIClient) -> None:
    assert api.get(STATUSES).status_code == 200


def test_valid_key_is_accepted_beside_the_token(api: APIClient, make_key: Callable[..., str]) -> None:
    assert api.get(STATUSES, headers={"x-api-key": make_key()}).status_code == 200


@pytest.mark.parametrize("sent", ["", "wrong", "0123456789ab.wrong"])
def test_wrong_key_is_forbidden(api: APIClient, sent: str) -> None:
    answer = api.get(STATUSES, headers={"x-api-key": sent})
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_key_of_another_organization_is_forbidden(api: APIClient, outsider: User, make_key: Callable[..., str]) -> None:
    assert api.get(STATUSES, headers={"x-api-key": make_key(user=outsider)}).status_code == 403


def test_revoked_key_is_forbidden(api: APIClient, owner: User, make_key: Callable[..., str]) -> None:
    sent = make_key()
    keys.revoke(access(owner), ApiKey.objects.get().pk)
    assert api.get(STATUSES, headers={"x-api-key": sent}).status_code == 403


def test_key_of_who_left_is_forbidden(teammate_api: APIClient, owner: User, make_key: Callable[..., str]) -> None:
    sent = make_key()
    owner.membership_set.all().delete()
    assert teammate_api.get(STATUSES, headers={"x-api-key": sent}).status_code == 403


def test_missing_key_is_forbidden_where_it_is_required(api: APIClient, settings: Settings, make_key: Callable[..., str]) -> None:
    settings.API_KEY_REQUIRED = True
    answer = api.get(STATUSES)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert api.get(STATUSES, headers={"x-api-key": make_key()}).status_code == 200


def test_key_narrows_what_the_token_may(api: APIClient, make_key: Callable[..., str], mirrors: None) -> None:
    assert api.get("/mirror").json()["permissions"] == sorted(PERMISSIONS)
    answer = api.get("/mirror", headers={"x-api-key": make_key(EXPORT_ALL)})
    assert answer.json() == {"user": "owner", "permissions": [EXPORT_ALL]}


def test_key_adds_nothing_to_what_the_token_may(teammate_api: APIClient, make_key: Callable[..., str], mirrors: None) -> None:
    answer = teammate_api.get("/mirror", headers={"x-api-key": make_key(EXPORT_ALL)})
    assert answer.json() == {"user": "teammate", "permissions": []}


@pytest.mark.parametrize(("query", "noted"), [("", True), ("?bgUpdate=true", False)])
def test_use_is_noted_unless_a_page_refreshes_itself(api: APIClient, make_key: Callable[..., str], query: str, noted: bool) -> None:
    api.get(f"{STATUSES}{query}", headers={"x-api-key": make_key()})
    assert (ApiKey.objects.get().last_used_at is not None) is noted


# --- Alone -----------------------------------------------------------------------------------------------------------
def test_key_alone_speaks_for_its_user(make_key: Callable[..., str], mirrors: None) -> None:
    answer = APIClient().get("/mirror-of-keys", headers={"x-api-key": make_key(READ_AUDIT)})
    assert answer.json() == {"user": "owner", "permissions": [READ_AUDIT]}


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}])
def test_no_or_a_wrong_key_alone_is_not_authenticated(mirrors: None, db: None, headers: dict[str, str]) -> None:
    assert APIClient().get("/mirror-of-keys", headers=headers).status_code == 401


@pytest.mark.parametrize(("scope", "status"), [(READ_AUDIT, 200), (EXPORT_ALL, 403)])
def test_key_alone_reads_the_audit_trail_if_it_names_that(make_key: Callable[..., str], scope: str, status: int) -> None:
    assert APIClient().get("/api/v1/audit", headers={"x-api-key": make_key(scope)}).status_code == status


def test_key_alone_is_no_bearer_token(make_key: Callable[..., str], mirrors: None) -> None:
    sent = make_key()
    assert APIClient().get("/mirror", headers={"x-api-key": sent}).status_code == 401
    assert APIClient().get("/mirror", headers={"authorization": f"Bearer {sent}"}).status_code == 401


def test_wrong_token_is_not_mended_by_a_key(make_key: Callable[..., str], mirrors: None) -> None:
    headers = {"authorization": "Bearer wrong", "x-api-key": make_key()}
    assert APIClient().get("/mirror-of-keys", headers=headers).status_code == 401


# --- Only the header counts ------------------------------------------------------------------------------------------
def test_key_in_the_query_is_nothing(make_key: Callable[..., str], mirrors: None) -> None:
    assert APIClient().get("/mirror-of-keys", {"x-api-key": make_key()}).status_code == 401


def test_key_in_the_body_is_nothing(make_key: Callable[..., str], mirrors: None) -> None:
    assert APIClient().post("/mirror-of-keys", {"x-api-key": make_key()}).status_code == 401


def test_key_in_a_cookie_is_nothing(make_key: Callable[..., str], mirrors: None) -> None:
    client = APIClient()
    client.cookies["x-api-key"] = make_key()
    assert client.get("/mirror-of-keys").status_code == 401


def test_session_does_not_stand_in_for_a_key(owner: User, mirrors: None) -> None:
    client = APIClient()
    client.force_login(owner)
    assert client.get("/mirror-of-keys").status_code == 401


def test_key_opens_no_page_of_the_console(make_key: Callable[..., str], organization: Organization) -> None:
    answer = APIClient().get("/", headers={"x-api-key": make_key()})
    assert answer.status_code == 302
