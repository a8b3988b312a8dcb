"""The console in a real browser: what no test client sees."""

import hashlib
import time
from pathlib import Path

import pytest
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver
from selenium.webdriver.common.by import By

from exports.models import Run
from tests.console.browsing import button, requested_hosts, until
from tests.console.scenes import SEALED, Scene, furnish, new_run

PAGES = ("console", "console-jobs", "console-job-new", "console-runs", "console-files", "console-certificates", "console-audit")


@pytest.fixture
def scene(transactional_db: None, storage: None) -> Scene:
    return furnish()


def test_sign_in_shows_the_finished_export(console: webdriver.Chrome, scene: Scene) -> None:
    words = console.find_element(By.TAG_NAME, "main").text
    assert scene.file.name in words
    assert "30 days left" in words
    assert "just now" in words


def test_download_delivers_the_stored_bytes(console: webdriver.Chrome, scene: Scene) -> None:
    button(console, "Download").click()
    target: Path = console.downloads / scene.file.name  # type: ignore[attr-defined]  # the test's own attribute
    until(console, target.exists)
    until(console, lambda: target.stat().st_size == len(SEALED))
    assert hashlib.sha256(target.read_bytes()).hexdigest() == scene.file.sha256


def test_copy_puts_the_command_in_the_clipboard(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    allowed = {"origin": live_server.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    console.execute_cdp_cmd("Browser.grantPermissions", allowed)
    copy = button(console, "Copy decrypt command")
    copy.click()
    until(console, lambda: copy.text == "Copied")
    assert console.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == scene.file.decrypt_command
    until(console, lambda: copy.text == "Copy decrypt command")


def test_progress_bar_moves_and_ends_in_files(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    run = new_run(scene.job, Run.Status.IN_PROGRESS, rows=200, done=50)
    console.get(live_server.url)

    def percent() -> str:
        return str(console.execute_script("return document.querySelector('progress').value"))

    assert percent() == "25"
    run.parts.update(rows_done=150)
    until(console, lambda: percent() == "75")
    Run.objects.filter(pk=run.pk).update(status=Run.Status.COMPLETED)
    until(console, lambda: not console.find_elements(By.TAG_NAME, "progress"))
    asked = time.monotonic()
    requested_hosts(console)  # empties the log
    until(console, lambda: time.monotonic() > asked + 2)
    assert requested_hosts(console) == set()  # and nobody asks any more


def test_new_job_shows_what_its_choices_ask_for(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    console.get(live_server.url + reverse("console-job-new"))
    cron = console.find_element(By.ID, "id_cron")
    assert not cron.is_displayed()
    console.find_element(By.CSS_SELECTOR, "input[name=schedule][value=cron]").click()
    assert cron.is_displayed()
    cron.clear()
    cron.send_keys("15 6 * * 1")
    until(console, lambda: "At 06:15, only on Monday" in console.find_element(By.CLASS_NAME, "preview").text)
    assert console.find_element(By.CLASS_NAME, "preview").text.count("06:15") == 21
    console.find_element(By.ID, "id_title").send_keys("Every Monday")
    button(console, "Create job").click()
    until(console, lambda: "Every Monday is created." in console.find_element(By.TAG_NAME, "main").text)


def test_menu_of_a_job_suspends_it(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    console.get(live_server.url + reverse("console-jobs"))
    button(console, "More").click()
    button(console, "Suspend").click()
    until(console, lambda: "is suspended" in console.find_element(By.TAG_NAME, "main").text)


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_scrolls_sideways(console: webdriver.Chrome, live_server: LiveServer, scene: Scene, width: int) -> None:
    new_run(scene.job, Run.Status.IN_PROGRESS, rows=2_000_000, done=500_000)
    console.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False})
    ones = [reverse("console-job", args=[scene.job.pk]), reverse("console-run", args=[scene.run.pk])]
    for path in (*map(reverse, PAGES), *ones):
        console.get(live_server.url + path)
        wide, seen = console.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= seen, path


@pytest.mark.parametrize("name", PAGES)
def test_no_page_holds_inline_script_or_style(console: webdriver.Chrome, live_server: LiveServer, name: str) -> None:
    console.get(live_server.url + reverse(name))
    inline = "return document.querySelectorAll('script:not([src]), style, [style], [onclick], [onload]').length"
    assert console.execute_script(inline) == 0
