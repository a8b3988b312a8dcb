"""System checks have ids, and each is seen to speak and to be silent."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


def ids(*, deploy: bool = False) -> set[str]:
    return {
        message.id or ""
        for message in run_checks(include_deployment_checks=deploy)
        if (message.id or "").startswith(("accounts.", "exports."))
    }


def test_poll_rarer_than_the_lease_is_an_error(settings: Settings) -> None:
    settings.POLL_SECONDS, settings.LEASE_SECONDS = 31, 30
    assert "exports.E001" in ids()


def test_poll_within_the_lease_is_fine(settings: Settings) -> None:
    settings.POLL_SECONDS, settings.LEASE_SECONDS = 30, 30
    assert "exports.E001" not in ids()


@pytest.mark.parametrize(
    ("url", "expected"), [("strongroom.example", {"exports.E002"}), ("https://strongroom.example", set()), ("", set())]
)
def test_public_url_that_is_none_is_an_error(settings: Settings, url: str, expected: set[str]) -> None:
    settings.PUBLIC_URL = url
    assert ids() & {"exports.E002"} == expected


@pytest.mark.parametrize(
    ("mode", "engine", "expected"),
    [("production", "sqlite3", {"exports.W001"}), ("production", "postgresql", set()), ("embedded", "sqlite3", set())],
)
def test_production_on_sqlite_is_warned_about(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, mode: str, engine: str, expected: set[str]
) -> None:
    settings.PRODUCTION = mode == "production"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")
    assert ids(deploy=True) & {"exports.W001"} == expected


@pytest.mark.parametrize(
    ("processes", "backend", "expected"),
    [("2", "locmem.LocMemCache", {"accounts.W001"}), ("1", "locmem.LocMemCache", set()), ("2", "redis.RedisCache", set())],
)
def test_several_web_processes_that_count_apart_are_warned_about(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, processes: str, backend: str, expected: set[str]
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", processes)
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": "redis://127.0.0.1:6379/0"}}
    assert ids() & {"accounts.W001"} == expected
