"""Which rows go: the one function that previews and purges share.

Invariant: a row is selected only if the terms choose it, no standing hold covers it or a row that would go along with it, it is not
open, and no row refers to it that neither goes along nor may be left behind. What cannot be evaluated selects nothing: it raises.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from exports.models import Dataset
from exports.services.extracts import whole_rows
from exports.sources import open_reader
from exports.sources.base import Reader, Selection
from exports.sources.conditions import Condition, Kind
from exports.sources.predicates import And, Exists, HasMember, Not, Predicate
from retention.models import Rule
from retention.models.rule import ANY
from retention.services.holds import where_of
from retention.services.references import Action, Catalogue, Reference

HELD, OPEN, REFERRED, BLOCKED = "hold", "open", "referred", "blocked"


@dataclass(frozen=True)
class Reason:
    """What keeps a row that the terms choose. name: one of the four above; text: a sentence's subject; where: of which rows."""

    name: str
    text: str
    where: Predicate


@dataclass(frozen=True)
class Child:
    """Rows of `dataset` whose `columns` hold the key of a row of `above` that goes: they go along."""

    dataset: Dataset
    above: Dataset
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Chosen:
    """all: the rows that the terms choose. root: of those, the rows that go, in keep-safe terms: where no reason holds.

    children: each after the one above it. blocking: while one of these holds for any row of `root`, nothing goes.
    """

    dataset: Dataset
    terms: Predicate
    reasons: tuple[Reason, ...]
    children: tuple[Child, ...]
    blocking: tuple[Reason, ...]

    @property
    def all(self) -> Selection:
        return replace(whole_rows(self.dataset), where=self.terms)

    @property
    def root(self) -> Selection:
        return replace(whole_rows(self.dataset), where=self.where)

    @property
    def where(self) -> Predicate:
        return And((self.terms, *(Not(reason.where) for reason in self.reasons)))

    def narrowed(self, where: Predicate) -> Selection:
        """The rows that go of which `where` is true."""
        return replace(whole_rows(self.dataset), where=And((self.where, where)))

    def kept_by(self, place: int) -> Selection:
        """The rows that reason number `place` keeps, and none before it."""
        before = (Not(reason.where) for reason in self.reasons[:place])
        return replace(whole_rows(self.dataset), where=And((self.terms, *before, self.reasons[place].where)))

    def below(self, child: Child) -> Selection:
        """The child's rows that go along."""
        above = next((each for each in self.children if each.dataset == child.above), None)
        parent = self.root if above is None else self.below(above)
        return replace(whole_rows(child.dataset), parent=parent, parent_columns=child.columns)


def chosen(dataset: Dataset, terms: Predicate, at: datetime, catalogue: Catalogue | None = None) -> Chosen:
    """What goes of the dataset under the terms, as holds, keep-conditions and foreign keys are at that moment.

    Raises SourceError if the catalogue cannot be read, HoldUnclear if a hold cannot be evaluated.
    """
    tree = _Tree(catalogue or Catalogue(dataset.source), at, dataset)
    found = list(tree.reasons(dataset))
    reasons, blocking = (tuple(reason for reason in found if (reason.name == BLOCKED) == is_so) for is_so in (False, True))
    return Chosen(dataset, terms, reasons, tuple(tree.children), blocking)


class _Tree:
    """A dataset and what goes along with it, each dataset once."""

    def __init__(self, catalogue: Catalogue, at: datetime, root: Dataset) -> None:
        self._catalogue, self._at = catalogue, at
        self._seen = {root.pk}
        self.children: list[Child] = []

    def reasons(self, dataset: Dataset) -> Iterator[Reason]:
        """What keeps its rows: of themselves, or for the sake of those that would go along."""
        for hold, where in where_of(dataset, self._at):
            yield Reason(HELD, f"the hold “{hold.matter}”", where)
        if dataset.keep_column and dataset.keep_values:
            among = Condition(dataset.keep_column, "in", tuple(dataset.keep_values))
            yield Reason(OPEN, f"{dataset.keep_column} of {dataset.name}, which says that it is open", among)
        for reference in self._catalogue.referring(dataset):
            yield from self._referring(dataset, reference)

    def _referring(self, dataset: Dataset, reference: Reference) -> Iterator[Reason]:
        child = reference.dataset
        if reference.action == Action.CASCADE and child is not None and child.pk not in self._seen:
            self._seen.add(child.pk)
            self.children.append(Child(child, dataset, reference.columns))
            for reason in self.reasons(child):
                yield replace(reason, where=_refers(reference, reason.where))
        else:
            name = BLOCKED if reference.action == Action.BLOCK else REFERRED
            yield Reason(name, f"rows of {reference} that refer to it", _refers(reference, None))


def _refers(reference: Reference, where: Predicate | None) -> Exists:
    return Exists(reference.table, reference.schema, reference.columns, reference.referred, where)


# --- Rules ---------------------------------------------------------------------------------------------------------
def why_not(rule: Rule, dataset: Dataset) -> str:
    """Why the rule cannot choose rows of the dataset, as a sentence; empty if it can."""
    if not dataset.timestamp_column:
        return f"{dataset.name} has no timestamp column, so its rows have no age."
    if not dataset.key_columns:
        return f"{dataset.name} has no key by which its rows could be known."
    roles = {"type": dataset.subtype_column, "source": dataset.source_column, "fragment_type": dataset.document_column}
    words = {"type": "sub-type", "source": "source", "fragment_type": "document"}
    missing = [words[name] for name, column in roles.items() if getattr(rule, name) != ANY and not column]
    return f"{dataset.name} has no {' and no '.join(missing)} column, which the rule asks for." if missing else ""


def datasets_of(rule: Rule) -> list[Dataset]:
    """Those of its data type in the organization, whatever the case; `*`: all. Ask why_not of each."""
    found = Dataset.objects.filter(source__organization=rule.organization).select_related("source__organization", "parent")
    named = found if rule.data_type == ANY else found.filter(name__iexact=rule.data_type)
    return list(named.order_by("source_id", "pk"))


def rule_terms(rule: Rule, dataset: Dataset, at: datetime, reader: Reader | None = None) -> Predicate | None:
    """What the rule asks of a row; None if it cannot choose rows of the dataset (why_not). Raises SourceError if the source cannot be read.

    `reader`: one of the source that is open already.
    """
    if why_not(rule, dataset):
        return None
    cutoff = at - timedelta(days=rule.maximum_age)
    with nullcontext(reader) if reader else open_reader(dataset.source.url) as asked:
        is_day = asked.kinds(whole_rows(dataset)).get(dataset.timestamp_column) == Kind.DATE
    parts: list[Predicate] = [Condition(dataset.timestamp_column, "lt", cutoff.date().isoformat() if is_day else cutoff.isoformat())]
    if rule.type != ANY:
        parts.append(Condition(dataset.subtype_column, "eq", rule.type))
    if rule.source != ANY:
        parts.append(Condition(dataset.source_column, "eq", rule.source))
    if rule.fragment_type != ANY:
        parts.append(HasMember(dataset.document_column, rule.fragment_type))
    return And(tuple(parts))
