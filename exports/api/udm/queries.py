"""What all versions may be asked in a query. A version adds what only its own document has."""

# ruff: noqa: N815 the documents' names are in camel case

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.api.dialect import StrictSerializer
from exports.api.udm.fields import Moment, TrueFalse, text
from exports.services.jobs import SCHEDULE_TYPES
from exports.services.runs import Status

_HIGHEST_INDEX = 2**31 - 1


def _order(names: list[str], about: str) -> serializers.Field[Any, Any, Any, Any]:
    wrong = f"Cannot order by {{input}}. There are: {', '.join(names)}."
    return serializers.ChoiceField(choices=names, required=False, help_text=about, error_messages={"invalid_choice": wrong})


class ListQuery(StrictSerializer):
    """Which slice of a list, and in which order.

    ORDERS maps the field names of the face to those of the database. SIZE is the default of `size`, HIGHEST_SIZE its bound:
    the documents of versions 3 and 4 name 999999999 as default, so these lists are not cut unless the client says so.
    """

    ORDERS: ClassVar[dict[str, str]] = {}
    SIZE: ClassVar[int] = 999_999_999
    HIGHEST_SIZE: ClassVar[int] = 999_999_999

    orderField = serializers.CharField(required=False, help_text="By which field to order; without it, the newest come first.")
    descAsc = TrueFalse(required=False, help_text="true: descending, false: ascending (the default with orderField).")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is a word of Python's, so it cannot be declared above."""
        size, highest = self.SIZE, self.HIGHEST_SIZE
        fields = super().get_fields()
        orders: dict[str, serializers.Field[Any, Any, Any, Any]] = {
            name: _order(list(self.ORDERS), str(fields[name].help_text)) for name in ("orderField", "field") if name in fields
        }
        return {
            "from": serializers.IntegerField(
                min_value=0, max_value=_HIGHEST_INDEX, default=0, help_text="Index of the first item to return."
            ),
            "size": serializers.IntegerField(min_value=1, max_value=highest, default=size, help_text="Maximum number of items to return."),
            **fields,
            **orders,
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Some usage lines of the older documents say `field` for `orderField`; those versions take both."""
        alias = attrs.pop("field", None)
        if alias and attrs.setdefault("orderField", alias) != alias:
            raise ValidationError(dict.fromkeys(("field", "orderField"), "field and orderField differ: give one of them."))
        return attrs


class JobListQuery(ListQuery):
    ORDERS: ClassVar[dict[str, str]] = {
        "id": "pk",
        "title": "title",
        "createdDate": "created_at",
        "source": "source__key",
        "type": "kind",
        "dateFrom": "date_from",
        "dateTo": "date_to",
        "description": "description",
    }
    title = text(help_text="Title contains.")
    type = text(help_text="Type (UCS) or data type contains.")
    scheduleType = serializers.ChoiceField(choices=SCHEDULE_TYPES, required=False)
    suspend = TrueFalse(required=False)


class HistoryQuery(ListQuery):
    ORDERS: ClassVar[dict[str, str]] = {
        "id": "pk",
        "title": "job__title",
        "createdDate": "created_at",
        "source": "job__source__key",
        "type": "job__kind",
        "status": "status",
        "dateFrom": "job__date_from",
        "dateTo": "job__date_to",
        "description": "job__description",
    }
    title = text(help_text="Title contains.")
    type = text(help_text="Type (UCS) or data type contains.")
    status = serializers.ChoiceField(choices=list(Status), required=False)
    fileName = text(help_text="Name of one of the files contains.")


class FileQuery(ListQuery):
    ORDERS: ClassVar[dict[str, str]] = {
        "name": "name",
        "size": "size",
        "createdDate": "created_at",
        "expirationDate": "expires_at",
        "historyId": "run_id",
        "jobTitle": "run__job__title",
        "type": "part__dataset__name",
        "source": "run__job__source__key",
    }
    name = text(help_text="File name contains.")
    jobTitle = text(help_text="Title of the job contains.")
    type = text(help_text="Data type contains.")
    startDate = Moment(help_text="Created at or after.")
    endDate = Moment(help_text="Created before.")


class IdsQuery(StrictSerializer):
    jobIDs = serializers.CharField(help_text="Ids, separated by commas.")


class NamesQuery(StrictSerializer):
    filename = serializers.CharField(help_text="File names, separated by commas; at most 100.")


class SourceQuery(StrictSerializer):
    source = text()  # type: ignore[assignment]  # DRF's own attribute of that name


class SubTypeQuery(StrictSerializer):
    source = text()  # type: ignore[assignment]  # DRF's own attribute of that name
    dataType = text()


class AttributesQuery(StrictSerializer):
    entities = text(help_text="Types, separated by commas; all if absent.")


class NoQuery(StrictSerializer):
    """Nothing is asked."""
