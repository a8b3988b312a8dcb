"""Filters on the pages: typed into lines, refused at their line, shown in words."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from exports.models import Job, Source
from exports.services.demo_source import fill
from tests.console.scenes import Scene
from tests.console.test_console_pages import JOB, text

LINES = {"filter_attribute": ["status", "subject", ""], "filter_operator": ["in", "isNotNull", "eq"], "filter_value": ["1, 2", "", ""]}


@pytest.fixture
def readable(scene: Scene, tmp_path: Path, settings: LazySettings) -> Scene:
    """The scene's source is a database that can be asked."""
    settings.SQLITE_FOLDER = tmp_path
    fill(f"sqlite:///{tmp_path}/history.sqlite3", 1)
    Source.objects.update(url=f"sqlite:///{tmp_path}/history.sqlite3")
    return scene


def test_filters_are_typed_kept_and_shown_in_words(owner: Client, readable: Scene) -> None:
    owner.post(reverse("console-job-new"), {**JOB, **LINES, "dataset": readable.dataset.pk})
    job = Job.objects.latest("pk")
    assert job.filters == [
        {"attribute": "status", "operator": "in", "value": ["1", "2"]},
        {"attribute": "subject", "operator": "isNotNull"},
    ]
    page = text(owner, "console-job", job.pk)
    assert "status is one of “1”, “2”" in page
    assert "subject has a value" in page


def test_a_value_with_a_comma_stands_in_quotes(owner: Client, readable: Scene) -> None:
    line = {"filter_attribute": "subject", "filter_operator": "in", "filter_value": 'one,"two, three"'}
    owner.post(reverse("console-job-new"), {**JOB, **line, "dataset": readable.dataset.pk})
    assert Job.objects.latest("pk").filters[0]["value"] == ["one", "two, three"]


def test_what_is_wrong_stands_at_its_line_and_what_was_typed_stays(owner: Client, readable: Scene) -> None:
    wrong = {**LINES, "filter_attribute": ["status", "subjekt", ""]}
    answer = owner.post(reverse("console-job-new"), {**JOB, **wrong, "dataset": readable.dataset.pk})
    page = answer.content.decode()
    assert "The attribute &quot;subjekt&quot; is unknown in Interaction. Did you mean subject" in page
    assert 'value="1, 2"' in page
    assert Job.objects.count() == 1


def test_the_editor_offers_the_attributes_of_the_dataset(owner: Client, readable: Scene) -> None:
    offered = text(owner, "console-job-attributes", dataset=str(readable.dataset.pk))
    assert '<option value="startDate">timestamp</option>' in offered


def test_a_source_that_cannot_be_read_is_told_in_the_editor(owner: Client, scene: Scene) -> None:
    assert "The attributes of Contact history cannot be read" in text(owner, "console-job-attributes", dataset=str(scene.dataset.pk))
