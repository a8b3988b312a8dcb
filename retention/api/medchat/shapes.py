"""What this face takes and shows."""

# ruff: noqa: N815 the names are the API's

from typing import Any

from rest_framework import serializers

from accounts.api.dialect import StrictSerializer, Text
from exports.models import File
from retention.models import Purge, RetentionJob
from retention.services.job_criteria import MOST_CHARACTERS, MOST_RESOURCES

HIGHEST_TOP, DEFAULT_TOP = 1000, 100


# --- Asked -----------------------------------------------------------------------------------------------------------
class Criteria(serializers.DictField):
    """A filter for each resource. How many there are is looked at first: a hostile body must cost no time."""

    child = Text(allow_null=True, allow_blank=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("criteria must be an object that maps names of resources to filters.")
        if len(data) > MOST_RESOURCES:
            raise serializers.ValidationError(f"criteria names {len(data)} resources; at most {MOST_RESOURCES} are possible in one job.")
        return super().to_internal_value(data)


class JobRequest(StrictSerializer):
    jobType = serializers.ChoiceField(
        choices=RetentionJob.Kind.choices,
        help_text="Extract: the rows are written into sealed files. ExtractPurge: and deleted, once their files are verified.",
        error_messages={"invalid_choice": f"jobType {{input}} is unknown. There are: {', '.join(RetentionJob.Kind.values)}."},
    )
    criteria = Criteria(
        help_text="By the name of each resource (a dataset; `source/dataset` if several sources have one of that name) an OData filter. "
        "What has none, null or an empty text is not touched; at least one must have one. "
        f"At most {MOST_RESOURCES} resources, {MOST_CHARACTERS} characters together. Filters: docs/criteria.md."
    )


class PageQuery(StrictSerializer):
    """OData's words for a page."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """They begin with `$`, so they cannot be declared above."""
        return {
            "$top": serializers.IntegerField(
                min_value=1, max_value=HIGHEST_TOP, default=DEFAULT_TOP, help_text=f"Jobs at most. {DEFAULT_TOP} unless given."
            ),
            "$skip": serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0, help_text="Jobs to leave out first."),
            "$count": serializers.ChoiceField(
                choices=["true", "false"], default="false", help_text="true: the answer says how many there are."
            ),
        }


# --- Shown -----------------------------------------------------------------------------------------------------------
class JobInfo(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    jobType = serializers.ChoiceField(choices=RetentionJob.Kind.choices)
    status = serializers.ChoiceField(choices=RetentionJob.Status.choices)
    message = serializers.CharField(help_text="Why it failed, what it waits for; empty if there is nothing to say.")
    criteria = serializers.DictField(child=serializers.CharField(), help_text="As they were written.")
    createdBy = serializers.CharField()
    createdDateTime = serializers.DateTimeField()
    windowDateTime = serializers.DateTimeField(allow_null=True, help_text="Of a pending job: when the window opens that it waits for.")
    startedDateTime = serializers.DateTimeField(allow_null=True)
    completedDateTime = serializers.DateTimeField(allow_null=True, help_text="When it ended, in whatever way.")
    rowsExtracted = serializers.IntegerField(help_text="Rows of the resources in complete files.")
    rowsPurged = serializers.IntegerField(help_text="Of these, the rows that are gone.")
    rowsKept = serializers.IntegerField(help_text="Rows that the criteria chose and that are kept, as a hold covers them or they changed.")


class ResourceInfo(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="As the criteria name it.")
    dataset = serializers.CharField(help_text="Source and dataset.")
    status = serializers.ChoiceField(choices=Purge.Status.choices)
    message = serializers.CharField()
    rowsExtracted = serializers.IntegerField()
    rowsPurged = serializers.IntegerField()
    rowsKept = serializers.IntegerField()
    keptBecause = serializers.DictField(child=serializers.IntegerField(), help_text="How many rows were kept, by reason.")
    childRowsExtracted = serializers.IntegerField(help_text="Rows that refer to them and go along.")
    childRowsPurged = serializers.IntegerField()


class FileInfo(serializers.ModelSerializer[File]):
    dataset = serializers.CharField(source="part.dataset.name")
    createdDateTime = serializers.DateTimeField(source="created_at")
    expirationDateTime = serializers.DateTimeField(source="expires_at")

    class Meta:
        model = File
        fields = ["name", "dataset", "rows", "size", "sha256", "createdDateTime", "expirationDateTime"]
        read_only_fields = fields


class JobDetailInfo(JobInfo):
    resources = ResourceInfo(many=True, help_text="Empty until the job has begun.")
    files = FileInfo(many=True, help_text="The extract: sealed files that exist now. /files has links to download them.")


class LinkedFile(FileInfo):
    link = serializers.URLField(help_text="Downloads the file without other credentials, for a short time.")
    decryptCommand = serializers.CharField(help_text="What opens it; KEY.pem stands for your private key.")

    class Meta:
        model = File
        fields = [*FileInfo.Meta.fields, "link", "decryptCommand"]
        read_only_fields = fields


class JobPage(serializers.Serializer[Any]):
    """OData's collection."""

    value = JobInfo(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`@odata.…` cannot be declared above."""
        return {
            "@odata.count": serializers.IntegerField(
                source="count", required=False, help_text="How many jobs there are; only with $count=true."
            ),
            **super().get_fields(),
            "@odata.nextLink": serializers.URLField(
                source="next", required=False, help_text="Address of the next page; absent on the last one."
            ),
        }
