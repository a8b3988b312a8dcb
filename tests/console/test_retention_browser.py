"""Retention in a real browser: what is asked before rows go, and that pages fit."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from exports.services.demo_source import fill
from retention.models import Hold, Preview, Purge, Rule
from tests.console.browsing import button, until
from tests.console.scenes import Scene, furnish

ROWS = 200


@pytest.fixture
def scene(transactional_db: None, storage: None, settings: LazySettings, tmp_path: Path) -> Scene:
    """The source is a contact history with rows."""
    settings.SQLITE_FOLDER = tmp_path / "sources"
    settings.SQLITE_FOLDER.mkdir()
    scene = furnish()
    scene.source.url = f"sqlite:///{settings.SQLITE_FOLDER}/history.sqlite3"
    scene.source.save()
    fill(scene.source.url, ROWS)
    return scene


def opened(console: webdriver.Chrome, server: LiveServer, name: str, *args: object) -> None:
    console.get(server.url + reverse(name, args=args))


def shows(console: webdriver.Chrome, words: str) -> None:
    until(console, lambda: words in console.find_element(By.TAG_NAME, "main").text)


def pages(scene: Scene) -> list[str]:
    kept = scene.retention
    alone = ("", "-rules", "-rule-new", "-purges", "-holds", "-hold-new", "-dispositions", "-jobs")
    of_one: dict[str, object] = {
        **dict.fromkeys(("-rule", "-rule-change", "-rule-delete"), kept.rule.pk),
        **dict.fromkeys(("-hold", "-hold-release"), kept.hold.pk),
        **dict.fromkeys(("-disposition", "-restore"), kept.disposition.number),
        "-preview": kept.preview.pk,
        "-purge": kept.purge.pk,
        "-purge-approve": kept.waiting.pk,
        "-job": kept.job.pk,
    }
    named = [*((name, ()) for name in alone), *((name, (arg,)) for name, arg in of_one.items())]
    return [reverse(f"console-retention{name}", args=args) for name, args in named]


def test_rule_enforces_after_its_preview_was_seen(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    opened(console, live_server, "console-retention-rule", scene.retention.rule.pk)
    button(console, "Enforce…").click()
    shows(console, f"of {ROWS} rows")
    shows(console, "Kept by the hold “Case 7”")
    console.find_element(By.NAME, "confirmation").send_keys("enforce")
    button(console, "Enforce").click()
    shows(console, "The rule is switched to enforce")
    assert Rule.objects.get().mode == "enforce"


def test_rule_does_not_enforce_on_a_preview_that_counts_no_more(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    opened(console, live_server, "console-retention-rule", scene.retention.rule.pk)
    button(console, "Enforce…").click()
    shows(console, "What would go")
    Preview.objects.update(user=scene.retention.author)
    console.find_element(By.NAME, "confirmation").send_keys("enforce")
    button(console, "Enforce").click()
    shows(console, "First look at a preview of exactly these terms")
    assert Rule.objects.get().mode == "simulate"


def test_somebody_else_approves(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    opened(console, live_server, "console-retention")
    button(console, "1,200 rows of Interaction").click()
    button(console, "Look and approve").click()
    shows(console, scene.retention.waiting.key_set_sha256)
    console.find_element(By.ID, "rows").send_keys("1,200")
    button(console, "Approve: 1,200 rows go").click()
    shows(console, "It is approved.")
    assert Purge.objects.get(pk=scene.retention.waiting.pk).approved_by == scene.owner


def test_who_ordered_it_is_not_let_approve(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    Rule.objects.update(author=scene.owner)
    opened(console, live_server, "console-retention-purge-approve", scene.retention.waiting.pk)
    shows(console, "Whoever ordered a purge cannot approve it: somebody else must.")
    assert not console.find_elements(By.ID, "rows")


def test_hold_is_placed_counted_and_released(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    opened(console, live_server, "console-retention-hold-new")
    console.find_element(By.NAME, "matter").send_keys("Mahler v. Northwind")
    console.find_element(By.NAME, "reason").send_keys("A claim is open.")
    Select(console.find_element(By.NAME, "dataset")).select_by_visible_text("Interaction")
    assert not console.find_element(By.NAME, "keys").is_displayed()
    console.find_element(By.CSS_SELECTOR, "input[name=scope][value=all]").click()
    assert not console.find_element(By.NAME, "criteria").is_displayed()
    button(console, "Place the hold").click()
    shows(console, "The hold is placed. Nothing that it covers goes.")
    until(console, lambda: console.find_element(By.CSS_SELECTOR, "dd .number").text == str(ROWS))
    button(console, "Release…").click()
    console.find_element(By.NAME, "reason").send_keys("It is settled.")
    button(console, "Release the hold").click()
    shows(console, "The hold is released.")
    assert Hold.objects.latest("pk").release_reason == "It is settled."


def test_chain_is_verified_on_the_page(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    opened(console, live_server, "console-retention-dispositions")
    button(console, "Verify the chain").click()
    shows(console, "All 1 entry is there and as written.")


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_scrolls_sideways(console: webdriver.Chrome, live_server: LiveServer, scene: Scene, width: int) -> None:
    console.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False})
    for path in pages(scene):
        console.get(live_server.url + path)
        wide, seen = console.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= seen, path


def test_no_page_holds_inline_script_or_style(console: webdriver.Chrome, live_server: LiveServer, scene: Scene) -> None:
    inline = "return document.querySelectorAll('script:not([src]), style, [style], [onclick], [onload]').length"
    for path in pages(scene):
        console.get(live_server.url + path)
        assert console.execute_script(inline) == 0, path
