"""The settings STRONGROOM_OIDC_*: read into one Options, or refused at boot with a sentence; and the system checks."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from accounts.models import Organization, User
from accounts.roles import ADMINISTRATOR, AUDITOR
from accounts.services.oidc.options import Options
from config import oidc
from config.env import Environment
from tests.test_house_environment import manage

LEAST = {"ISSUER": "https://id.example", "CLIENT_ID": "strongroom", "CLIENT_SECRET": "canary-5f0c"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def read(environment: pytest.MonkeyPatch, tmp_path: Path, **values: str) -> Options | None:
    for name, value in values.items():
        environment.setenv(f"STRONGROOM_OIDC_{name}", value)
    return oidc.read(Environment(tmp_path))


def test_nothing_set_is_off(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read(environment, tmp_path) is None


def test_least_is_enough(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = read(environment, tmp_path, **LEAST)
    assert options is not None
    assert (options.name, options.algorithm, options.create_users, options.api_tokens) == ("id.example", "RS256", False, False)


def test_secret_is_read_from_a_file_and_never_printed(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-5f0c\n")
    given = {"ISSUER": "https://id.example", "CLIENT_ID": "strongroom", "CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    options = read(environment, tmp_path, **given)
    assert options is not None
    assert options.client_secret == "canary-5f0c"
    assert "canary" not in repr(options)


def test_roles_are_mapped_by_value(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mapping = {"ROLES_CLAIM": "groups", "ROLES": "/a=b=administrator, auditors=Auditor", "ORGANIZATION": "here"}
    options = read(environment, tmp_path, **LEAST, **mapping)
    assert options is not None
    assert options.roles == (("/a=b", ADMINISTRATOR), ("auditors", AUDITOR))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ISSUER": "http://id.example"}, "OIDC_ISSUER is 'http://id.example'; it must be an https:// address"),
        ({"ISSUER": ""}, "OIDC_CLIENT_ID is set, but STRONGROOM_OIDC_ISSUER is not"),
        ({"CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET must be set"),
        ({"ALGORITHM": "HS256"}, "OIDC_ALGORITHM is 'HS256'; it must be one of RS256, ES256"),
        ({"ALGORITHM": "none"}, "OIDC_ALGORITHM is 'none'"),
        ({"SCOPES": "profile"}, "OIDC_SCOPES must hold openid"),
        ({"ROLES": "kings=King", "ROLES_CLAIM": "groups"}, "OIDC_ROLES cannot be read at 'kings=King'"),
        ({"ROLES": "Auditor", "ROLES_CLAIM": "groups"}, "OIDC_ROLES cannot be read at 'Auditor'"),
        ({"ROLES_CLAIM": "groups"}, "OIDC_ROLES_CLAIM and STRONGROOM_OIDC_ROLES need one another"),
        ({"CREATE_USERS": "true"}, "OIDC_ORGANIZATION or STRONGROOM_OIDC_ORGANIZATION_CLAIM must be set"),
        ({"TOKEN_ENDPOINT": "https://id.example/token"}, "OIDC_AUTHORIZATION_ENDPOINT must be set too"),
        ({"JWKS_URI": "ftp://id.example/keys"}, "OIDC_JWKS_URI is 'ftp://id.example/keys'; it must be an https:// address"),
        ({"API_TOKENS": "true"}, "OIDC_API_TOKENS and STRONGROOM_OIDC_API_AUDIENCE need one another"),
        ({"API_AUDIENCE": "https://api.example"}, "OIDC_API_TOKENS and STRONGROOM_OIDC_API_AUDIENCE need one another"),
        ({"API_TOKENS": "true", "API_AUDIENCE": "strongroom"}, "OIDC_API_AUDIENCE must differ from STRONGROOM_OIDC_CLIENT_ID"),
    ],
)
def test_bad_setting_is_a_sentence(environment: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        read(environment, tmp_path, **{**LEAST, **changes})


def test_server_starts_while_its_provider_is_down(tmp_path: Path) -> None:
    """Nothing is asked before somebody signs in; port 9 answers nobody."""
    given = {f"STRONGROOM_OIDC_{name}": value for name, value in {**LEAST, "ISSUER": "http://localhost:9", "REFRESH_SECONDS": "60"}.items()}
    done = manage("shell", "-c", "from config import wsgi; print('up')", data=tmp_path, **given)
    assert done.stdout.strip().endswith("up"), done.stderr


# --- System checks -------------------------------------------------------------------------------------------------
def ids(**databases: object) -> set[str]:
    return {message.id or "" for message in run_checks(**databases)} & {"accounts.E101", "accounts.W101"}  # type: ignore[arg-type]  # passed on as it is


@pytest.fixture
def options(settings: Settings) -> Options:
    mapping = {"organization": "here", "roles_claim": "groups", "roles": (("auditors", AUDITOR),)}
    settings.OIDC = Options("https://id.example", "strongroom", "secret", "Example ID", **mapping)  # type: ignore[arg-type]  # passed on as it is
    return settings.OIDC  # type: ignore[no-any-return]  # our own setting


@pytest.mark.parametrize(("same_site", "expected"), [("Strict", {"accounts.E101"}), ("Lax", set())])
def test_session_that_does_not_come_back_is_an_error(options: Options, settings: Settings, same_site: str, expected: set[str]) -> None:
    settings.SESSION_COOKIE_SAMESITE = same_site
    assert ids() == expected


@pytest.mark.django_db
def test_organization_that_is_missing_is_warned_about(options: Options) -> None:
    assert ids(databases=["default"]) == {"accounts.W101"}


@pytest.mark.django_db
def test_role_that_is_missing_is_warned_about(options: Options, organization: Organization, owner: User) -> None:
    assert ids(databases=["default"]) == set()
    Group.objects.filter(name=AUDITOR).delete()
    assert ids(databases=["default"]) == {"accounts.W101"}
