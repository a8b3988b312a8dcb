"""TEMP: screenshots."""

import os
from pathlib import Path
import pytest
from datetime import date, timedelta
from django.urls import reverse
from django.utils import timezone
from tests.console.browsing import *
from tests.console.scenes import furnish
from retention.models import *
from exports.models import Dataset
from exports.services.demo_source import fill
from tests.console.retained import new_purge, new_rule, new_preview


@pytest.fixture
def scene(transactional_db, storage, settings, tmp_path):
    settings.SQLITE_FOLDER = tmp_path / "sources"
    settings.SQLITE_FOLDER.mkdir()
    s = furnish()
    url = f"sqlite:///{settings.SQLITE_FOLDER}/history.sqlite3"
    fill(url, 3000)
    s.source.url = url
    s.source.save()
    Dataset.objects.create(
        source=s.source,
        name="Attachment",
        table="attachments",
        key_columns=["id"],
        parent=s.dataset,
        parent_columns=["entityid"],
        is_attachment=True,
    )
    return s


def test_shots(console, live_server, scene):
    r = scene.retention
    summary = {
        "deleted": 12400,
        "along": 310,
        "kept": 12,
        "bytes": 1,
        "wouldGo": 99000,
        "failed": 0,
        "awaitingApproval": 1,
        "purges": [
            {
                "purge": r.purge.pk,
                "rule": r.rule.pk,
                "ruleText": str(r.rule),
                "dataset": "Interaction",
                "source": "contact-history",
                "status": "completed",
                "selected": 400,
                "deleted": 397,
                "kept": 3,
                "message": "",
            }
        ],
        "problems": [],
        "forecast": [
            {
                "dataset": "Interaction",
                "source": "contact-history",
                "text": "about 1,200 rows a day cross the age, 0 have crossed it and are there; a window takes about 4,000,000.",
            }
        ],
        "bloat": [
            {
                "dataset": "Interaction",
                "source": "contact-history",
                "bytes": 10**9,
                "reclaimable": 2 * 10**8,
                "statement": "VACUUM",
                "locks": True,
            }
        ],
    }
    Day.objects.filter(pk=r.day.pk).update(summary=summary)
    new_purge(
        r.rule,
        scene.dataset,
        "purging",
        slot=timezone.now() - timedelta(days=2),
        selected=400000,
        dataset_rows=9000000,
        started_at=timezone.now(),
    )
    new_purge(
        r.rule,
        scene.dataset,
        "failed",
        slot=timezone.now() - timedelta(days=3),
        message="The source refused the connection.",
        finished_at=timezone.now(),
    )
    new_rule(scene.organization, scene.owner, data_type="*", maximum_age=3000, mode="off", archive=False)
    Hold.objects.create(
        organization=scene.organization,
        matter="Mahler v. Northwind",
        reason="A claim is open, and counsel asked.",
        dataset=scene.dataset,
        placed_by=scene.owner,
        criteria="mediaTypeId eq 'chat'",
        where={"all": []},
        starts_at=timezone.now() + timedelta(days=3),
    )
    shots = Path("/tmp/shots")
    shots.mkdir(exist_ok=True)
    one = lambda name, *a: reverse(name, args=a)
    pages = {
        "overview": one("console-retention"),
        "rules": one("console-retention-rules"),
        "rule": one("console-retention-rule", r.rule.pk),
        "rule_new": one("console-retention-rule-new"),
        "rule_change": one("console-retention-rule-change", r.rule.pk),
        "purges": one("console-retention-purges"),
        "purge": one("console-retention-purge", r.purge.pk),
        "approve": one("console-retention-purge-approve", r.waiting.pk),
        "holds": one("console-retention-holds"),
        "hold": one("console-retention-hold", r.hold.pk),
        "hold_new": one("console-retention-hold-new"),
        "hold_release": one("console-retention-hold-release", r.hold.pk),
        "dispositions": one("console-retention-dispositions"),
        "disposition": one("console-retention-disposition", r.disposition.number),
        "jobs": one("console-retention-jobs"),
        "job": one("console-retention-job", r.job.pk),
    }
    only = os.environ.get("SHOTS", "").split(",") if os.environ.get("SHOTS") else [*pages, "preview"]
    wide = []
    for width, scheme in ((1440, "light"), (390, "light"), (1440, "dark"), (390, "dark")):
        console.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        console.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        )
        for name in only:
            if name == "preview":
                console.get(live_server.url + pages["rule"])
                [b for b in console.find_elements("css selector", "form.modes button") if b.text.startswith("Enforce")][0].click()
                until(console, lambda: "What would go" in console.find_element("tag name", "h1").text)
            else:
                console.get(live_server.url + pages[name])
            if "Server Error" in console.page_source or "went wrong" in console.page_source:
                wide.append(("ERR", name))
            import time

            time.sleep(0.3)
            w, seen, h = console.execute_script(
                "return [document.documentElement.scrollWidth, window.innerWidth, document.documentElement.scrollHeight]"
            )
            if w > seen:
                wide.append((name, width, w))
            if scheme == "light" or name in ("overview", "preview", "approve", "rules"):
                png = console.execute_cdp_cmd(
                    "Page.captureScreenshot",
                    {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": width, "height": h, "scale": 1}},
                )
                import base64

                (shots / f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(png["data"]))
    assert not wide, wide
