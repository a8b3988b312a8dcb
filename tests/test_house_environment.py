"""Settings come from the environment and fail at boot with a sentence."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import Environment

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "STRONGROOM_MODE": "production",
    "STRONGROOM_SECRET_KEY": "wq0Zf3kT8yVb2nM6cR1xL9sD4hJ7gP5aUeKi-uQoY_tEwBv3N8sLq",
    "STRONGROOM_ENCRYPTION_KEYS": "8f1d6c0b7a3e4952c6d8b1f0e7a2c4d9",
    "STRONGROOM_ALLOWED_HOSTS": "strongroom.example.org",
    "STRONGROOM_DATABASE_URL": "postgres://strongroom:none@localhost/strongroom",
}


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def manage(*command: str, data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` in a fresh process, with no STRONGROOM_* variable but `variables`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STRONGROOM_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**inherited, "DATA": str(data), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_text_without_default_must_be_set(env: Environment) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"STRONGROOM_NAME must be set \(or STRONGROOM_NAME_FILE"):
        env.text("NAME")


def test_text_is_read_from_the_file_that_is_named(env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "name").write_text("from a file")
    monkeypatch.setenv("STRONGROOM_NAME_FILE", str(tmp_path / "name"))
    assert env.text("NAME") == "from a file"


def test_line_end_of_a_file_does_not_belong_to_its_value(env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "name").write_text("from an editor\n")
    monkeypatch.setenv("STRONGROOM_NAME_FILE", str(tmp_path / "name"))
    assert env.text("NAME") == "from an editor"


def test_missing_file_is_a_sentence(env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_NAME_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match=r"STRONGROOM_NAME_FILE names .*nowhere, which cannot be read"):
        env.text("NAME", "default")


@pytest.mark.parametrize(
    ("value", "read", "sentence"),
    [
        ("ten", lambda env: env.whole("X", 5, low=1, high=9), "STRONGROOM_X cannot be read as a whole number"),
        ("10", lambda env: env.whole("X", 5, low=1, high=9), "STRONGROOM_X is 10; it must be a whole number from 1 to 9"),
        ("perhaps", lambda env: env.boolean("X", default=True), "STRONGROOM_X cannot be read as true or false"),
        ("green", lambda env: env.choice("X", "red", ("red", "blue")), "STRONGROOM_X is 'green'; it must be one of red, blue"),
        ("10.0.0.1/8", lambda env: env.networks("X", []), "STRONGROOM_X must hold networks such as 10.0.0.0/8"),
        ("too short", lambda env: env.secret("X", generate=True), "STRONGROOM_X must be set to a random secret of at least 32 characters"),
    ],
)
def test_bad_value_is_a_sentence(
    env: Environment, monkeypatch: pytest.MonkeyPatch, value: str, read: Callable[[Environment], object], sentence: str
) -> None:
    monkeypatch.setenv("STRONGROOM_X", value)
    with pytest.raises(ImproperlyConfigured, match=sentence):
        read(env)


@pytest.mark.parametrize(
    ("value", "read", "expected"),
    [
        ("7", lambda env: env.whole("X", 5, low=1, high=9), 7),
        ("no", lambda env: env.boolean("X", default=True), False),
        ("on", lambda env: env.boolean("X", default=False), True),
        ("blue", lambda env: env.choice("X", "red", ("red", "blue")), "blue"),
        ("a.example,b.example", lambda env: env.words("X", []), ["a.example", "b.example"]),
    ],
)
def test_good_value_is_typed(
    env: Environment, monkeypatch: pytest.MonkeyPatch, value: str, read: Callable[[Environment], object], expected: object
) -> None:
    monkeypatch.setenv("STRONGROOM_X", value)
    assert read(env) == expected


def test_generated_secret_is_kept_for_its_owner_only(env: Environment, tmp_path: Path) -> None:
    first = env.secret("SOME_KEY", generate=True)
    assert env.secret("SOME_KEY", generate=True) == first
    assert stat.S_IMODE((tmp_path / "keys" / "some_key").stat().st_mode) == 0o600


def test_secret_is_not_generated_where_it_must_be_given(env: Environment, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="or STRONGROOM_SOME_KEY_FILE to a file that holds one"):
        env.secret("SOME_KEY", generate=False)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("name", ["STRONGROOM_SECRET_KEY", "STRONGROOM_ENCRYPTION_KEYS"])
def test_production_does_not_start_without_its_secrets(tmp_path: Path, name: str) -> None:
    given = {key: value for key, value in PRODUCTION.items() if key != name}
    done = manage("check", data=tmp_path, **given)
    assert done.returncode != 0
    assert f"{name} must be set to a random secret" in done.stderr


def test_deploy_check_is_clean_in_production(tmp_path: Path) -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", data=tmp_path, **PRODUCTION)
    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced).")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"STRONGROOM_MODE": "staging"}, "STRONGROOM_MODE is 'staging'; it must be one of embedded, production."),
        ({"STRONGROOM_DATABASE_URL": "nonsense"}, "STRONGROOM_DATABASE_URL cannot be read; it looks like postgres://"),
        ({"STRONGROOM_LEASE_SECONDS": "1"}, "STRONGROOM_LEASE_SECONDS is 1; it must be a whole number from 2 to 3600."),
    ],
)
def test_boot_ends_with_a_sentence(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    done = manage("check", data=tmp_path, **variables)
    assert done.returncode != 0
    assert sentence in done.stderr.strip().splitlines()[-1]


def test_two_houses_stand_side_by_side(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert manage("check", data=tmp_path / name).returncode == 0
    one, two = ((tmp_path / name / "keys" / "secret_key").read_text() for name in ("one", "two"))
    assert one != two


def test_processes_that_start_at_once_keep_the_same_generated_secret(tmp_path: Path) -> None:
    read = "from pathlib import Path; from config.env import Environment; print(Environment(Path('.')).secret('SECRET_KEY', generate=True))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    started = [subprocess.Popen([sys.executable, "-c", read], cwd=tmp_path, env=environment, stdout=subprocess.PIPE) for _ in range(8)]
    secrets = {process.communicate()[0] for process in started}
    assert len(secrets) == 1
    assert len(secrets.pop()) > 32


# --- Mail ------------------------------------------------------------------------------------------------------------
def test_mail_is_read_from_a_url(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_EMAIL_URL", "smtp+tls://robot:s%40fe@mail.example")
    found = env.mail("EMAIL_URL")
    assert found
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("mail.example", 587, True)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("robot", "s@fe")


@pytest.mark.parametrize(
    "url", ["mail.example", "smtp://", "smtps://mail.example:hunter2", "smtp://u:hunter2@mail.example:x", "dummymail://", "filemail://"]
)
def test_unreadable_mail_url_is_a_sentence_without_its_password(env: Environment, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("STRONGROOM_EMAIL_URL", url)
    with pytest.raises(ImproperlyConfigured, match="STRONGROOM_EMAIL_URL cannot be read; it looks like smtp://host:25") as failure:
        env.mail("EMAIL_URL")
    assert "hunter2" not in str(failure.value)


def test_no_mail_url_is_no_mail(env: Environment) -> None:
    assert env.mail("EMAIL_URL") is None


MAIL = "from django.conf import settings as s; print(s.SENDS_MAIL, s.MAIL_FOLDER, s.EMAIL_BACKEND.split('.')[-2], s.DEFAULT_FROM_EMAIL)"


def test_embedded_default_keeps_its_mail_in_files(tmp_path: Path) -> None:
    done = manage("shell", "-c", MAIL, data=tmp_path)
    assert f"True {tmp_path / 'mail'} filebased Strongroom <strongroom@localhost>" in done.stdout
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700


def test_production_without_a_mail_server_sends_none(tmp_path: Path) -> None:
    assert "False None dummy" in manage("shell", "-c", MAIL, data=tmp_path, **PRODUCTION).stdout


def test_production_with_a_mail_server_must_say_from_whom(tmp_path: Path) -> None:
    failed = manage("shell", "-c", MAIL, data=tmp_path, **PRODUCTION, STRONGROOM_EMAIL_URL="smtp://mail.example")
    assert "STRONGROOM_EMAIL_FROM must be set" in failed.stderr


def test_default_days_of_a_key_are_within_the_maximum(tmp_path: Path) -> None:
    days = "from django.conf import settings as s; print(s.API_KEY_DAYS, s.API_KEY_MAX_DAYS)"
    assert "30 30" in manage("shell", "-c", days, data=tmp_path, STRONGROOM_API_KEY_MAX_DAYS="30").stdout
    failed = manage("shell", "-c", days, data=tmp_path, STRONGROOM_API_KEY_MAX_DAYS="30", STRONGROOM_API_KEY_DAYS="31")
    assert "STRONGROOM_API_KEY_DAYS is 31; it must be a whole number from 1 to 30." in failed.stderr
