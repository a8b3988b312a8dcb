"""Every page of the console × every persona. The cases are compared with the URL conf: a page without a case fails."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from exports.console.urls import urlpatterns
from exports.models import Certificate, Job, Run
from tests.console.conftest import signed_in
from tests.console.scenes import Scene, new_run

OPEN = {"sign-in", "sign-out", "favicon"}
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
ONES: dict[str, Callable[[Scene], int]] = {
    "console-job": lambda scene: scene.job.pk,
    "console-job-delete": lambda scene: scene.job.pk,
    "console-run": lambda scene: scene.run.pk,
}
CLICKS: dict[str, Callable[[Scene], list[int | str]]] = {
    "console-job-delete": lambda scene: [scene.job.pk],
    "console-run-cancel": lambda scene: [scene.run.pk],
    "console-certificate-activity": lambda scene: [scene.certificate.pk],
}
ACTIONS = ("run", "cancel", "suspend", "resume", "clone")


def test_every_page_has_a_case() -> None:
    assert {pattern.name for pattern in urlpatterns} == OPEN | {*LISTS, *ONES, *CLICKS, "console-job-act", "console-file-download"}


@pytest.mark.parametrize("name", LISTS)
def test_anonymous_is_sent_to_sign_in(client: Client, db: None, name: str) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", [*ONES, "console-file-download"])
def test_anonymous_is_sent_to_sign_in_from_one(client: Client, db: None, name: str) -> None:
    assert client.get(reverse(name, args=[1]))["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", ONES)
@pytest.mark.parametrize("persona", ["owner", "teammate"])
def test_members_see_one(scene: Scene, name: str, persona: str) -> None:
    assert signed_in(getattr(scene, persona)).get(reverse(name, args=[ONES[name](scene)])).status_code == 200


@pytest.mark.parametrize("name", ONES)
def test_outsider_does_not_find_one(scene: Scene, name: str) -> None:
    answer = signed_in(scene.outsider).get(reverse(name, args=[ONES[name](scene)]))
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content


@pytest.mark.parametrize("name", LISTS)
def test_outsider_sees_nothing_in_lists(scene: Scene, name: str) -> None:
    text = signed_in(scene.outsider).get(reverse(name), {"run": scene.run.pk}).content.decode()
    for secret in (scene.job.title, scene.file.name, scene.certificate.name, scene.dataset.name, scene.organization.name):
        assert secret not in text.replace('placeholder="Interaction-42"', "")


@pytest.mark.parametrize("name", CLICKS)
def test_outsider_changes_nothing(scene: Scene, name: str) -> None:
    active = new_run(scene.job, Run.Status.IN_PROGRESS, rows=10, done=1)
    args = [active.pk] if name == "console-run-cancel" else CLICKS[name](scene)
    assert signed_in(scene.outsider).post(reverse(name, args=args)).status_code == 404
    assert Job.objects.get(pk=scene.job.pk).deleted_at is None
    assert Run.objects.get(pk=active.pk).status == Run.Status.IN_PROGRESS
    assert Certificate.objects.get(pk=scene.certificate.pk).is_active


@pytest.mark.parametrize("action", ACTIONS)
def test_outsider_cannot_act_on_a_job(scene: Scene, action: str) -> None:
    before = list(Job.objects.values()), Run.objects.count()
    assert signed_in(scene.outsider).post(reverse("console-job-act", args=[scene.job.pk, action])).status_code == 404
    assert (list(Job.objects.values()), Run.objects.count()) == before


def test_outsider_gets_no_link(scene: Scene) -> None:
    assert signed_in(scene.outsider).get(reverse("console-file-download", args=[scene.file.pk])).status_code == 404


@pytest.mark.parametrize("name", CLICKS)
def test_clicks_need_a_csrf_token(scene: Scene, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(scene.owner)
    answer = client.post(reverse(name, args=CLICKS[name](scene)))
    assert answer.status_code == 403
    assert b"This form was out of date" in answer.content


def test_user_without_organization_is_told_so(scene: Scene) -> None:
    scene.owner.membership_set.all().delete()
    answer = signed_in(scene.owner).get(reverse("console"))
    assert answer.status_code == 403
    assert b"no organization yet" in answer.content


def test_other_methods_are_refused(owner: Client, scene: Scene) -> None:
    assert owner.get(reverse("console-run-cancel", args=[scene.run.pk])).status_code == 405
    assert owner.get(reverse("console-job-act", args=[scene.job.pk, "run"])).status_code == 405
