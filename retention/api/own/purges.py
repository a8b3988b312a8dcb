"""/api/v1/retention/purges: what goes, or waits for somebody's approval."""

# ruff: noqa: N815 the fields are named as JSON has them

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import StrictSerializer, Text, describe, read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import NoBody, NoQuery, OwnView, PageQuery, read_body
from exports.api.udm.dialect import read_id
from retention.api.own.paging import page
from retention.models import Purge
from retention.services import purges
from retention.tasks import wake

operation = describe("Purges").operation


class PurgeInfo(serializers.ModelSerializer[Purge]):
    source = serializers.CharField(source="dataset.source.key", help_text="The source's key.")  # type: ignore[assignment]  # the API's name for the field, which DRF uses too
    dataset = serializers.CharField(source="dataset.name")
    rule = serializers.IntegerField(source="rule_id", allow_null=True)
    ruleVersion = serializers.IntegerField(source="rule_version", allow_null=True)
    job = serializers.UUIDField(source="job_id", allow_null=True, help_text="The retention job.")
    extractOnly = serializers.BooleanField(source="extract_only", help_text="Nothing is deleted.")
    rowsSelected = serializers.IntegerField(source="selected", allow_null=True, help_text="Whose keys were frozen.")
    rowsPurged = serializers.IntegerField(source="purged", help_text="That are gone by now.")
    datasetRows = serializers.IntegerField(source="dataset_rows", allow_null=True, help_text="All rows that the dataset had.")
    kept = serializers.DictField(child=serializers.IntegerField(), help_text="Rows that were not selected, by reason.")
    keySet = serializers.CharField(source="key_set_sha256", help_text="SHA-256 of the frozen keys: what an approval is for.")
    askedBecause = serializers.CharField(source="asks_because", help_text="Why it asked for approval; empty if it did not.")
    approvedBy = serializers.CharField(source="approved_by.username", allow_null=True, default=None)
    approvedAt = serializers.DateTimeField(source="approved_at", allow_null=True)
    run = serializers.IntegerField(source="run_id", allow_null=True, help_text="The extract.")
    disposition = serializers.IntegerField(source="disposition.number", allow_null=True, default=None, help_text="Its number.")
    createdAt = serializers.DateTimeField(source="created_at")
    startedAt = serializers.DateTimeField(source="started_at", allow_null=True)
    finishedAt = serializers.DateTimeField(source="finished_at", allow_null=True)

    class Meta:
        model = Purge
        fields = [
            *("id", "source", "dataset", "rule", "ruleVersion", "job", "slot", "status", "message", "extractOnly", "archive"),
            *("rowsSelected", "rowsPurged", "datasetRows", "kept", "keySet", "askedBecause", "approvedBy", "approvedAt", "run"),
            *("disposition", "createdAt", "startedAt", "finishedAt"),
        ]
        read_only_fields = fields


class PurgePage(serializers.Serializer[Any]):
    items = PurgeInfo(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`olderThan` of the next page; null on the last one.")


class PurgesQuery(PageQuery):
    status = serializers.ChoiceField(required=False, choices=Purge.Status.choices)
    rule = serializers.IntegerField(required=False, min_value=1, max_value=2**62, help_text="Only those of this rule.")


class Approval(StrictSerializer):
    keySet = Text(max_length=64, help_text="`keySet` as you saw it: what you approve is that exactly these rows go.")


def _answer(request: Request, purge: Purge) -> Response:
    return Response(PurgeInfo(purges.find(access_of(request), purge.pk)).data)


def _purge(request: Request, purge_id: str) -> Purge:
    return purges.find(access_of(request), read_id(purge_id, "purge"))


class Purges(OwnView):
    @operation("list_purges", {200: PurgePage}, query=PurgesQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get purges, the newest first. Those of the status awaiting_approval wait for somebody."""
        query = read_query(request, PurgesQuery)
        statuses = [query["status"]] if "status" in query else []
        rows, following = page(purges.listing(access_of(request), statuses=statuses, rule=query.get("rule")), query)
        return Response({"items": PurgeInfo(rows, many=True).data, "next": following})


class PurgeDetail(OwnView):
    @operation("get_purge", {200: PurgeInfo}, failures=(400, 404))
    def get(self, request: Request, purge_id: str) -> Response:
        """Get a purge."""
        read_query(request, NoQuery)
        return _answer(request, _purge(request, purge_id))


class PurgeApproval(OwnView):
    @operation("approve_purge", {200: PurgeInfo}, body=Approval, failures=(400, 404, 409))
    def post(self, request: Request, purge_id: str) -> Response:
        """Approve that the frozen rows go. 409: you ordered it yourself, or it is not what you saw."""
        key_set, purge = read_body(request, Approval)["keySet"], _purge(request, purge_id)
        purges.approve(access_of(request), purge, key_set)
        wake()
        return _answer(request, purge)


class PurgeCancellation(OwnView):
    @operation("cancel_purge", {200: PurgeInfo}, body=NoBody, failures=(400, 404, 409))
    def post(self, request: Request, purge_id: str) -> Response:
        """Stop a purge: at once, or after the batch that is at work. What is gone stays gone, and is recorded."""
        read_body(request, NoBody)
        purge = _purge(request, purge_id)
        purges.cancel(access_of(request), purge)
        wake()
        return _answer(request, purge)
