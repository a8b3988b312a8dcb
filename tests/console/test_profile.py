"""The profile: one's own keys, those of the organization, and the organization that a session acts for."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, Membership, Organization, User
from accounts.roles import AUDITOR, EXPORT_ALL, READ_AUDIT
from accounts.services import keys
from accounts.services.access import Access, access_to
from accounts.services.people import join
from tests.console.conftest import signed_in
from tests.console.scenes import Scene


def access(user: User) -> Access:
    found = access_to(user, user.organizations.get())
    assert found is not None
    return found


def made(user: User, name: str = "nightly") -> ApiKey:
    return keys.issue(access(user), name=name, scopes=[EXPORT_ALL])[0]


def make(client: Client, **fields: object) -> Any:
    return client.post(reverse("key-issue"), {"name": "nightly", "scopes": [READ_AUDIT], "days": "30", **fields})


@pytest.fixture
def auditor(scene: Scene) -> User:
    membership = Membership.objects.get(user=scene.teammate)
    membership.roles.clear()
    join(scene.teammate, scene.organization, [AUDITOR])
    return scene.teammate


# --- What it shows ---------------------------------------------------------------------------------------------------
def test_profile_says_who_and_what_one_may(auditor: User) -> None:
    User.objects.filter(pk=auditor.pk).update(email="team@example.org")
    text = signed_in(auditor).get(reverse("profile")).content.decode()
    for words in ("teammate", "team@example.org", "Auditor", "read the audit trail", "Northwind Contact Center"):
        assert words in text
    assert "export every source" not in text
    assert reverse("console-certificates") not in text


def test_profile_of_who_signs_in_elsewhere_offers_no_password(scene: Scene) -> None:
    scene.owner.set_unusable_password()
    scene.owner.save()
    assert reverse("password-change") not in signed_in(scene.owner).get(reverse("profile")).content.decode()


# --- Keys ------------------------------------------------------------------------------------------------------------
def test_key_is_shown_once_and_kept_by_no_cache(owner: Client) -> None:
    answer = make(owner)
    found = re.search(r'<code id="key">([^<]+)</code>', answer.content.decode())
    assert found
    assert keys.find(found[1]) == ApiKey.objects.get()
    assert "no-store" in answer["Cache-Control"]
    assert found[1] not in owner.get(reverse("profile")).content.decode()


def test_key_sent_again_is_not_made_again(owner: Client) -> None:
    make(owner)
    assert "You have a key named nightly" in make(owner).content.decode()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"scopes": []}, "Tick at least one"),
        ({"scopes": ["everything"]}, "Select a valid choice."),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"days": "366"}, "A key lives 1 to 365 days, not 366."),
    ],
)
def test_wrong_key_is_refused_at_its_field(owner: Client, fields: dict[str, object], words: str) -> None:
    text = make(owner, **fields).content.decode()
    assert "No key was made." in text
    assert words in text
    assert not ApiKey.objects.exists()


def test_scopes_are_ones_own(auditor: User) -> None:
    assert "Select a valid choice." in make(signed_in(auditor), scopes=[EXPORT_ALL]).content.decode()
    assert not ApiKey.objects.exists()


def test_user_and_organization_of_a_key_cannot_be_sent(owner: Client, scene: Scene) -> None:
    make(owner, user=scene.outsider.pk, organization=str(scene.outsider.organizations.get().pk), prefix="x", expires_at="2999-01-01")
    key = ApiKey.objects.get()
    assert (key.user, key.organization) == (scene.owner, scene.organization)
    assert key.expires_at.year < 2999


def test_own_key_is_revoked(owner: Client, scene: Scene) -> None:
    key = made(scene.owner)
    assert owner.post(reverse("key-revoke", args=[key.pk]))["Location"] == reverse("profile")
    assert ApiKey.objects.get().revoked_at is not None


def test_administrator_sees_and_revokes_the_keys_of_others(owner: Client, scene: Scene) -> None:
    join(scene.teammate, scene.organization, ["Data exporter"])
    key = made(scene.teammate, "warehouse")
    assert "warehouse" in owner.get(reverse("organization-keys")).content.decode()
    assert "warehouse" not in owner.get(reverse("profile")).content.decode()
    assert owner.post(reverse("key-revoke", args=[key.pk]))["Location"] == reverse("organization-keys")
    assert ApiKey.objects.get().revoked_at is not None


@pytest.mark.parametrize("persona", ["auditor", "outsider"])
def test_others_neither_see_nor_revoke_a_key(scene: Scene, auditor: User, persona: str) -> None:
    key = made(scene.owner, "warehouse")
    client = signed_in(auditor if persona == "auditor" else scene.outsider)
    assert "warehouse" not in client.get(reverse("profile")).content.decode()
    assert client.post(reverse("key-revoke", args=[key.pk])).status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_keys_of_all_are_for_administrators(auditor: User) -> None:
    assert signed_in(auditor).get(reverse("organization-keys")).status_code == 403


def test_many_keys_are_shown_page_by_page(owner: Client, scene: Scene) -> None:
    for number in range(51):
        made(scene.owner, f"key {number}")
    assert "Page 1 of 2" in owner.get(reverse("profile")).content.decode()


# --- Organizations ---------------------------------------------------------------------------------------------------
@pytest.fixture
def there(scene: Scene) -> Organization:
    found: Organization = scene.outsider.organizations.get()
    return found


def switch(client: Client, organization: object) -> Any:
    return client.post(reverse("organization-switch"), {"organization": str(organization)})


def test_switch_changes_what_pages_show(owner: Client, scene: Scene, there: Organization) -> None:
    join(scene.owner, there, ["Administrator"])
    assert scene.job.title in owner.get(reverse("console-jobs")).content.decode()
    assert switch(owner, there.pk)["Location"] == reverse("console")
    text = owner.get(reverse("console-jobs")).content.decode()
    assert there.name in text
    assert scene.job.title not in text
    assert owner.get(reverse("console-job", args=[scene.job.pk])).status_code == 404


@pytest.mark.parametrize("wanted", ["foreign", "", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_switch_leads_only_where_one_belongs(owner: Client, scene: Scene, there: Organization, wanted: str) -> None:
    assert switch(owner, there.pk if wanted == "foreign" else wanted).status_code == 404
    assert scene.organization.name in owner.get(reverse("profile")).content.decode()


def test_switch_is_offered_to_who_belongs_to_several(owner: Client, scene: Scene, there: Organization) -> None:
    assert reverse("organization-switch") + '"' not in owner.get(reverse("profile")).content.decode()
    join(scene.owner, there)
    assert reverse("organization-switch") + '"' in owner.get(reverse("profile")).content.decode()


def test_session_falls_back_when_its_organization_is_left(owner: Client, scene: Scene, there: Organization) -> None:
    membership = join(scene.owner, there)
    switch(owner, there.pk)
    membership.delete()
    assert scene.organization.name in owner.get(reverse("profile")).content.decode()


def test_roles_of_one_organization_do_not_hold_in_another(owner: Client, scene: Scene, there: Organization) -> None:
    join(scene.owner, there, [AUDITOR])
    switch(owner, there.pk)
    assert owner.get(reverse("organization-keys")).status_code == 403
