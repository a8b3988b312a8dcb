"""How changes that are made in the admin get into the audit trail: each with the row's fields before and after."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import Organization, User
from accounts.services.audit import kind_of, record, trails_of, values_of

Values = Mapping[str, Any]


def everything(row: Model) -> dict[str, Any]:
    """All fields of the row as the database has them, many-to-many ones too."""
    kind = row._meta  # noqa: SLF001 Django's documented API
    fresh = type(row)._base_manager.filter(pk=row.pk).first()  # noqa: SLF001 no public way
    return values_of(fresh, [field.name for field in [*kind.fields, *kind.many_to_many]]) if fresh else {}


def tell(
    request: HttpRequest, verb: str, row: Model, before: Values | None, after: Values | None, *, trails: Iterable[Organization | None] = ()
) -> None:
    """Record `verb` for the row in each of its trails (or in those that it had, if it is gone)."""
    user = request.user if isinstance(request.user, User) else None
    for organization in trails or trails_of(row):
        record(f"{kind_of(row)}.{verb}", row, organization=organization, user=user, before=before, after=after)


@contextmanager
def telling(request: HttpRequest, verb: str, rows: Iterable[Model]) -> Iterator[None]:
    """Record `verb` for each of the rows that what is done within changes or deletes, in one transaction with it."""
    with transaction.atomic():
        was = [(copy(row), everything(row), trails_of(row)) for row in rows]
        yield
        for row, before, trails in was:
            after = everything(row)
            if after != before:
                tell(request, verb, row, before, after or None, trails=trails)
