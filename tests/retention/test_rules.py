"""What becomes of a rule that is made, changed, deleted: versions, who acts, what asks for approval, and the audit trail."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Organization, User
from accounts.roles import ADMINISTER_RULES, READ_RULES, RETENTION_ADMINISTRATOR
from accounts.services.access import Access, Denied
from accounts.services.people import join
from exports.services.errors import Invalid, NotFound
from retention.models import Rule
from retention.services import rules
from tests.conftest import access_in
from tests.trail import actions

TERMS: dict[str, Any] = {"data_type": "ALARM", "fragment_type": "c8y_X", "type": "hot", "source": "12", "maximum_age": 30}


@pytest.fixture
def rule(access: Access) -> Rule:
    return rules.create(access, mode="enforce", **TERMS)


@pytest.fixture
def other(organization: Organization, teammate: User) -> Access:
    join(teammate, organization, [RETENTION_ADMINISTRATOR])
    return access_in(organization, teammate)


def versions(rule: Rule) -> list[tuple[int, dict[str, Any], User]]:
    return [(version.number, version.terms, version.author) for version in rule.versions.order_by("number")]


def test_made_rule_has_its_first_version(rule: Rule, owner: User) -> None:
    assert versions(rule) == [(1, {**TERMS, "mode": "enforce", "archive": True}, owner)]


def test_change_makes_a_version_and_its_author_the_rules(rule: Rule, owner: User, other: Access) -> None:
    changed = rules.change(other, rule.pk, {"maximum_age": 31, "archive": False})
    assert (changed.version, changed.author, changed.maximum_age) == (2, other.user, 31)
    assert [(number, terms["maximum_age"], author) for number, terms, author in versions(rule)] == [(1, 30, owner), (2, 31, other.user)]


def test_change_to_what_it_was_changes_nothing(rule: Rule, owner: User, other: Access) -> None:
    assert rules.change(other, rule.pk, TERMS).author == owner
    assert (len(versions(rule)), "rule.update" in actions()) == (1, False)


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({"maximum_age": 29}, True),
        ({"maximum_age": 31}, False),
        ({"source": "*"}, True),
        ({"data_type": "EVENT"}, True),
        ({"type": "cold", "maximum_age": 90}, True),
        ({"archive": False}, False),
        ({"mode": "simulate"}, False),
    ],
    ids=str,
)
def test_rule_that_matches_more_than_before_asks(access: Access, rule: Rule, changes: dict[str, Any], asks: bool) -> None:
    assert rules.change(access, rule.pk, changes).asks is asks


def test_narrower_rule_does_not_ask(access: Access) -> None:
    rule = rules.create(access, mode="enforce", maximum_age=30)
    assert rules.change(access, rule.pk, TERMS).asks is False


def test_rule_that_asks_goes_on_asking_when_it_is_lengthened_again(access: Access, rule: Rule) -> None:
    rules.change(access, rule.pk, {"maximum_age": 1})
    assert rules.change(access, rule.pk, {"maximum_age": 30}).asks is True


def test_deleted_rule_is_gone_and_its_versions_stay(access: Access, rule: Rule) -> None:
    rules.delete(access, rule.pk)
    assert list(rules.listing(access)) == []
    assert len(versions(rule)) == 1
    for call in (rules.find, rules.delete, partial(rules.change, changes={"maximum_age": 1})):
        with pytest.raises(NotFound, match=f"There is no retention rule {rule.pk}"):
            call(access, rule.pk)


def test_every_change_is_recorded_with_what_it_changed(access: Access, rule: Rule) -> None:
    rules.change(access, rule.pk, {"maximum_age": 7})
    rules.delete(access, rule.pk)
    made, changed, deleted = [(entry.action, entry.before or {}, entry.after or {}) for entry in AuditEntry.objects.order_by("pk")]
    assert (made[0], made[2]["data_type"], made[2]["author"]) == ("rule.create", "ALARM", "owner")
    assert changed[:2] == ("rule.update", {"asks": False, "maximum_age": 30, "version": 1})
    assert (deleted[0], list(deleted[2])) == ("rule.delete", ["deleted_at"])


def test_rule_that_is_not_editable_is_kept_from_the_api_only(access: Access, rule: Rule) -> None:
    Rule.objects.update(editable=False)
    with pytest.raises(rules.NotEditable, match="is not editable"):
        rules.change(access, rule.pk, {"maximum_age": 1}, by_api=True)
    with pytest.raises(rules.NotEditable):
        rules.delete(access, rule.pk, by_api=True)
    assert rules.change(access, rule.pk, {"maximum_age": 1}).maximum_age == 1


@pytest.mark.parametrize(("held", "calls"), [(READ_RULES, ["listing"]), (ADMINISTER_RULES, ["create", "change", "delete"]), ("", [])])
def test_reading_and_changing_need_a_permission_each(access: Access, rule: Rule, held: str, calls: list[str]) -> None:
    limited = Access(access.user, access.organization, frozenset({held}))
    tried: dict[str, Callable[[], object]] = {
        "listing": lambda: rules.listing(limited),
        "create": lambda: rules.create(limited, mode="off", maximum_age=1),
        "change": lambda: rules.change(limited, rule.pk, {"maximum_age": 1}),
        "delete": lambda: rules.delete(limited, rule.pk),
    }
    done = []
    for name, call in tried.items():
        try:
            call()
            done.append(name)
        except Denied:
            continue
    assert done == calls


def test_every_wrong_field_is_named_at_once(access: Access) -> None:
    with pytest.raises(Invalid) as failure:
        rules.create(access, mode="on", maximum_age=0, data_type="Alarm", fragment_type="")
    assert sorted(failure.value.errors) == ["dataType", "fragmentType", "maximumAge", "mode"]
    assert Rule.objects.count() == 0


def test_rule_whose_dataset_is_gone_can_still_be_lengthened(access: Access, rule: Rule) -> None:
    Rule.objects.update(data_type="Gone")
    assert rules.change(access, rule.pk, {"maximum_age": 60}).maximum_age == 60


def test_rules_of_others_do_not_exist(rule: Rule, elsewhere: Organization, outsider: User) -> None:
    theirs = access_in(elsewhere, outsider)
    assert list(rules.listing(theirs)) == []
    with pytest.raises(NotFound):
        rules.change(theirs, rule.pk, {"maximum_age": 1})


def test_known_types_begin_with_the_documented_ones(access: Access, interaction: object) -> None:
    assert rules.known_types(access) == ["*", "ALARM", "AUDIT", "EVENT", "MEASUREMENT", "OPERATION", "Attachment", "Interaction"]


def test_deletion_is_dated(access: Access, rule: Rule) -> None:
    before = timezone.now()
    rules.delete(access, rule.pk)
    rule.refresh_from_db()
    assert rule.deleted_at is not None
    assert before <= rule.deleted_at <= timezone.now()
