"""What browsers are told about every answer, and what cookies look like."""

from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.middleware.policy import PolicyMiddleware
from accounts.policy import let_form_lead_to
from tests.console.scenes import PASSWORD, furnish, person
from tests.test_house_environment import PRODUCTION, manage

STRICT = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
}
COMPANIONS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def policy(response: Any) -> dict[str, str]:
    parts = response["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (part.partition(" ") for part in parts)}


@pytest.mark.parametrize("path", ["/sign-in", "/", "/nowhere", "/udm/v10/version", "/udm/v10/export/jobs", "/api/docs", "/download/x"])
def test_every_answer_has_the_strict_policy(db: None, client: Client, path: str) -> None:
    answer = client.get(path)
    assert policy(answer) == STRICT
    assert {name: answer.headers.get(name) for name in COMPANIONS} == COMPANIONS
    assert "geolocation=()" in answer["Permissions-Policy"]


def test_a_static_file_is_for_this_origin_only(client: Client) -> None:
    answer = client.get("/static/console.js")
    assert (answer.status_code, policy(answer)) == (200, STRICT)
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_admin_alone_may_do_more_and_says_what(db: None, client: Client) -> None:
    client.force_login(person("root", furnish().organization, superuser=True))
    widened = {"script-src": "'self' 'unsafe-eval'", "style-src-attr": "'unsafe-inline'"}
    assert policy(client.get(reverse("admin:index"))) == STRICT | widened


def test_a_form_may_lead_where_its_view_says() -> None:
    response = HttpResponse()
    let_form_lead_to(response, "https://client.example:8443/cb?x=1")
    let_form_lead_to(response, "com.example.app:/cb")
    sent = PolicyMiddleware(lambda _: response)(RequestFactory().get("/"))
    assert policy(sent)["form-action"] == "'self' https://client.example:8443 com.example.app:"


@pytest.mark.parametrize("url", ["https://a;script-src *", "javascript alert(1)", "https://a b/", "//evil.example/", ""])
def test_a_form_leads_nowhere_that_would_change_the_policy(url: str) -> None:
    with pytest.raises(ValueError, match="no plain scheme and host"):
        let_form_lead_to(HttpResponse(), url)


def test_cookies_are_for_this_site_and_no_script(db: None, client: Client) -> None:
    furnish()
    client.get(reverse("sign-in"))
    client.post(reverse("sign-in"), {"username": "owner", "password": PASSWORD})
    assert set(client.cookies) == {"session", "csrf"}
    for cookie in client.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")


def test_in_production_they_are_bound_to_host_and_https(tmp_path: Path) -> None:
    ask = (
        "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, "
        "s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS)"
    )
    done = manage("shell", "--no-imports", "-c", ask, data=tmp_path, **PRODUCTION)
    assert done.stdout.split() == ["__Host-session", "__Host-csrf", "True", "True", "True", "31536000"]


def test_hsts_is_a_setting(tmp_path: Path) -> None:
    ask = "from django.conf import settings as s; print(s.SECURE_HSTS_SECONDS, s.SECURE_HSTS_PRELOAD)"
    done = manage("shell", "--no-imports", "-c", ask, data=tmp_path, **PRODUCTION, STRONGROOM_HSTS_SECONDS="0")
    assert done.stdout.split() == ["0", "False"]


def test_a_form_without_its_token_is_refused(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(furnish().owner)
    assert client.post(reverse("console-job-new"), {"title": "t"}).status_code == 403
    assert client.post(reverse("sign-in"), {"username": "owner", "password": PASSWORD}).status_code == 403
