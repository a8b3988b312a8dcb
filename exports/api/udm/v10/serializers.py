"""What only version 10 has."""

# ruff: noqa: N815 the documents' names are in camel case

from typing import Any, ClassVar

from rest_framework import serializers

from accounts.api.api_keys import HEADER
from accounts.api.dialect import StrictSerializer, Text
from exports.api.udm import queries, shapes
from exports.api.udm.fields import TrueFalse, text
from exports.formats import DEFAULT, LABELS
from exports.models import Job

_BACKGROUND = "true marks a background refresh: it is not recorded as a use of the token."


# --- A job ---------------------------------------------------------------------------------------------------------
class Filter(StrictSerializer):
    attribute = Text(help_text="From /data/attributes.")
    operator = Text(help_text="One of the attribute's operators, e.g. eq, in, startsWith, isNull.")
    value = serializers.JSONField(required=False, help_text="A value of the attribute's type; a list with in and notIn; none with isNull.")


class UcsJobParams(shapes.UcsJobParams):
    exportAttachments = TrueFalse(required=False, default=False)
    filters = Filter(many=True, required=False, help_text="What must be true of a row, all of it; at most 20.")
    safetyLag = serializers.IntegerField(
        required=False, allow_null=True, help_text="With type DataSync: the newest changes wait so many seconds."
    )
    overlap = serializers.IntegerField(
        required=False, allow_null=True, help_text="With type DataSync: so many seconds before its watermark a run looks for late changes."
    )
    format = Text(required=False, allow_blank=True, allow_null=True, help_text=f"Of the files: {', '.join(LABELS)}. {DEFAULT} if left out.")


class SchedulerParam(shapes.SchedulerParam):
    misfire = serializers.ChoiceField(
        choices=Job.Misfire.values,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="Of slots that nobody started in time none run, the latest runs once (default), or all run.",
    )


class JobRequest(shapes.JobRequest):
    UNSAID = ()

    type = Text(help_text="UCS: a time frame. DataSync: what changed since the last run.")
    schedulerParam = SchedulerParam()
    jobParams = UcsJobParams()


class Watermark(serializers.DateTimeField):
    """Left out where there is none; null is one that has not been reached yet."""

    def get_attribute(self, instance: Any) -> Any:
        if "watermark" not in instance:
            raise serializers.SkipField
        return instance["watermark"]


class JobInfo(shapes.JobInfo):
    exportAttachments = serializers.BooleanField()
    filters = Filter(many=True, required=False, help_text="Of a job that has any.")
    filesExpired = serializers.IntegerField(required=False, help_text="Files that are gone because their days were over, if there are any.")
    filesDeleted = serializers.IntegerField(
        required=False, help_text="Files that are gone because somebody deleted them, if there are any."
    )
    watermark = Watermark(
        required=False, allow_null=True, help_text="Of a DataSync: what changed before was delivered; null before the first run."
    )


JobPage = shapes.paged_shape(JobInfo, "JobPage")


# --- Queries -------------------------------------------------------------------------------------------------------
class JobListQuery(queries.JobListQuery):
    SIZE: ClassVar[int] = 100
    HIGHEST_SIZE: ClassVar[int] = 1000
    source = text(help_text="Source contains.")  # type: ignore[assignment]  # DRF's own attribute of that name
    bgUpdate = TrueFalse(required=False, help_text=_BACKGROUND)


class HistoryQuery(queries.HistoryQuery):
    SIZE: ClassVar[int] = 100
    HIGHEST_SIZE: ClassVar[int] = 1000
    source = text(help_text="Source contains.")  # type: ignore[assignment]  # DRF's own attribute of that name
    jobId = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    bgUpdate = TrueFalse(required=False, help_text=_BACKGROUND)


class FileQuery(queries.FileQuery):
    SIZE: ClassVar[int] = 100
    HIGHEST_SIZE: ClassVar[int] = 1000
    source = text(help_text="Source contains.")  # type: ignore[assignment]  # DRF's own attribute of that name
    historyId = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    bgUpdate = TrueFalse(required=False, help_text=_BACKGROUND)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """x-api-key cannot be declared above. Authentication has read it by now."""
        return {**super().get_fields(), HEADER: text(help_text="As the header, which is better: addresses end up in logs.")}
