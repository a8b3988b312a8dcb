"""/api/v1/audit: the organization's audit trail."""

# ruff: noqa: N815 the names are the API's

from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import Csv, OwnView, StrictSerializer, describe, read_query
from accounts.api.permissions import access_of
from accounts.services.audit_reading import Filters, download, listing, view

DEFAULT_SIZE, HIGHEST_SIZE = 100, 1000
operation = describe("Audit").operation


class AuditQuery(StrictSerializer):
    """Which entries."""

    actor = serializers.CharField(required=False, max_length=200, help_text="Name of the user.")
    action = serializers.CharField(required=False, max_length=60, help_text="What actions begin with: `job`, `job.delete`.")
    target = serializers.CharField(
        required=False, max_length=250, help_text="A kind (`job`), a kind and an id (`job:12`), or part of what the target is called."
    )
    to = serializers.DateTimeField(
        required=False,
        input_formats=["iso-8601", "%Y-%m-%d"],
        help_text="Only entries before this moment. ISO 8601, UTC unless it says otherwise.",
    )
    correlationId = serializers.CharField(required=False, max_length=200, help_text="Only what this request caused.")
    address = serializers.CharField(required=False, max_length=64, help_text="IP address that the request came from.")
    size = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=HIGHEST_SIZE,
        help_text=f"Entries at most: {DEFAULT_SIZE} unless given; all of them in a CSV.",
    )
    olderThan = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="Only entries with a lower number: the `next` of the page before."
    )
    format = serializers.ChoiceField(required=False, choices=["json", "csv"], help_text="Instead of the Accept header.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is a word of Python's, so it cannot be declared above."""
        since = serializers.DateTimeField(
            required=False,
            input_formats=["iso-8601", "%Y-%m-%d"],
            help_text="Only entries from this moment on. ISO 8601, UTC unless it says otherwise.",
        )
        return {"from": since, **super().get_fields()}


class Entry(serializers.Serializer[Any]):
    """One change or download. `hash` is the SHA-256 of the canonical JSON (RFC 8785) of all other fields."""

    organization = serializers.UUIDField(allow_null=True)
    number = serializers.IntegerField(help_text="1, 2, 3, … without a gap.")
    at = serializers.DateTimeField()
    actorId = serializers.IntegerField(allow_null=True)
    actor = serializers.CharField()
    action = serializers.CharField()
    targetKind = serializers.CharField()
    targetId = serializers.CharField()
    targetLabel = serializers.CharField()
    before = serializers.DictField(allow_null=True, help_text="The fields that changed, as they were; secrets masked.")
    after = serializers.DictField(allow_null=True, help_text="The fields that changed, as they are now; secrets masked.")
    address = serializers.CharField()
    correlationId = serializers.CharField()
    previous = serializers.CharField(help_text="Hash of the entry before this one.")
    hash = serializers.CharField()


class EntryPage(serializers.Serializer[Any]):
    items = Entry(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`olderThan` of the next page; null on the last one.")


class AuditTrail(OwnView):
    renderer_classes = [JSONRenderer, Csv]

    @operation(
        "list_audit_entries",
        {(200, "application/json"): EntryPage, (200, "text/csv"): OpenApiTypes.STR},
        query=AuditQuery,
        failures=(400,),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Get the entries of your organization's audit trail, the newest first; as JSON, page by page, or as CSV."""
        query = read_query(request, AuditQuery)
        filters, older = _filters(query), query.get("olderThan")
        if isinstance(request.accepted_renderer, Csv):
            return csv_answer(download(access_of(request), filters, older_than=older, size=query.get("size")))
        size = query.get("size", DEFAULT_SIZE)
        found = list(listing(access_of(request), filters, older_than=older)[: size + 1])
        following = found[size - 1].number if len(found) > size else None
        return Response({"items": [view(entry) for entry in found[:size]], "next": following})


def csv_answer(lines: Any) -> StreamingHttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _filters(query: dict[str, Any]) -> Filters:
    names = {"actor": "actor", "action": "action", "target": "target", "address": "address"}
    names |= {"correlation_id": "correlationId", "since": "from", "until": "to"}
    return Filters(**{field: query[name] for field, name in names.items() if name in query})
