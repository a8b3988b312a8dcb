"""The shapes of this face. Names are the document's."""

# ruff: noqa: N815 the names are the API's

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.dialect import StrictSerializer, Text
from exports.api.udm.fields import TrueFalse
from retention.models import Rule
from retention.models.rule import ANY, HIGHEST_AGE

DEFAULT_SIZE, HIGHEST_SIZE = 5, 2000
_MATCHING = f"`{ANY}` matches all."
_DAYS = "^([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|36[0-4][0-9]|3650)$"


@extend_schema_field({"type": ["integer", "string"], "pattern": "^[0-9]{1,18}$"})
class WholeNumber(serializers.Field[int, Any, int, Any]):
    """As a number, or as the text of its digits. JSON knows one kind of number: 12.0 is 12."""

    default_error_messages = {"invalid": "Must be a whole number, or its digits as text."}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and data.isascii() and data.isdecimal() and len(data) <= 18:
            return int(data)
        if isinstance(data, int | float) and not isinstance(data, bool) and data == data // 1:
            return int(data)
        raise self.fail("invalid")

    def to_representation(self, value: int) -> int:
        return value


@extend_schema_field({"type": ["integer", "string"], "minimum": 1, "maximum": HIGHEST_AGE, "pattern": _DAYS})
class Days(WholeNumber):
    """The service says how many there may be."""


@extend_schema_field({"type": "null"})
class OfServer(serializers.Field[None, Any, None, Any]):
    """Null, as some clients write whatever they have not set."""

    default_error_messages = {"invalid": "Is not given here: the server says it."}

    def run_validation(self, data: Any = serializers.empty) -> None:
        if data is not None:
            super().run_validation(data)

    def to_internal_value(self, data: Any) -> None:
        self.fail("invalid")


class _Rule(StrictSerializer):
    """What a rule says of what it matches, exactly as it is written."""

    dataType = Text(
        source="data_type",
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text=f"ALARM, AUDIT, EVENT, MEASUREMENT, OPERATION, or a data type of your organization's datasets. {_MATCHING}",
    )
    fragmentType = Text(
        source="fragment_type",
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text=f"A name that the row's document has at its top level. {_MATCHING}",
    )
    type = Text(required=False, allow_null=True, trim_whitespace=False, help_text=f"What the row's type column holds. {_MATCHING}")
    source = Text(required=False, allow_null=True, trim_whitespace=False, help_text=f"What the row's source column holds. {_MATCHING}")  # type: ignore[assignment]  # the document's name, which DRF uses too
    editable = TrueFalse(
        required=False, allow_null=True, help_text="Can only be true: an administrator of the server makes a rule uneditable."
    )

    def validate_editable(self, value: bool | None) -> bool | None:
        if value is False:
            raise serializers.ValidationError("editable can only be true here: an administrator of the server makes a rule uneditable.")
        return value


class RuleCreate(_Rule):
    """What is not given matches all. null is the same as not given."""

    maximumAge = Days(source="maximum_age", help_text=f"Days, 1 to {HIGHEST_AGE}: what is older goes.")
    id = OfServer(required=False)
    self = OfServer(required=False)


class RuleChange(_Rule):
    """What is given is changed. null is the same as not given. A rule may be sent back whole, as it was read."""

    maximumAge = Days(source="maximum_age", required=False, allow_null=True, help_text=f"Days, 1 to {HIGHEST_AGE}: what is older goes.")
    id = WholeNumber(required=False, allow_null=True, help_text="Can only be what it is.")
    self = Text(required=False, allow_null=True, help_text="Can only be what it is.")

    def validate_id(self, value: int | None) -> int | None:
        if value is not None and value != self.context["rule_id"]:
            raise serializers.ValidationError(f"id is {self.context['rule_id']} and cannot be changed.")
        return value

    def validate_self(self, value: str | None) -> str | None:
        """Where the rule is; by which name of the server, proxies may see differently."""
        if value is not None and not value.endswith(f"/{self.context['rule_id']}"):
            raise serializers.ValidationError("self is the rule's own address and cannot be changed.")
        return value


class RuleInfo(serializers.Serializer[Rule]):
    id = serializers.IntegerField()
    self = serializers.SerializerMethodField(help_text="Link to the rule.")
    dataType = serializers.CharField(source="data_type")
    fragmentType = serializers.CharField(source="fragment_type")
    type = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # the document's name, which DRF uses too
    maximumAge = serializers.IntegerField(source="maximum_age", help_text="Days.")
    editable = serializers.BooleanField(help_text="Whether it can be changed and deleted here.")

    def get_self(self, rule: Rule) -> str:
        return address_of(self.context["request"], rule)


class PagingStatistics(serializers.Serializer[Any]):
    currentPage = serializers.IntegerField()
    pageSize = serializers.IntegerField(help_text=f"Rules of a page at most: {HIGHEST_SIZE} even if more were asked for.")
    totalPages = serializers.IntegerField(required=False)
    totalElements = serializers.IntegerField(required=False)


class RuleCollection(serializers.Serializer[Any]):
    self = serializers.CharField(help_text="Link to this page.")
    prev = serializers.CharField(required=False, help_text="Link to the page before, if there is one.")
    next = serializers.CharField(required=False, help_text="Link to the page after it, if there is one.")
    statistics = PagingStatistics()
    retentionRules = RuleInfo(many=True)


class CollectionQuery(StrictSerializer):
    currentPage = serializers.IntegerField(required=False, min_value=1, max_value=2**31, help_text="From 1 on, which is the default.")
    pageSize = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31,
        help_text=f"{DEFAULT_SIZE} unless given. Of more than {HIGHEST_SIZE}, so many are answered.",
    )
    withTotalPages = TrueFalse(required=False, help_text="Whether `statistics` has `totalPages`: true unless given.")
    withTotalElements = TrueFalse(required=False, help_text="Whether `statistics` has `totalElements`: false unless given.")


class Failure(serializers.Serializer[Any]):
    """Cumulocity's Error."""

    error = serializers.CharField(help_text="What kind of error: `retention/notFound`.")
    message = serializers.CharField()
    info = serializers.CharField(help_text="Where to read more.")


def address_of(request: Request, rule: Rule) -> str:
    return request.build_absolute_uri(reverse("retention-rule", args=[rule.pk]))
