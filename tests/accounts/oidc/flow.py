"""A browser's way through the sign-in, without a browser: Django's client here, requests at the provider."""

from html import unescape
from re import search, sub
from typing import Any
from urllib.parse import urlsplit

import requests
from django.test import Client

from accounts.models import User
from tests.accounts.oidc.hostile import HostileProvider
from tests.accounts.oidc.provider import sign_in

HOST = "localhost"
"""What the real provider allows to send its users back to, on any port."""


def client() -> Client:
    return Client(headers={"host": HOST})


def start(browser: Client, **query: str) -> str:
    """The address at the provider to which Strongroom sends the browser."""
    answer = browser.get("/oidc/start", query)
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def way_back(address: str) -> str:
    """Path and query of our callback."""
    parts = urlsplit(address)
    assert parts.hostname == HOST, address
    return f"{parts.path}?{parts.query}"


def through(browser: Client, login: str, at: requests.Session | None = None, **query: str) -> Any:
    """Sign in with the real provider; what the callback answers. `at`: cookies at the provider, to come back with."""
    return browser.get(way_back(sign_in(at or requests.Session(), start(browser, **query), login)))


def past(browser: Client, liar: HostileProvider) -> Any:
    """The same with one that asks nothing."""
    answer = requests.get(start(browser), allow_redirects=False, timeout=10)
    return browser.get(way_back(answer.headers["location"]))


def sentence(answer: Any) -> str:
    """What a page of failure says."""
    found = search(r'(?s)<p class="lead">(.*?)</p>', answer.content.decode())
    assert found, answer.content
    return unescape(sub("<[^>]+>", "", found[1]))


def signed_in(browser: Client) -> User | None:
    pk = browser.session.get("_auth_user_id")
    return User.objects.get(pk=pk) if pk else None
