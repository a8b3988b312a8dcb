"""What refusals look like on pages, beside the statuses that tests/isolation_table.py holds."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import EXPORTER
from accounts.services.people import join
from tests.console.conftest import signed_in
from tests.console.scenes import Scene

LISTS = (
    "console",
    "console-jobs",
    "console-job-new",
    "console-job-preview",
    "console-runs",
    "console-files",
    "console-certificates",
    "console-progress",
)


@pytest.mark.parametrize("name", LISTS)
def test_outsider_sees_nothing_in_lists(scene: Scene, name: str) -> None:
    text = signed_in(scene.outsider).get(reverse(name), {"run": scene.run.pk}).content.decode()
    for secret in (scene.job.title, scene.file.name, scene.certificate.name, scene.dataset.name, scene.organization.name):
        assert secret not in text.replace('placeholder="Interaction-42"', "")


def test_outsider_does_not_find_one(scene: Scene) -> None:
    answer = signed_in(scene.outsider).get(reverse("console-job", args=[scene.job.pk]))
    assert b"There is nothing here" in answer.content


def test_refusal_says_what_is_missing(scene: Scene) -> None:
    answer = signed_in(scene.teammate).get(reverse("console-jobs"))
    assert "teammate has no role in Northwind Contact Center that allows to export" in answer.content.decode()


def test_navigation_hides_what_no_role_allows(scene: Scene, owner: Client) -> None:
    hidden = [reverse(name) for name in ("console-jobs", "console-runs", "console-files", "console-certificates")]
    assert all(f'href="{path}"' in owner.get(reverse("console")).content.decode() for path in hidden)
    assert not any(f'href="{path}"' in signed_in(scene.teammate).get(reverse("console")).content.decode() for path in hidden)


def test_exporter_reads_certificates_and_changes_none(scene: Scene) -> None:
    join(scene.teammate, scene.organization, [EXPORTER])
    client = signed_in(scene.teammate)
    page = client.get(reverse("console-certificates")).content.decode()
    assert scene.certificate.name in page
    assert '<form class="card form"' not in page
    assert client.post(reverse("console-certificate-activity", args=[scene.certificate.pk])).status_code == 403
    assert client.post(reverse("console-certificates"), {}).status_code == 403


def test_form_without_a_csrf_token_was_out_of_date(scene: Scene) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(scene.owner)
    assert b"This form was out of date" in client.post(reverse("console-job-delete", args=[scene.job.pk])).content


def test_user_without_organization_is_told_so(scene: Scene) -> None:
    scene.owner.membership_set.all().delete()
    answer = signed_in(scene.owner).get(reverse("console"))
    assert answer.status_code == 403
    assert b"no organization yet" in answer.content
