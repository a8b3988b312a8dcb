"""What only version 10 has."""

# ruff: noqa: N815 the documents' names are in camel case

from typing import ClassVar

from rest_framework import serializers

from exports.api.udm import queries, shapes
from exports.api.udm.fields import TrueFalse, text

_BACKGROUND = "true marks a background refresh: it is not recorded as a use of the token."


# --- A job ---------------------------------------------------------------------------------------------------------
class UcsJobParams(shapes.UcsJobParams):
    exportAttachments = TrueFalse(required=False, default=False)


class JobRequest(shapes.JobRequest):
    type = serializers.CharField(help_text="UCS")
    jobParams = UcsJobParams()


class JobInfo(shapes.JobInfo):
    exportAttachments = serializers.BooleanField()


JobPage = shapes.paged_shape(JobInfo, "JobPage")


# --- Queries -------------------------------------------------------------------------------------------------------
class JobListQuery(queries.JobListQuery):
    SIZE: ClassVar[int] = 100
    HIGHEST_SIZE: ClassVar[int] = 1000
    source = text(help_text="Source contains.")  # type: ignore[assignment]
    bgUpdate = TrueFalse(required=False, help_text=_BACKGROUND)


class HistoryQuery(queries.HistoryQuery):
    SIZE: ClassVar[int] = 100
    HIGHEST_SIZE: ClassVar[int] = 1000
    source = text(help_text="Source contains.")  # type: ignore[assignment]
    jobId = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    bgUpdate = TrueFalse(required=False, help_text=_BACKGROUND)


class FileQuery(queries.FileQuery):
    SIZE: ClassVar[int] = 100
    HIGHEST_SIZE: ClassVar[int] = 1000
    source = text(help_text="Source contains.")  # type: ignore[assignment]
    historyId = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    bgUpdate = TrueFalse(required=False, help_text=_BACKGROUND)
