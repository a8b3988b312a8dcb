"""/api/v1/webhooks: made, changed, tried out and looked at by programs."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from exports.models import Delivery, Webhook

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhooks"
NEW = {"name": "Pager", "url": "https://receiver.example/T0KEN", "events": ["run.failed"]}


@pytest.fixture
def hook(api: APIClient) -> dict[str, Any]:
    made: dict[str, Any] = api.post(URL, NEW).json()
    return made


def test_secret_is_answered_once(api: APIClient, hook: dict[str, Any]) -> None:
    assert hook["secret"] == Webhook.objects.get().secret
    assert hook["secret"] not in api.get(URL).content.decode() + api.get(f"{URL}/{hook['id']}").content.decode()


def test_url_and_secrets_are_encrypted_at_rest(hook: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, secret, previous_secret FROM exports_webhook")
        stored = str(cursor.fetchall())
    assert not [word for word in ("receiver.example", "T0KEN", hook["secret"]) if word in stored]


def test_new_secret_leaves_the_former_one_for_a_day(api: APIClient, hook: dict[str, Any]) -> None:
    made = api.post(f"{URL}/{hook['id']}/secret").json()
    assert made["secret"] != hook["secret"]
    assert (Webhook.objects.get().previous_secret, made["previousSecretUntil"] is not None) == (hook["secret"], True)


def test_only_what_is_given_is_changed(api: APIClient, hook: dict[str, Any]) -> None:
    changed = api.patch(f"{URL}/{hook['id']}", {"active": False}).json()
    assert changed == {**{name: value for name, value in hook.items() if name != "secret"}, "active": False}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("url", "http://receiver.example/"),
        ("url", "https://user:pass@receiver.example/"),
        ("events", []),
        ("events", ["ping"]),
        ("events", "run.failed"),
        ("secret", "mine"),
        ("organization", "theirs"),
    ],
)
def test_what_is_wrong_is_named(api: APIClient, field: str, value: object) -> None:
    answer = api.post(URL, {**NEW, field: value})
    assert answer.status_code == 400
    assert [name.partition("[")[0] for name in answer.json()["errors"]] == [field]
    assert not Webhook.objects.exists()


def test_a_name_is_taken_once(api: APIClient, hook: dict[str, Any]) -> None:
    assert list(api.post(URL, NEW).json()["errors"]) == ["name"]


def test_ping_is_in_the_log_and_is_not_sent_twice_at_a_time(api: APIClient, hook: dict[str, Any]) -> None:
    sent = api.post(f"{URL}/{hook['id']}/ping")
    assert (sent.status_code, sent.json()["event"], sent.json()["status"]) == (202, "ping", "pending")
    resend = f"{URL}/{hook['id']}/deliveries/{sent.json()['id']}/resend"
    assert api.post(resend).status_code == 409
    Delivery.objects.update(status="failed")
    assert api.post(resend).json()["resent"] == 1


def test_log_comes_page_by_page(api: APIClient, hook: dict[str, Any]) -> None:
    made = [api.post(f"{URL}/{hook['id']}/ping").json()["id"] for _ in range(3)]
    first = api.get(f"{URL}/{hook['id']}/deliveries", {"size": 2}).json()
    rest = api.get(f"{URL}/{hook['id']}/deliveries", {"size": 2, "olderThan": first["next"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None


def test_another_webhooks_delivery_is_not_found(api: APIClient, hook: dict[str, Any]) -> None:
    other = api.post(URL, {**NEW, "name": "Other"}).json()
    delivery = api.post(f"{URL}/{hook['id']}/ping").json()
    assert api.post(f"{URL}/{other['id']}/deliveries/{delivery['id']}/resend").status_code == 404


def test_switched_off_it_takes_no_test(api: APIClient, hook: dict[str, Any]) -> None:
    api.patch(f"{URL}/{hook['id']}", {"active": False})
    assert api.post(f"{URL}/{hook['id']}/ping").status_code == 409


@pytest.mark.parametrize(("text", "status"), [("0", 404), ("99999999999999999999", 404), ("x", 400), ("1e3", 400), ("-1", 400)])
def test_what_is_no_id_is_refused(api: APIClient, text: str, status: int) -> None:
    assert api.get(f"{URL}/{text}").status_code == status
