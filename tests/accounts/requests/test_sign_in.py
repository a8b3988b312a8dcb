"""Lock-out after failed attempts to sign in, and sessions that end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuditEntry
from tests.console.scenes import PASSWORD, Scene, furnish, person

DOORS = ["sign-in", "admin:login"]


@pytest.fixture
def scene(db: None) -> Scene:
    scene = furnish()
    person("root", scene.organization, superuser=True)
    return scene


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It stands still, at a moment at which new certificates are valid."""
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:
        yield traveller


def attempt(password: str, door: str = "sign-in", name: str = "root", address: str = "192.0.2.7", **headers: str) -> int:
    """The answer's status: 302 is a sign-in, 200 the form once more, 429 a locked door."""
    data = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse(door), data, headers=headers).status_code


@pytest.mark.parametrize("door", DOORS)
def test_after_five_failures_even_the_right_password_is_refused(scene: Scene, door: str) -> None:
    assert [attempt("guess", door) for _ in range(5)] == [200, 200, 200, 200, 429]
    assert attempt(PASSWORD, door) == 429


def test_a_locked_door_is_recorded_once(scene: Scene) -> None:
    for _ in range(9):
        attempt("guess")
    entry = AuditEntry.objects.get(action="user.lock-out")
    assert (entry.target_label, entry.address) == ("root", "192.0.2.7")


def test_all_doors_count_together(scene: Scene) -> None:
    answers = [attempt("guess", DOORS[number % 2]) for number in range(5)]
    assert answers[-1] == 429
    assert {attempt(PASSWORD, door) for door in DOORS} == {429}


def test_a_stranger_elsewhere_locks_nobody_out(scene: Scene) -> None:
    for _ in range(9):
        attempt("guess", address="203.0.113.9")
    assert attempt(PASSWORD, address="192.0.2.7") == 302


def test_the_other_users_of_an_address_can_still_sign_in(scene: Scene) -> None:
    for _ in range(9):
        attempt("guess")
    assert attempt(PASSWORD, name="owner") == 302


def test_a_made_up_address_or_browser_does_not_help(scene: Scene) -> None:
    for number in range(5):
        attempt("guess", **{"x-forwarded-for": f"203.0.113.{number}", "user-agent": f"browser {number}"})
    assert attempt(PASSWORD, **{"x-forwarded-for": "203.0.113.99", "user-agent": "another"}) == 429


def test_an_unknown_name_is_locked_like_a_known_one(scene: Scene) -> None:
    assert [attempt("guess", name="nobody") for _ in range(5)] == [200, 200, 200, 200, 429]


def test_the_lock_opens_again_after_its_time(scene: Scene, clock: time_machine.Traveller) -> None:
    for _ in range(9):
        attempt("guess")
        clock.shift(timedelta(minutes=1))
    clock.shift(timedelta(minutes=11))  # sixteen since the fifth: what is tried at a locked door does not keep it locked
    assert attempt(PASSWORD) == 302


def test_a_sign_in_forgets_earlier_failures(scene: Scene) -> None:
    for _ in range(4):
        attempt("guess")
    assert attempt(PASSWORD) == 302
    assert attempt("guess") == 200


def test_browsers_read_a_sentence(scene: Scene) -> None:
    client = Client(headers={"accept": "text/html"})
    answers = [client.post(reverse("sign-in"), {"username": "root", "password": "guess"}) for _ in range(5)]
    assert (answers[4].status_code, answers[4]["Retry-After"]) == (429, "900")
    assert "Try again in 15 minutes." in answers[4].content.decode()


def test_others_read_it_as_json(scene: Scene) -> None:
    answers = [Client().post(reverse("sign-in"), {"username": "root", "password": "guess"}) for _ in range(5)]
    assert "Try again in 15 minutes." in answers[4].json()["message"]


def test_nothing_is_kept_of_a_failed_attempts_form(scene: Scene) -> None:
    Client().post(reverse("sign-in") + "?code=c0de", {"username": "root", "password": "guess", "client_secret": "s3cret"})
    row = AccessAttempt.objects.get()
    assert (row.get_data, row.post_data, row.username) == ("", "", "root")


# --- Sessions --------------------------------------------------------------------------------------------------------
@pytest.fixture
def browser(scene: Scene) -> Client:
    client = Client()
    client.post(reverse("sign-in"), {"username": "owner", "password": PASSWORD})
    client.get(reverse("console"))
    return client


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("console")).status_code == 200


def test_a_session_that_is_not_used_ends(browser: Client, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(minutes=59))
    assert is_signed_in(browser)
    clock.shift(timedelta(minutes=59))
    assert is_signed_in(browser)
    clock.shift(timedelta(minutes=61))
    assert not is_signed_in(browser)
    assert SESSION_KEY not in browser.session


def test_a_pages_own_refresh_does_not_keep_its_session_alive(browser: Client, clock: time_machine.Traveller, scene: Scene) -> None:
    for _ in range(4):
        clock.shift(timedelta(minutes=20))
        browser.get(reverse("console-progress"), {"run": str(scene.run.pk), "bgUpdate": "true"})
    assert not is_signed_in(browser)


def test_the_pages_mark_their_refresh(browser: Client, scene: Scene) -> None:
    scene.job.runs.update(status="in_progress")
    assert "bgUpdate=true" in browser.get(reverse("console")).content.decode()


def test_a_session_ends_even_if_it_is_used(browser: Client, clock: time_machine.Traveller, settings: Settings) -> None:
    settings.SESSION_COOKIE_AGE = 10**6  # what the server itself says is tested here, whatever a browser keeps
    seen = []
    for _ in range(14):
        seen.append(is_signed_in(browser))
        clock.shift(timedelta(minutes=59))
    assert seen == [True] * 13 + [False]
