"""The account's own pages in a real browser, from sign-in to a key that a program uses."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from django.core import mail
from django.core.cache import cache
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver
from selenium.webdriver.common.by import By

from accounts.models import AccessToken, User
from accounts.services.people import join
from tests.console.browsing import button, until
from tests.console.scenes import PASSWORD, Scene, furnish

NEW = "another rare sentence"
PAGES = ("profile", "organization-keys", "password-change", "sign-out")
ALONE = ("sign-in", "password-forgotten", "password-mailed")


@pytest.fixture
def scene(transactional_db: None, storage: None) -> Scene:
    return furnish()


@pytest.fixture
def visitor(browser: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> Iterator[webdriver.Chrome]:
    """Not signed in."""
    yield browser
    browser.get("about:blank")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.delete_all_cookies()


def fill(browser: webdriver.Chrome, **values: str) -> None:
    """Type into the fields and send their form with Enter."""
    for name, value in values.items():
        field = browser.find_element(By.NAME, name)
        field.clear()
        field.send_keys(value)
    field.submit()


def words(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def test_wrong_password_is_told_and_the_right_one_leads_on(visitor: webdriver.Chrome, live_server: LiveServer) -> None:
    visitor.get(f"{live_server.url}{reverse('console-jobs')}")
    fill(visitor, username="owner", password="guess")
    until(visitor, lambda: "Please enter a correct username and password" in words(visitor))
    fill(visitor, username="owner", password=PASSWORD)
    until(visitor, lambda: visitor.current_url == f"{live_server.url}{reverse('console-jobs')}")


def test_sign_out_ends_in_the_sign_in(console: webdriver.Chrome, live_server: LiveServer) -> None:
    button(console, "Sign out").click()
    until(console, lambda: "Forgot password?" in words(console))
    console.get(live_server.url)
    until(console, lambda: "/sign-in" in console.current_url)


def test_forgotten_password_is_set_by_the_mailed_link(visitor: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    cache.clear()
    User.objects.filter(pk=scene.owner.pk).update(email="owner@example.org")
    visitor.get(f"{live_server.url}{reverse('sign-in')}")
    button(visitor, "Forgot password?").click()
    until(visitor, lambda: "Mail me a link" in words(visitor))
    fill(visitor, email="owner@example.org")
    until(visitor, lambda: "Look into your mail" in words(visitor) and mail.outbox)
    link = re.search(r"http://\S+", str(mail.outbox[0].body))
    assert link
    visitor.get(link[0])
    fill(visitor, new_password1=NEW, new_password2=NEW)
    until(visitor, lambda: "Your password is changed" in words(visitor))
    fill(visitor, username="owner", password=NEW)
    until(visitor, lambda: visitor.current_url == f"{live_server.url}/")


def test_switching_the_organization_shows_its_jobs(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    there = scene.outsider.organizations.get()
    join(scene.owner, there, ["Administrator"])
    console.get(live_server.url + reverse("console-jobs"))
    assert scene.job.title in words(console)
    button(console, scene.organization.name).click()
    button(console, there.name).click()
    until(console, lambda: console.find_element(By.CSS_SELECTOR, "summary.org").text == there.name)
    console.get(live_server.url + reverse("console-jobs"))
    assert scene.job.title not in words(console)


def test_key_is_made_copied_used_and_revoked(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    allowed = {"origin": live_server.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    console.execute_cdp_cmd("Browser.grantPermissions", allowed)
    console.get(live_server.url + reverse("profile"))
    console.find_element(By.CSS_SELECTOR, "input[name=scopes][value=export_all_sources]").click()
    fill(console, name="Nightly loader")
    until(console, lambda: "it is shown this once" in words(console))
    button(console, "Copy").click()
    until(console, lambda: button(console, "Copied"))
    key = console.execute_async_script("navigator.clipboard.readText().then(arguments[0])")

    _, token = AccessToken.issue(scene.owner, scene.organization, lifetime=timedelta(hours=1))

    def status() -> int:
        headers = {"authorization": f"Bearer {token}", "x-api-key": key}
        return requests.get(f"{live_server.url}/udm/v10/data/job-statuses", headers=headers, timeout=10).status_code

    assert status() == 200
    button(console, "I have it").click()
    until(console, lambda: "just now" in words(console))
    button(console, "Revoke").click()
    until(console, lambda: "Nightly loader is revoked" in words(console))
    assert status() == 403


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_scrolls_sideways(console: webdriver.Chrome, live_server: LiveServer, scene: Scene, width: int) -> None:
    join(scene.owner, scene.outsider.organizations.get())
    User.objects.filter(pk=scene.owner.pk).update(is_staff=True, email="a.very.long.name.of.somebody@department.example.org")
    console.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False})
    for name in PAGES:
        console.get(live_server.url + reverse(name))
        wide, seen = console.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= seen, name


@pytest.mark.parametrize("name", [*PAGES, *ALONE])
def test_no_page_holds_inline_script_or_style(console: webdriver.Chrome, live_server: LiveServer, name: str) -> None:
    if name in ALONE:
        console.delete_all_cookies()
    console.get(live_server.url + reverse(name))
    inline = "return document.querySelectorAll('script:not([src]), style, [style], [onclick], [onload]').length"
    assert console.execute_script(inline) == 0


@pytest.mark.parametrize("name", [*PAGES, *ALONE])
def test_every_field_and_button_has_a_name(console: webdriver.Chrome, live_server: LiveServer, name: str) -> None:
    if name in ALONE:
        console.delete_all_cookies()
    console.get(live_server.url + reverse(name))
    controls = console.find_elements(By.CSS_SELECTOR, "input:not([type=hidden]), button, select, summary")
    assert [control.get_attribute("outerHTML") for control in controls if not control.accessible_name] == []
