"""The forms of retention's pages. They read what people type and hand it to one service; what that refuses stands at its field."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django import forms

from accounts.services.access import Access
from exports.console.forms import WallClockField, show
from exports.models import Dataset
from exports.services.errors import Invalid, ServiceError
from retention.models import Hold, Rule
from retention.models.rule import ANY, HIGHEST_AGE
from retention.services import glance, holds, rules

RULE_FIELDS = {label: name for name, label in rules.NAMES.items()}
HOLD_FIELDS = {"startsAt": "starts_at", "endsAt": "ends_at"}


def _refused(form: forms.Form, error: ServiceError, names: dict[str, str]) -> None:
    if isinstance(error, Invalid):
        show(form, error, names)
    else:
        form.add_error(None, str(error))


class TermsForm(forms.Form):
    """What a rule says, but for its mode. An empty text matches all."""

    data_type = forms.ChoiceField(label="Data type", help_text="Rows of the datasets of that name.")
    maximum_age = forms.IntegerField(
        label="Older than (days)", min_value=1, max_value=HIGHEST_AGE, help_text="Counted from each day's run, by the timestamp column."
    )
    fragment_type = forms.CharField(
        label="With the fragment", max_length=200, required=False, help_text="A top-level name in the row's document. Empty matches all."
    )
    type = forms.CharField(label="Of the type", max_length=200, required=False, help_text="The row's sub-type. Empty matches all.")
    source = forms.CharField(label="From the source", max_length=200, required=False, help_text="What the source column holds. Empty: all.")
    archive = forms.BooleanField(label="Extract rows into sealed, verified files before they go", required=False)

    def __init__(self, access: Access, data: Any = None, rule: Rule | None = None) -> None:
        super().__init__(data, label_suffix="", initial=_shown(rule) if rule else {"archive": True})
        self.access = access
        field = self.fields["data_type"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, "every dataset" if name == ANY else name) for name in _types(access, rule)]

    def terms(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {**data, **{name: data[name] or ANY for name in rules.TEXTS}}

    def create(self) -> Rule | None:
        """The new rule, which simulates; None when the service refused: then the form says why."""
        try:
            return rules.create(self.access, mode=Rule.Mode.SIMULATE.value, **self.terms())
        except ServiceError as error:
            self.refuse(error)
        return None

    def refuse(self, error: ServiceError) -> None:
        _refused(self, error, RULE_FIELDS)


def _shown(rule: Rule) -> dict[str, Any]:
    terms = rule.terms()
    return terms | {name: "" if terms[name] == ANY else terms[name] for name in rules.TEXTS if name != "data_type"}


def _types(access: Access, rule: Rule | None) -> list[str]:
    """Also that of a rule whose dataset is gone, so that its other terms can be changed."""
    known = rules.known_types(access)
    return [*known, *([rule.data_type] if rule and rule.data_type not in known else [])]


class HoldForm(forms.Form):
    matter = forms.CharField(max_length=200, help_text="The case or file that asks for it.")
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    dataset = forms.ChoiceField(label="Dataset")
    scope = forms.ChoiceField(
        label="Rows",
        choices=[("all", "every row"), ("criteria", "those that criteria choose"), ("keys", "those with these keys")],
        initial="criteria",
        widget=forms.RadioSelect,
    )
    criteria = forms.CharField(
        required=False,
        max_length=8192,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="An OData filter over the dataset's columns, such as ownerId eq 'a-17' and startDate lt 2024-01-01T00:00:00Z.",
    )
    keys = forms.CharField(
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One row a line. A key of several columns is a JSON list: its values in the order of the key columns.",
    )
    starts_at = WallClockField(label="From (UTC)", required=False, help_text="Empty: now.")
    ends_at = WallClockField(label="Until (UTC)", required=False, help_text="Empty: until it is released.")

    def __init__(self, access: Access, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.access = access
        self.datasets = {str(dataset.pk): dataset for dataset in glance.datasets(access)}
        field = self.fields["dataset"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(self._grouped())

    def _grouped(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        groups: dict[str, list[tuple[str, str]]] = {}
        for pk, dataset in self.datasets.items():
            groups.setdefault(f"{dataset.source.name} ({dataset.source.key})", []).append((pk, dataset.name))
        yield from groups.items()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        scope = data.get("scope")
        if scope in {"criteria", "keys"} and not str(data.get(scope) or "").strip():
            self.add_error(scope, "Say which rows, or choose every row.")
        return data

    def place(self) -> Hold | None:
        """The hold, in force or not yet; None when the service refused: then the form says why."""
        data = self.cleaned_data
        dataset: Dataset = self.datasets[data["dataset"]]
        given: dict[str, Any] = {name: data[name] for name in ("matter", "reason")}
        given |= {name: _utc(data[name]) for name in ("starts_at", "ends_at")}
        given |= {"criteria": data["criteria"]} if data["scope"] == "criteria" else {}
        given |= {"keys": _keys(data["keys"])} if data["scope"] == "keys" else {}
        try:
            return holds.place(self.access, dataset, **given)
        except ServiceError as error:
            _refused(self, _renamed(error), HOLD_FIELDS)
        return None


def _renamed(error: ServiceError) -> ServiceError:
    """What is said of `keys[3]` or `criteria.Interaction` stands at the field."""
    if not isinstance(error, Invalid):
        return error
    named: dict[str, list[str]] = {}
    for path, sentence in error.errors.items():
        named.setdefault("keys" if path.startswith("keys") else "criteria" if path.startswith("criteria") else path, []).append(sentence)
    return Invalid({name: " ".join(sentences) for name, sentences in named.items()})


def _keys(text: str) -> list[list[Any]]:
    """A line that begins with `[` is a JSON list, any other the one value of its key."""
    return [_key(line.strip()) for line in text.splitlines() if line.strip()]


def _key(line: str) -> list[Any]:
    try:
        found = json.loads(line) if line.startswith("[") else [line]
    except ValueError:
        return [line]
    return found if isinstance(found, list) else [line]


def _utc(wall_clock: datetime | None) -> datetime | None:
    return wall_clock.replace(tzinfo=UTC) if wall_clock else None


class ReleaseForm(forms.Form):
    reason = forms.CharField(
        label="Why it is released", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text="It is kept with the hold."
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")

    def release(self, access: Access, hold: Hold) -> bool:
        """False when the service refused: then the form says why."""
        try:
            holds.release(access, hold, self.cleaned_data["reason"])
        except ServiceError as error:
            _refused(self, error, {})
            return False
        return True
