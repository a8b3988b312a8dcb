"""What a version of the face is: names and shapes. The views of all versions are the same, and services know of none."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from exports.api.udm import queries, shapes

DEPRECATED_SINCE = datetime(2026, 11, 22, tzinfo=UTC)
"""What the older versions say in their Deprecation header: their documents, which give no date, called them so before Strongroom served them."""


@dataclass(frozen=True)
class Version:
    """`prefix` begins the ids of its operations, `tag` groups them in the OpenAPI document."""

    prefix: str
    tag: str
    deprecated: bool = False

    file_query: type[queries.FileQuery] = queries.FileQuery
    history_query: type[queries.HistoryQuery] = queries.HistoryQuery
    job_query: type[queries.JobListQuery] = queries.JobListQuery

    job_create: type[shapes.JobRequest] = shapes.JobRequest
    job_update: type[shapes.JobRequest] = shapes.JobRequest
    job_info: type[shapes.JobInfo] = shapes.JobInfo
    job_page: type[serializers.Serializer[Any]] = shapes.JobPage
    job_shown: type[serializers.Serializer[Any]] | None = None
    """What asking for one job answers, made of the Job; None: JobInfo."""
    moved: type[serializers.Serializer[Any]] | None = None
    """What suspending and resuming answer, made of nothing; None: JobInfo."""

    deletes_each: bool = True
    """A bulk deletion deletes what it can and answers 500 with the rest; otherwise it deletes all or nothing."""

    key_in_query: bool = False
    """`/file-metadatas` takes x-api-key in the query too: so the document of version 10 has it."""

    def bulk(self, left: serializers.Field[Any, Any, Any, Any]) -> dict[int, Any]:
        """Shapes by code of what a bulk deletion answers beside its failures; `left` is an id or a name."""
        return {204: None, **({500: serializers.ListSerializer(child=left)} if self.deletes_each else {})}
