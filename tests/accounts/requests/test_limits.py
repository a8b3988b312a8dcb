"""Rate limits: what is counted for whom, what every answer says about it, and what happens beyond."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import AccessToken, Organization, User
from accounts.services.limits import Subject, count
from exports.models import Job
from tests.services import need_server

OFF = {"minute": 0, "hour": 0}
JOBS = "/udm/v10/export/jobs"
HEADERS = {f"X-RateLimit-{what}-{window}" for what in ("Limit", "Remaining") for window in ("Minute", "Hour")}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Twenty seconds before a full minute, ten minutes and twenty seconds before a full hour."""
    with time_machine.travel("2026-03-02T09:49:40Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def limit(settings: Settings) -> Callable[..., None]:
    """Limits for the kinds that are named; the others are off."""

    def set_limits(**kinds: dict[str, int]) -> None:
        settings.LIMITS = {kind: OFF | kinds.get(kind, {}) for kind in ("user", "organization", "address")}

    return set_limits


def left(answer: object) -> tuple[str, str]:
    return answer["X-RateLimit-Remaining-Minute"], answer["X-RateLimit-Remaining-Hour"]  # type: ignore[index]  # headers by name


def test_every_answer_says_what_is_left(api: APIClient, limit: Callable[..., None]) -> None:
    limit(user={"minute": 10, "hour": 20})
    answer = api.get(JOBS)
    assert (answer.status_code, answer["X-RateLimit-Limit-Minute"], answer["X-RateLimit-Limit-Hour"]) == (204, "10", "20")
    assert [left(answer), left(api.get(JOBS)), left(api.get("/udm/v10/export/history"))] == [("9", "19"), ("8", "18"), ("7", "17")]


def test_beyond_the_minute_comes_a_429_in_the_faces_dialect(api: APIClient, limit: Callable[..., None]) -> None:
    limit(user={"minute": 2, "hour": 20})
    answers = [api.get(JOBS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert answers[2].json() == {"message": "Too many requests. Try again in 20 seconds."}
    assert (answers[2]["Retry-After"], left(answers[2])) == ("20", ("0", "18"))


def test_the_next_minute_begins_anew_until_the_hour_is_used_up(
    api: APIClient, limit: Callable[..., None], clock: time_machine.Traveller
) -> None:
    limit(user={"minute": 1, "hour": 2})
    assert api.get(JOBS).status_code == 204
    clock.shift(timedelta(seconds=20))
    assert api.get(JOBS).status_code == 204
    clock.shift(timedelta(minutes=1))
    answer = api.get(JOBS)
    assert (answer.status_code, answer["Retry-After"]) == (429, "540")


def test_what_is_refused_is_not_done(api: APIClient, limit: Callable[..., None], make_job: Callable[..., Job]) -> None:
    job = make_job()
    limit(user={"minute": 1})
    api.get(JOBS)
    assert api.delete(f"{JOBS}/{job.pk}").status_code == 429
    assert Job.objects.get().deleted_at is None


def test_an_organizations_users_share_its_limit(
    api: APIClient, teammate_api: APIClient, outsider_api: APIClient, limit: Callable[..., None]
) -> None:
    limit(user={"minute": 9}, organization={"minute": 2})
    assert left_minute(api.get(JOBS)) == "1"
    teammate_api.get(JOBS)
    assert [client.get(JOBS).status_code for client in (api, teammate_api, outsider_api)] == [429, 429, 204]


def left_minute(answer: object) -> str:
    return str(answer["X-RateLimit-Remaining-Minute"])  # type: ignore[index]  # headers by name


def test_a_flooding_user_uses_up_nothing_of_the_others(api: APIClient, teammate_api: APIClient, limit: Callable[..., None]) -> None:
    limit(user={"minute": 2}, organization={"minute": 4})
    assert [api.get(JOBS).status_code for _ in range(5)] == [204, 204, 429, 429, 429]
    assert teammate_api.get(JOBS).status_code != 429


def test_tokens_and_sessions_of_a_user_count_together(api: APIClient, client: Client, owner: User, limit: Callable[..., None]) -> None:
    limit(user={"minute": 9})
    client.force_login(owner)
    assert [left_minute(api.get(JOBS)), left_minute(client.get("/")), left_minute(api.get(JOBS))] == ["8", "7", "6"]


def test_a_background_refresh_counts(api: APIClient, limit: Callable[..., None]) -> None:
    limit(user={"minute": 1})
    assert [api.get(f"{JOBS}?bgUpdate=true").status_code for _ in range(2)] == [204, 429]


def test_strangers_are_counted_by_address(client: Client, limit: Callable[..., None], db: None) -> None:
    limit(address={"minute": 2})
    here = [client.get("/udm/v10/version", headers={"x-forwarded-for": f"192.0.2.{n}"}).status_code for n in range(3)]
    assert here == [200, 200, 429]
    assert client.get("/udm/v10/version", REMOTE_ADDR="192.0.2.9").status_code == 200


@pytest.mark.parametrize(
    "path", [JOBS, "/udm/v10/version", "/nowhere", "/sign-in", "/", "/download/x", "/api/docs", "/admin/", "/sign-out"]
)
def test_strangers_get_figures_and_429_everywhere(client: Client, limit: Callable[..., None], db: None, path: str) -> None:
    limit(address={"minute": 1, "hour": 5})
    first, second = client.get(path), client.get(path)
    assert first.headers.keys() >= HEADERS
    assert (second.status_code, second["Retry-After"]) == (429, "20")
    assert second.headers.keys() >= HEADERS
    assert "Try again in 20 seconds." in second.content.decode()


def test_a_bad_token_counts_for_its_address(limit: Callable[..., None], db: None) -> None:
    limit(address={"minute": 2})
    client = APIClient(headers={"authorization": "Bearer wrong"})
    assert [client.get(JOBS).status_code for _ in range(3)] == [401, 401, 429]
    assert set(client.get(JOBS).json()) == {"message"}


def test_guessing_from_an_address_does_not_stop_who_has_a_token(api: APIClient, client: Client, limit: Callable[..., None]) -> None:
    limit(address={"minute": 1}, user={"minute": 5})
    assert [client.get(JOBS).status_code for _ in range(2)] == [401, 429]
    assert api.get(JOBS).status_code == 204


def test_browsers_get_a_page(client: Client, limit: Callable[..., None], owner: User) -> None:
    limit(user={"minute": 1})
    client.force_login(owner)
    client.get(reverse("console"))
    answer = client.get(reverse("console"), headers={"accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert "Try again in 20 seconds." in answer.content.decode()


def test_crashes_wrong_hosts_and_refusals_carry_the_figures(db: None, monkeypatch: pytest.MonkeyPatch, owner: User) -> None:
    client = Client(raise_request_exception=False)
    assert client.get("/", headers={"host": "evil.example"}).headers.keys() >= HEADERS
    client.force_login(owner)
    assert client.get("/admin/").headers.keys() >= HEADERS
    monkeypatch.setattr("exports.console.overview.next_job", lambda _: 1 / 0)
    answer = client.get("/")
    assert (answer.status_code, answer.headers.keys() >= HEADERS) == (500, True)


def test_limits_of_0_are_off(client: Client, limit: Callable[..., None], db: None) -> None:
    limit()
    assert not HEADERS & client.get("/udm/v10/version").headers.keys()


# --- Redis, for real -------------------------------------------------------------------------------------------------
@pytest.fixture
def redis(settings: Settings) -> str:
    need_server("Redis", 6379)
    prefix = f"strongroom-test-{uuid.uuid4().hex[:8]}"
    url, backend = "redis://127.0.0.1:6379/0", "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": prefix}}
    return prefix


COUNT = (
    "import django; django.setup(); from accounts.services.limits import *; "
    "print(max(count([Subject('user', 'u')]).standings[0].used for _ in range(50)))"
)


def test_processes_share_their_counters_in_redis(redis: str, limit: Callable[..., None], tmp_path: Path) -> None:
    variables = {"STRONGROOM_CACHE_URL": "redis://127.0.0.1:6379/0", "STRONGROOM_CACHE_PREFIX": redis, "DATA": str(tmp_path)}
    environment = {**os.environ, **variables, "DJANGO_SETTINGS_MODULE": "config.settings", "STRONGROOM_LIMIT_USER_MINUTE": "0"}
    started = [subprocess.Popen([sys.executable, "-c", COUNT], cwd=ROOT, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    counted = [int(process.communicate(timeout=60)[0]) for process in started]
    assert max(counted) == 100


def test_the_counters_are_those_of_redis(redis: str, api: APIClient, limit: Callable[..., None]) -> None:
    limit(user={"minute": 2})
    assert [api.get(JOBS).status_code for _ in range(3)] == [204, 204, 429]
    assert cache.get(f"limit:user:{User.objects.get(username='owner').pk}:minute:{1772444980 // 60}") == 3


def test_without_its_cache_the_service_goes_on(
    settings: Settings, api: APIClient, caplog: pytest.LogCaptureFixture, limit: Callable[..., None]
) -> None:
    limit(user={"minute": 1})
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
    assert [api.get(JOBS).status_code for _ in range(2)] == [204, 204]
    assert "Requests cannot be counted" in caplog.text


def test_threads_lose_no_count(limit: Callable[..., None]) -> None:
    limit(user={"minute": 1000})
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(lambda _: count([Subject("user", "u")]).standings[0].used, range(200)))
    assert sorted(used) == list(range(1, 201))


def test_a_session_counts_for_the_organization_that_it_chose(
    client: Client, owner: User, elsewhere: Organization, limit: Callable[..., None]
) -> None:
    limit(organization={"minute": 5})
    client.force_login(owner)
    client.get("/")
    session = client.session
    session["organization"] = str(elsewhere.pk)
    session.save()
    assert left_minute(client.get("/")) == "4"


def test_a_token_that_was_revoked_counts_as_a_stranger(owner: User, organization: Organization, limit: Callable[..., None]) -> None:
    limit(user={"minute": 9}, address={"minute": 5})
    row, token = AccessToken.issue(owner, organization, lifetime=timedelta(minutes=1))
    row.delete()
    assert left_minute(APIClient(headers={"authorization": f"Bearer {token}"}).get(JOBS)) == "4"
