from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver
from selenium.webdriver.common.by import By

from accounts.models import User
from exports.services.demo_source import fill
from retention.models import Hold
from tests.console.browsing import chromium, log, requested_hosts, until
from tests.console.scenes import PASSWORD, ROWS, Scene, furnish


@pytest.fixture
def storage(settings: Settings, tmp_path: Path) -> None:
    default = {"BACKEND": "exports.sealing.storage.DurableFileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": default}


@pytest.fixture
def scene(db: None, storage: None) -> Scene:
    return furnish()


@pytest.fixture
def filled(scene: Scene, settings: Settings, tmp_path: Path) -> Scene:
    """The source is a contact history with rows, of which no hold covers any."""
    settings.SQLITE_FOLDER = tmp_path / "sources"
    settings.SQLITE_FOLDER.mkdir()
    scene.source.url = f"sqlite:///{settings.SQLITE_FOLDER}/history.sqlite3"
    scene.source.save()
    fill(scene.source.url, ROWS)
    Hold.objects.update(released_at=timezone.now())
    return scene


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(scene: Scene) -> Client:
    return signed_in(scene.owner)


# --- In a real browser -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    yield from chromium(tmp_path_factory.mktemp("browser"))


@pytest.fixture
def console(browser: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> Iterator[webdriver.Chrome]:
    """Signed in as the owner, through the form, on the overview. At the end: no error and no foreign host in any page."""
    log(browser, "browser"), log(browser, "performance")
    browser.get(live_server.url)
    browser.find_element(By.NAME, "username").send_keys("owner")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "form button").click()
    until(browser, lambda: browser.current_url == f"{live_server.url}/")
    yield browser
    errors = [entry["message"] for entry in log(browser, "browser") if entry["level"] == "SEVERE"]
    hosts = requested_hosts(browser)
    browser.get("about:blank")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.delete_all_cookies()
    assert errors == []
    assert hosts <= {urlsplit(live_server.url).netloc}
