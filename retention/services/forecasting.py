"""What lies ahead: how many rows will cross a rule's age a day, whether the window takes them; and what a table's disk space could give back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import Any

from exports.models import Dataset
from exports.services.extracts import whole_rows
from exports.sources import open_reader
from exports.sources.base import Reader, SourceError
from exports.sources.writers import open_writer
from retention.models import Batch, RetentionSettings, Rule
from retention.services.ordering import named
from retention.services.selection import rule_terms

AHEAD = (7, 30)
"""Days that are looked ahead. A row that crosses the age by then is there already, unless the age itself is less."""
MEASURED = timedelta(days=30)
_BATCHES = 1_000
DAY = 86_400


@dataclass(frozen=True)
class Drain:
    """Rows: `backlog` have crossed the age and are there; `per_day` will cross it a day; `capacity` a window takes, None if never measured."""

    backlog: int
    per_day: float
    capacity: int | None

    @property
    def days(self) -> int | None:
        """Until the backlog is gone; None if that is not known, or never comes."""
        if self.capacity is None or self.capacity <= self.per_day:
            return None
        return ceil(self.backlog / (self.capacity - self.per_day))

    def __str__(self) -> str:
        crossing = f"about {ceil(self.per_day):,} rows a day cross the age, {self.backlog:,} have crossed it and are there"
        if self.capacity is None:
            return f"{crossing}; what a window takes has not been measured yet."
        if self.days is None:
            more = ceil(self.per_day) - self.capacity
            return f"{crossing}; a window takes about {self.capacity:,}: too few, what waits grows by {more:,} a day."
        return (
            f"{crossing}; a window takes about {self.capacity:,}{f', so they are gone in about {self.days} days' if self.backlog else ''}."
        )


def forecast(rule: Rule, dataset: Dataset, settings: RetentionSettings, at: datetime) -> dict[str, Any]:
    """As a day's summary holds it. Held and kept rows count too: they have crossed the age. Raises SourceError."""
    with open_reader(dataset.source.url) as reader:
        backlog = _older(reader, rule, dataset, at)
        days = [min(ahead, rule.maximum_age) for ahead in AHEAD]
        crossing = [_older(reader, rule, dataset, at + timedelta(days=ahead)) - backlog for ahead in days]
    rates = [max(0, rows) / ahead for rows, ahead in zip(crossing, days, strict=True)]
    drain = Drain(backlog, max(rates), capacity(dataset, settings, at))
    said = {f"perDayOf{ahead}": ceil(rate) for ahead, rate in zip(AHEAD, rates, strict=True)}
    return {**_of(rule, dataset), "backlog": backlog, **said, "capacity": drain.capacity, "days": drain.days, "text": str(drain)}


def forecasts(found: Iterable[tuple[Rule, Dataset]], settings: RetentionSettings, at: datetime) -> Iterator[dict[str, Any]]:
    """One of each; one that cannot be made is a `problem`."""
    for rule, dataset in found:
        try:
            yield forecast(rule, dataset, settings, at)
        except SourceError as error:
            yield {**_of(rule, dataset), "problem": str(error)}


def _of(rule: Rule, dataset: Dataset) -> dict[str, Any]:
    return {"rule": rule.pk, **named(dataset)}


def _older(reader: Reader, rule: Rule, dataset: Dataset, at: datetime) -> int:
    """Rows that the rule's terms choose at that moment."""
    terms = rule_terms(rule, dataset, at)
    assert terms is not None, "a forecast is made of datasets that the rule can choose rows of"
    return reader.count(replace(whole_rows(dataset), where=terms))


# --- What a window takes -------------------------------------------------------------------------------------------
def capacity(dataset: Dataset, settings: RetentionSettings, at: datetime) -> int | None:
    """Rows of the dataset that batches delete in one window, at the speed of the latest; None if none has been measured lately."""
    recent = Batch.objects.filter(purge__dataset=dataset, status=Batch.Status.DONE, deleted__gt=0, ended_at__gte=at - MEASURED)
    found = recent.order_by("-pk").values_list("deleted", "locked_ms", "began_at", "ended_at")[:_BATCHES]
    pause = settings.pause_ms / 1000
    # The median: a batch whose worker died ended only when the next one looked.
    speeds = [rows / (max((ended - began).total_seconds(), locked / 1000, 0.001) + pause) for rows, locked, began, ended in found if ended]
    return int(median(speeds) * window_seconds(settings)) if speeds else None


def window_seconds(settings: RetentionSettings) -> int:
    """Its length, on a day whose clocks are not changed."""
    start, end = ((moment.hour * 60 + moment.minute) * 60 + moment.second for moment in (settings.window_start, settings.window_end))
    return (end - start) % DAY or DAY


# --- What a table could give back ----------------------------------------------------------------------------------
def bloat(datasets: Iterable[Dataset]) -> Iterator[dict[str, Any]]:
    """Of each: bytes on disk, those that are estimated to be free in it, what gives them back. As a day's summary holds it."""
    for dataset in datasets:
        try:
            with open_writer(dataset.source.url) as writer:
                found = writer.bloat(whole_rows(dataset))
        except SourceError as error:
            yield {**named(dataset), "problem": str(error)}
        else:
            facts = {"bytes": found.table_bytes, "reclaimable": found.reclaimable_bytes, "statement": found.statement}
            yield {**named(dataset), **facts, "locks": found.locks}
