"""The Content-Security-Policy in a real browser: no page of ours offends against it, and what is smuggled in does not run."""

import pytest
from django.contrib import admin
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from accounts.models import AccessToken
from exports.models import Certificate, Job, Run, Source
from tests.console.browsing import log, until
from tests.console.scenes import PASSWORD, Scene, furnish, new_run, person
from tests.console.test_console_browser import PAGES

SMUGGLED = "<img src=/static/icon.svg onload=\"document.title='hacked'\"><script>document.title='hacked'</script>"
ACCOUNT = ("password-change", "password-forgotten", "profile", "organization-keys")
EDITED = (Certificate, Job, Run, Source)


@pytest.fixture
def scene(transactional_db: None, storage: None) -> Scene:
    return furnish()


def offences(chrome: webdriver.Chrome) -> list[str]:
    """What the browser logged as forbidden since the last call, and what went wrong otherwise."""
    return [entry["message"] for entry in log(chrome, "browser") if entry["level"] == "SEVERE"]


def test_no_page_of_the_console_offends(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    new_run(scene.job, Run.Status.IN_PROGRESS, rows=200, done=50)
    ones = [
        reverse("console-job", args=[scene.job.pk]),
        reverse("console-run", args=[scene.run.pk]),
        reverse("sign-out"),
        *map(reverse, ACCOUNT),
    ]
    for path in (*map(reverse, PAGES), *ones):
        console.get(live_server.url + path)
        assert offences(console) == [], path


def test_the_api_documentation_does_not_offend(console: webdriver.Chrome, live_server: LiveServer) -> None:
    console.get(live_server.url + reverse("docs-face", args=["udm-v10"]))
    until(console, lambda: console.find_elements(By.CLASS_NAME, "opblock"))
    console.find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
    until(console, lambda: console.find_elements(By.CSS_SELECTOR, ".opblock-body"))
    assert offences(console) == []


def test_no_page_of_the_admin_offends(browser: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    person("root", scene.organization, superuser=True)
    browser.get(live_server.url + reverse("admin:login"))
    browser.find_element(By.NAME, "username").send_keys("root")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD, Keys.ENTER)
    until(browser, lambda: "login" not in browser.current_url)
    registered = [model for model in admin.site._registry if model._meta.app_label in {"accounts", "exports", "auth", "django_celery_beat"}]
    paths = [reverse("admin:index")]
    paths += [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in registered]
    paths += [reverse(f"admin:exports_{model._meta.model_name}_change", args=[model._default_manager.all()[0].pk]) for model in EDITED]
    paths += [reverse("admin:accounts_user_change", args=[scene.owner.pk]), reverse("admin:exports_source_add")]
    found = {}
    for path in paths:
        browser.get(live_server.url + path)
        if wrong := offences(browser):
            found[path] = wrong
    browser.delete_all_cookies()
    assert found == {}
    assert AccessToken in registered


def test_what_is_smuggled_into_a_page_does_not_run(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    """Even if escaping failed: here the markup is put into the page as it would stand there then."""
    console.get(live_server.url)
    console.execute_script(
        "const there = document.querySelector('main'); there.innerHTML = arguments[0];"
        "const script = document.createElement('script'); script.textContent = \"document.title = 'hacked'\"; there.append(script);",
        SMUGGLED,
    )
    until(console, lambda: console.find_elements(By.CSS_SELECTOR, "main img"))
    assert any("Content Security Policy" in offence for offence in offences(console))
    assert console.title != "hacked"


def test_no_page_can_be_framed(console: webdriver.Chrome, live_server: LiveServer) -> None:
    console.get(live_server.url)
    console.execute_script("const frame = document.createElement('iframe'); frame.src = '/jobs'; document.body.append(frame)")
    until(console, lambda: any("frame" in offence for offence in offences(console)))
