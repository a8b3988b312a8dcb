"""`manage.py issue_token USERNAME` prints a bearer token that works."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.api.authentication import BearerAuthentication
from accounts.models import AccessToken, Membership, Organization, User
from accounts.services.access import Access

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    user = User.objects.create(username="ana")
    for key in ("acme", "beta"):
        Membership.objects.create(organization=Organization.objects.create(key=key, name=key.title()), user=user)
    return user


def issue(*arguments: str) -> str:
    out = StringIO()
    call_command("issue_token", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def authenticate(authorization: str, **headers: str) -> tuple[User, Access] | None:
    request = APIRequestFactory().get("/", headers={"authorization": authorization, **headers})
    return BearerAuthentication().authenticate(Request(request))


def test_printed_token_authenticates(user: User) -> None:
    found = authenticate(f"Bearer {issue('ana')}")
    assert found is not None
    assert found[0] == user
    assert found[1].organization.key == "acme"


def test_only_the_token_is_on_stdout(user: User) -> None:
    assert len(issue("ana").split()) == 1


def test_use_is_recorded(user: User) -> None:
    authenticate(f"Bearer {issue('ana')}")
    assert AccessToken.objects.get().last_used_at is not None


def test_organization_can_be_named(user: User) -> None:
    issue("ana", "--organization", "beta")
    assert AccessToken.objects.get().organization.key == "beta"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nobody",), "There is no user 'nobody'."),
        (("ana", "--organization", "gamma"), "'ana' does not belong to gamma"),
        (("ana", "--days", "0"), "--days must be 1 or more."),
    ],
)
def test_bad_argument_is_a_sentence(user: User, arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        issue(*arguments)
    assert not AccessToken.objects.exists()


def test_user_without_an_organization_is_a_sentence() -> None:
    User.objects.create(username="lone")
    with pytest.raises(CommandError, match="does not belong to any organization"):
        issue("lone")


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer wrong", "Bearer a b", "bearer wrong.token"])
def test_bad_token_is_refused(user: User, authorization: str) -> None:
    with pytest.raises(AuthenticationFailed):
        authenticate(authorization)


def test_revoked_token_is_refused(user: User) -> None:
    token = issue("ana")
    AccessToken.objects.get().end()
    with pytest.raises(AuthenticationFailed):
        authenticate(f"Bearer {token}")


def test_token_of_an_inactive_user_is_refused(user: User) -> None:
    token = issue("ana")
    User.objects.update(is_active=False)
    with pytest.raises(AuthenticationFailed):
        authenticate(f"Bearer {token}")


def test_token_dies_when_its_user_leaves_the_organization(user: User) -> None:
    token = issue("ana")
    Membership.objects.filter(user=user, organization__key="acme").delete()
    with pytest.raises(AuthenticationFailed):
        authenticate(f"Bearer {token}")


@pytest.mark.parametrize("authorization", ["", "Basic YW5hOnNlY3JldA=="])
def test_other_schemes_are_not_ours(user: User, authorization: str) -> None:
    assert authenticate(authorization) is None
