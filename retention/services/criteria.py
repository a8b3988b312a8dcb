"""Criteria: which rows of a dataset a filter means, written as OData's `$filter`.

https://docs.oasis-open.org/odata/odata/v4.01/os/part2-url-conventions/odata-v4.01-os-part2-url-conventions.html#sec_SystemQueryOptionfilter
What Strongroom takes of it stands in docs/criteria.md.
"""

from datetime import datetime

from django.utils import timezone

from exports.models import Dataset
from exports.services.errors import Invalid
from exports.sources.predicates import Predicate
from retention.services.odata.conditions import condition
from retention.services.odata.names import Catalogue, Scope, SourceCatalogue
from retention.services.odata.syntax import parse
from retention.services.odata.values import Values
from retention.services.odata.wrong import Wrong


def parse_criteria(resource: Dataset, text: str, catalogue: Catalogue | None = None, *, now: datetime | None = None) -> Predicate:
    """The rows of `resource` that the filter means, true or false of each.

    catalogue: what datasets hold; without one, the source is asked. now: what now() is, in UTC; without one, this moment, also whenever
    the predicate is used later. Raises Invalid naming `criteria.<Resource>`, with the column (from 1) of a syntax error, and Conflict if
    the source cannot be read.
    """
    field = f"criteria.{resource.name}"
    try:
        values = Values(Scope(resource, catalogue or SourceCatalogue()), now or timezone.now())
        return condition(parse(text), values)
    except Wrong as wrong:
        where = f" at column {wrong.column}" if wrong.column else ""
        raise Invalid({field: f"{field} cannot be read{where}: {wrong}"}) from None
