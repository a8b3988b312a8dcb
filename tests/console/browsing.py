"""Chromium, for tests of pages: how it is started, and how they look and click."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SWITCHES = (
    "--no-sandbox --headless=new --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --disable-default-apps --window-size=1440,900"
).split()


def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """Started now, ended when the caller goes on."""
    if not (CHROMIUM.exists() and DRIVER.exists()):
        if os.environ.get("CI"):
            pytest.fail("no browser")
        pytest.skip("no browser")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for switch in (*SWITCHES, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(folder / "downloads")})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    chrome.downloads = folder / "downloads"  # type: ignore[attr-defined]  # the test's own attribute
    yield chrome
    chrome.quit()


def log(browser: webdriver.Chrome, kind: str) -> list[dict[str, str]]:
    """What was logged since the last call."""
    return list(browser.get_log(kind))  # type: ignore[no-untyped-call]  # untyped library


def requested_hosts(browser: webdriver.Chrome) -> set[str]:
    events = [json.loads(entry["message"])["message"] for entry in log(browser, "performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in urls if urlsplit(url).scheme in {"http", "https", "ws", "wss"}}


def until(browser: webdriver.Chrome, true: Callable[[], object]) -> None:
    """Wait until it is true. The page may be replaced while it is looked at: mostly chromedriver calls that a stale element."""

    def looked(_: webdriver.Chrome) -> object:
        try:
            return true()
        except WebDriverException as error:
            if "does not belong to the document" in (error.msg or ""):
                return False
            raise

    missing = (NoSuchElementException, StaleElementReferenceException)
    WebDriverWait(browser, 20, poll_frequency=0.1, ignored_exceptions=missing).until(looked)


def button(browser: webdriver.Chrome, words: str) -> WebElement:
    return browser.find_element(By.XPATH, f"//*[self::button or self::a or self::summary][contains(normalize-space(), '{words}')]")
