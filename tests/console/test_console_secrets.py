"""A password in a source's URL is on no page of the console, whatever happened to its runs."""

import pytest
from django.test import Client
from django.urls import reverse

from exports.models import Run
from tests.console.scenes import CANARY, Scene, new_run

LISTS = ("console", "console-jobs", "console-job-new", "console-runs", "console-files", "console-certificates")


@pytest.mark.parametrize("name", LISTS)
def test_lists_hold_no_secret(owner: Client, scene: Scene, name: str) -> None:
    new_run(scene.job, Run.Status.IN_PROGRESS, rows=10, done=1)
    assert CANARY not in owner.get(reverse(name)).content.decode()


def test_pages_of_one_hold_no_secret(owner: Client, scene: Scene) -> None:
    failed = new_run(scene.job, Run.Status.FAILED, rows=10, done=1, message="The source refused the connection.")
    for path in (
        reverse("console-job", args=[scene.job.pk]),
        reverse("console-job-delete", args=[scene.job.pk]),
        *(reverse("console-run", args=[run.pk]) for run in (scene.run, failed)),
    ):
        assert CANARY not in owner.get(path).content.decode()
