"""What Strongroom's own resources of this floor share: what services refuse is said in the dialect of /api/v1."""

# ruff: noqa: N815 the names are the API's

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import OwnView as GroundView
from accounts.api.dialect import StrictSerializer, read_query, render_failure
from exports.services import errors

HIGHEST_SIZE, DEFAULT_SIZE = 1000, 100


class _Conflict(APIException):
    status_code = 409


class OwnView(GroundView):
    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return lambda error, context: render_failure(_translated(error), context)


def _translated(error: Exception) -> Exception:
    if isinstance(error, errors.Invalid):
        return ValidationError({field: [sentence] for field, sentence in error.errors.items()})
    if isinstance(error, errors.NotFound):
        return NotFound(str(error))
    return _Conflict(str(error)) if isinstance(error, errors.Conflict) else error


class NoQuery(StrictSerializer):
    """Nothing is asked."""


class NoBody(StrictSerializer):
    """Nothing is said."""


class PageQuery(StrictSerializer):
    size = serializers.IntegerField(required=False, min_value=1, max_value=HIGHEST_SIZE, help_text=f"{DEFAULT_SIZE} unless given.")
    olderThan = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="Only what has a lower id: the `next` of the page before."
    )


def read_body(request: Request, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The body's values, of a request that carries no query. Raises ValidationError."""
    read_query(request, NoQuery)
    if not isinstance(request.data, Mapping):
        raise ValidationError({"body": ["The body must be a JSON object."]})
    sent = serializer(data=request.data)
    sent.is_valid(raise_exception=True)
    return dict(sent.validated_data)
