"""Retention rules: listed, made, changed, deleted. Each change makes a version, and an audit entry in its transaction.

A rule acts with the permissions of whoever changed it last. Whoever reads one needs READ_RULES, whoever changes one ADMINISTER_RULES; a
rule that the organization does not have is NotFound. Fields are named in errors as the rules' own document names them (`maximumAge`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.roles import ADMINISTER_RULES, READ_RULES
from accounts.services.access import Access
from accounts.services.audit import values_of
from exports.models import Dataset
from exports.services.errors import Conflict, Invalid, NotFound
from exports.services.nearest import known_names, shown
from exports.services.trail import tell
from retention.models import Rule, RuleVersion
from retention.models.rule import ANY, DOCUMENTED_TYPES, HIGHEST_AGE, TERMS

AUDITED = (*TERMS, "editable", "version", "author", "asks", "deleted_at")
NAMES = {"data_type": "dataType", "fragment_type": "fragmentType", "type": "type", "source": "source", "maximum_age": "maximumAge"}
"""What a rule's fields are called in its document."""
TEXTS = ("data_type", "fragment_type", "type", "source")
_LONGEST = {"data_type": 100, "fragment_type": 200, "type": 200, "source": 200}


class NotEditable(Conflict):
    """The rule is one that the API neither changes nor deletes."""


# --- Looking -------------------------------------------------------------------------------------------------------
def listing(access: Access) -> QuerySet[Rule]:
    """Those that are not deleted, the oldest first. Raises Denied."""
    access.need(READ_RULES)
    return _rules(access).order_by("pk")


def find(access: Access, rule_id: int) -> Rule:
    """Raises NotFound, Denied."""
    access.need(READ_RULES)
    return _found(_rules(access), rule_id)


def known_types(access: Access) -> list[str]:
    """What a rule's data type may be: all (`*`), the documented names, and every dataset of the organization."""
    datasets = Dataset.objects.filter(source__organization=access.organization).order_by("name").values_list("name", flat=True)
    return list(dict.fromkeys([ANY, *DOCUMENTED_TYPES, *datasets]))


# --- Making and changing -------------------------------------------------------------------------------------------
@transaction.atomic
def create(access: Access, *, mode: str, maximum_age: int, archive: bool = True, **texts: str) -> Rule:
    """`texts` are those of TEXTS; what is not given matches all. Raises Invalid, Denied."""
    access.need(ADMINISTER_RULES)
    rule = Rule(organization=access.organization, author=access.user)
    _set(rule, {"mode": mode, "maximum_age": maximum_age, "archive": archive, **texts})
    _check(access, rule, TERMS)
    rule.save()
    _keep_version(rule)
    tell(access, "rule.create", rule, after=values_of(rule, AUDITED))
    return rule


@transaction.atomic
def change(access: Access, rule_id: int, changes: Mapping[str, Any], *, by_api: bool = False) -> Rule:
    """Set what `changes` names, fields of TERMS; what stays as it is makes no version. Raises NotFound, Invalid, Denied, NotEditable.

    A rule that then matches rows which it did not match before asks for approval at its next purge.
    """
    rule = _held(access, rule_id, by_api=by_api)
    before, former = values_of(rule, AUDITED), rule.terms()
    _set(rule, changes)
    changed = [name for name, value in rule.terms().items() if value != former[name]]
    if not changed:
        return rule
    _check(access, rule, changed)
    rule.version += 1
    rule.author, rule.changed_at = access.user, timezone.now()
    rule.asks = rule.asks or is_shortened(former, rule.terms())
    rule.save()
    _keep_version(rule)
    tell(access, "rule.update", rule, before=before, after=values_of(rule, AUDITED))
    return rule


@transaction.atomic
def delete(access: Access, rule_id: int, *, by_api: bool = False) -> None:
    """Its versions and what was purged under it stay. Raises NotFound, Denied, NotEditable."""
    rule = _held(access, rule_id, by_api=by_api)
    before = values_of(rule, AUDITED)
    rule.deleted_at = timezone.now()
    rule.save(update_fields=["deleted_at"])
    tell(access, "rule.delete", rule, before=before, after=values_of(rule, AUDITED))


def is_shortened(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether terms of a rule match rows that they did not match before: younger ones, or others than a text had chosen."""
    return after["maximum_age"] < before["maximum_age"] or any(after[name] != before[name] != ANY for name in TEXTS)


# --- Steps ---------------------------------------------------------------------------------------------------------
def _rules(access: Access) -> QuerySet[Rule]:
    return Rule.objects.filter(organization=access.organization, deleted_at=None)


def _found(rules: QuerySet[Rule], rule_id: int) -> Rule:
    rule = rules.filter(pk=rule_id).first()
    if rule is None:
        raise NotFound(f"There is no retention rule {rule_id}.")
    return rule


def _held(access: Access, rule_id: int, *, by_api: bool) -> Rule:
    access.need(ADMINISTER_RULES)
    rule = _found(_rules(access).select_for_update(of=("self",)), rule_id)
    if by_api and not rule.editable:
        raise NotEditable(f"Retention rule {rule_id} is not editable: an administrator of the server keeps it.")
    return rule


def _set(rule: Rule, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        assert name in TERMS, f"{name} is no term of a rule"
        setattr(rule, name, value)


def _keep_version(rule: Rule) -> None:
    RuleVersion.objects.create(rule=rule, number=rule.version, terms=rule.terms(), author=rule.author, created_at=rule.changed_at)


def _check(access: Access, rule: Rule, names: Iterable[str]) -> None:
    """Raises Invalid, which names each of the fields `names` that is wrong."""
    wrong = {name: _what_is_wrong(access, name, getattr(rule, name)) for name in names}
    errors = {NAMES.get(name, name): f"{NAMES.get(name, name)} {sentence}" for name, sentence in wrong.items() if sentence}
    if errors:
        raise Invalid(errors)


def _what_is_wrong(access: Access, name: str, value: Any) -> str:
    """The rest of a sentence, or nothing."""
    if name in TEXTS:
        return _wrong_text(access, name, value)
    if name == "maximum_age" and not 1 <= value <= HIGHEST_AGE:
        return f"must be a whole number of days from 1 to {HIGHEST_AGE}."
    if name == "mode" and value not in Rule.Mode.values:
        return f"must be one of {', '.join(Rule.Mode.values)}."
    return ""


def _wrong_text(access: Access, name: str, value: str) -> str:
    longest = _LONGEST[name]
    if not value or len(value) > longest or not value.isprintable():
        return f'must have 1 to {longest} characters, without line breaks; "{ANY}" matches all.'
    if name == "data_type" and value not in (known := known_types(access)):
        return f'"{shown(value)}" is unknown. {known_names(value, known)}'
    return ""
