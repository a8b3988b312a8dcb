"""Fields that read what existing clients write."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.schema import ISO_8601


class TrueFalse(serializers.BooleanField):
    """true or false, as a JSON value or as its text."""

    TRUE_VALUES = {True, "true", "True"}
    FALSE_VALUES = {False, "false", "False"}
    NULL_VALUES = {None}
    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, int) and not isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(ISO_8601)
class Moment(serializers.DateTimeField):
    """ISO 8601, date or date and time; UTC unless it names another offset. Empty text counts as absent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["iso-8601", "%Y-%m-%d"], allow_null=True, required=False, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return None if data == "" else super().run_validation(data)


@extend_schema_field({"type": ["string", "integer"]})
class TextOrNumber(serializers.CharField):
    """A number, or its digits and whatever else belongs to it."""


def text(**kwargs: Any) -> serializers.CharField:
    """A text that may be left out."""
    return serializers.CharField(required=False, allow_blank=True, **kwargs)
