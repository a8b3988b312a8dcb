"""What only version 4 has."""

# ruff: noqa: N815 the documents' names are in camel case

from typing import Any

from rest_framework import serializers

from accounts.api.dialect import Text
from exports.api.udm import queries, shapes
from exports.api.udm.fields import TextOrNumber
from exports.models import Job


# --- A job, as clients send it -------------------------------------------------------------------------------------
class JobRequest(shapes.JobRequest):
    fileSplitSize = TextOrNumber(required=False, allow_blank=True, allow_null=True, help_text="As jobParams.fileSplitSize.")


class JobUpdate(JobRequest):
    type = Text(required=False, help_text="As it was, if left out.")


# --- What clients get ----------------------------------------------------------------------------------------------
class ShownTimeFrame(serializers.Serializer[Job]):
    all = serializers.BooleanField(source="all_time")
    dateFrom = serializers.DateTimeField(source="date_from", allow_null=True)
    dateTo = serializers.DateTimeField(source="date_to", allow_null=True)


class ShownSchedule(serializers.Serializer[Job]):
    immediately = serializers.BooleanField()
    cron = serializers.CharField(allow_blank=True)
    runs = serializers.SerializerMethodField(help_text="Empty: no limit.")
    startDate = serializers.DateTimeField(source="start_date", allow_null=True)
    timezone = serializers.SerializerMethodField(help_text="Empty without cron.")

    def get_timezone(self, job: Job) -> str:
        return job.timezone if job.cron else ""

    def get_runs(self, job: Job) -> str:
        return str(job.runs_limit or "")


class ShownParams(serializers.Serializer[Job]):
    fileSplitSize = serializers.CharField(source="file_split_size", allow_blank=True)
    type = serializers.CharField(source="dataset.name")
    media = serializers.ListField(child=serializers.CharField())


class JobShown(serializers.Serializer[Job]):
    """The job as it is defined, which is what a client sends to change it."""

    id = serializers.CharField(source="pk")
    source = serializers.CharField(source="source.key")  # type: ignore[assignment]  # DRF's own attribute of that name
    title = serializers.CharField()
    timeFrame = ShownTimeFrame(source="*")
    fileSplitSize = serializers.CharField(source="file_split_size", allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    schedulerParam = ShownSchedule(source="*")
    jobParams = ShownParams(source="*")
    suspended = serializers.SerializerMethodField(help_text='"true" or "false".')

    def get_suspended(self, job: Job) -> str:
        return "true" if job.suspended else "false"


class MovedStatus(serializers.Serializer[Any]):
    code = serializers.IntegerField(default=0)
    detail = serializers.DictField(default=dict)
    message = serializers.CharField(default="successful")


class Moved(serializers.Serializer[Any]):
    """What suspending and resuming answer when they succeed."""

    status = MovedStatus()


# --- Queries -------------------------------------------------------------------------------------------------------
class HistoryQuery(queries.HistoryQuery):
    field = serializers.CharField(required=False, help_text="As orderField.")
