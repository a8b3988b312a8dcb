"""Whatever a superuser changes in the admin is in the audit trail: of the organization that it concerns, before and after."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.admin import SuperuserOnly
from accounts.models import AuditEntry, Membership, Organization
from accounts.models.audit import NOBODY
from exports.models import Dataset, Source
from tests.admin.test_admin_pages import act, address, source_fields
from tests.console.scenes import CANARY, Scene

INLINE = {f"membership_set-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}

PAGES_THAT_CHANGE = (("add", 0), ("change", 1), ("delete", 1))
"""With how many arguments."""


def last() -> Any:
    """The latest entry."""
    return AuditEntry.objects.order_by("-pk")[0]


def post(client: Client, row: Model | type[Model], page: str, data: dict[str, Any]) -> None:
    arguments = [row.pk] if isinstance(row, Model) else []
    answer = client.post(address(row if isinstance(row, type) else type(row), page, *arguments), data)
    assert answer.status_code == 302, answer.context["errors"]


def test_every_page_of_the_admin_audits() -> None:
    assert [page for page in admin.site._registry.values() if not isinstance(page, SuperuserOnly)] == []


def test_a_change_is_recorded_before_and_after(scene: Scene, root: Client) -> None:
    source = Source.objects.get(organization=scene.organization)
    post(root, source, "change", source_fields(scene, url=f"postgresql://me:{CANARY}@db.example.org/history"))
    entry = last()
    assert (entry.action, entry.actor, entry.chain_id, entry.target_id) == ("source.update", "root", scene.organization.pk, str(source.pk))
    assert (entry.before["name"], entry.after["name"]) == (source.name, "Renamed")
    assert (entry.before["url"], entry.after["url"]) == ("***", "***")
    assert entry.correlation_id
    assert entry.address


def test_an_addition_is_recorded(scene: Scene, root: Client) -> None:
    post(root, Organization, "add", {"name": "Newcomers", "key": "newcomers"})
    entry = last()
    assert (entry.action, entry.before, entry.after["key"]) == ("organization.create", None, "newcomers")
    assert entry.chain_id == Organization.objects.get(key="newcomers").pk


def test_a_deletion_is_recorded(scene: Scene, root: Client) -> None:
    dataset = Dataset.objects.create(source=Source.objects.get(organization=scene.organization), name="Spare", table="spare")
    post(root, dataset, "delete", {"post": "yes"})
    entry = last()
    assert (entry.action, entry.target_id, entry.before["table"], entry.after) == ("dataset.delete", str(dataset.pk), "spare", None)


def test_a_deletion_of_several_is_recorded_for_each(scene: Scene, root: Client) -> None:
    group = Group.objects.create(name="Spare")
    root.post(address(Group, "changelist"), {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"})
    assert (last().action, last().target_label, last().chain_id) == ("group.delete", "Spare", NOBODY)


def test_a_change_of_a_user_is_in_the_trail_of_each_of_their_organizations(scene: Scene, root: Client) -> None:
    elsewhere = Organization.objects.get(users=scene.outsider)
    Membership.objects.create(user=scene.teammate, organization=elsewhere)
    data = {"username": "teammate", "email": "new@example.org", "date_joined_0": "2026-05-01", "date_joined_1": "12:00:00", **INLINE}
    post(root, scene.teammate, "change", data)
    chains = AuditEntry.objects.filter(action="user.update").values_list("chain", flat=True)
    assert set(chains) == {scene.organization.pk, elsewhere.pk}
    assert last().after["email"] == "new@example.org"


def test_roles_of_a_membership_are_recorded_by_name(scene: Scene, root: Client) -> None:
    membership = Membership.objects.get(user=scene.teammate)
    auditor = Group.objects.get(name="Auditor")
    data = {"user": membership.user_id, "organization": str(membership.organization_id), "roles": [auditor.pk]}
    post(root, membership, "change", data)
    assert (last().action, last().after["roles"]) == ("membership.update", ["Auditor"])


def test_a_new_password_is_recorded_and_not_told(scene: Scene, root: Client) -> None:
    answer = root.post(
        f"/admin/accounts/user/{scene.teammate.pk}/password/",
        {"password1": f"{CANARY}-pw", "password2": f"{CANARY}-pw", "usable_password": "true"},
    )
    assert answer.status_code == 302
    assert (last().action, last().after) == ("user.update", {"password": "***"})


def test_actions_on_schedules_are_recorded(scene: Scene, root: Client) -> None:
    every = IntervalSchedule.objects.create(every=1, period="hours")
    task = PeriodicTask.objects.create(name="spare", task="exports.look", interval=every)
    act(root, task, "disable_tasks")
    assert (last().action, last().before["enabled"], last().after["enabled"]) == ("periodic-task.disable-tasks", True, False)


def test_discovered_datasets_are_recorded(scene: Scene, root: Client) -> None:
    Source.objects.update(kind=Source.Kind.CONTACT_HISTORY)
    act(root, scene.source, "discover_datasets")
    assert (last().action, last().chain_id) == ("dataset.create", scene.organization.pk)


def test_the_trail_can_be_read_and_not_changed(scene: Scene, root: Client) -> None:
    post(root, Organization, "add", {"name": "Newcomers", "key": "newcomers"})
    page = root.get(address(AuditEntry, "change", last().pk))
    assert (page.status_code, "&quot;newcomers&quot;" in page.content.decode()) == (200, True)
    assert [root.post(address(AuditEntry, name, *([last().pk] * count))).status_code for name, count in PAGES_THAT_CHANGE] == [
        403,
        403,
        403,
    ]


def test_a_refused_change_leaves_no_entry(scene: Scene, root: Client) -> None:
    before = AuditEntry.objects.count()
    answer = root.post(address(Organization, "add"), {"name": "", "key": ""})
    assert (answer.status_code, AuditEntry.objects.count()) == (200, before)
