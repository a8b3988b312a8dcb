"""What is not there, or not this organization's, is a page that does not exist."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.http import Http404

from exports.services.errors import NotFound

P = ParamSpec("P")
Row = TypeVar("Row")


def found_or_404(find: Callable[P, Row], *args: P.args, **kwargs: P.kwargs) -> Row:
    try:
        return find(*args, **kwargs)
    except NotFound:
        raise Http404 from None
