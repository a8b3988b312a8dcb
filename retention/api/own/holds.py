"""/api/v1/holds: what is kept whatever rules say. docs/retention-holds.md"""

# ruff: noqa: N815 the fields are named as JSON has them

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import StrictSerializer, Text, describe, read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import OwnView, PageQuery, read_body
from exports.api.udm.dialect import read_id
from retention.api.own.paging import page
from retention.models import Hold
from retention.services import holds
from retention.services.datasets import dataset_named
from retention.services.hold_terms import LONGEST_CRITERIA, LONGEST_MATTER, LONGEST_REASON

operation = describe("Holds").operation
_PENDING = (
    "It keeps its rows from selections and from all batches that begin from now on. It is not in force yet: a batch that had begun before "
    "is not over. Ask for it again."
)


class HoldInfo(serializers.ModelSerializer[Hold]):
    source = serializers.CharField(source="dataset.source.key", help_text="The source's key.")  # type: ignore[assignment]  # the API's name for the field, which DRF uses too
    dataset = serializers.CharField(source="dataset.name")
    keys = serializers.ListField(child=serializers.ListField(), help_text="Of the rows, if it names them.")
    state = serializers.SerializerMethodField(help_text=f"{', '.join(holds.State)}.")
    note = serializers.SerializerMethodField(help_text="A sentence, if there is anything to be known about the state.")
    startsAt = serializers.DateTimeField(source="starts_at")
    endsAt = serializers.DateTimeField(source="ends_at", allow_null=True)
    placedBy = serializers.CharField(source="placed_by.username")
    placedAt = serializers.DateTimeField(source="placed_at")
    inForceAt = serializers.DateTimeField(
        source="in_force_at", allow_null=True, help_text="Since then nothing that it covers has gone or goes."
    )
    releasedBy = serializers.CharField(source="released_by.username", allow_null=True, default=None)
    releasedAt = serializers.DateTimeField(source="released_at", allow_null=True)
    releaseReason = serializers.CharField(source="release_reason")

    class Meta:
        model = Hold
        fields = [
            *("id", "matter", "reason", "source", "dataset", "criteria", "keys", "origin", "state", "note", "startsAt", "endsAt"),
            *("placedBy", "placedAt", "inForceAt", "releasedBy", "releasedAt", "releaseReason"),
        ]
        read_only_fields = fields

    def get_state(self, hold: Hold) -> str:
        return holds.state_of(hold, timezone.now()).value

    def get_note(self, hold: Hold) -> str:
        return _PENDING if self.get_state(hold) == holds.State.PENDING else ""


class HoldCovered(HoldInfo):
    rowsCovered = serializers.SerializerMethodField(help_text="Counted now, if `rows=true` asks for it; else null.", allow_null=True)

    class Meta:
        model = Hold
        fields = [*HoldInfo.Meta.fields, "rowsCovered"]
        read_only_fields = fields

    def get_rowsCovered(self, hold: Hold) -> int | None:  # noqa: N802 DRF finds the method by the field's name
        return holds.rows_covered(hold) if self.context.get("rows") else None


class HoldPage(serializers.Serializer[Any]):
    items = HoldInfo(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`olderThan` of the next page; null on the last one.")


class HoldsQuery(PageQuery):
    matter = serializers.CharField(required=False, max_length=LONGEST_MATTER, help_text="Only those of this matter, exactly.")
    standing = serializers.BooleanField(required=False, default=False, help_text="true: only those that keep rows now.")


class HoldQuery(StrictSerializer):
    rows = serializers.BooleanField(required=False, default=False, help_text="true: count the rows that it covers.")


class HoldRequest(StrictSerializer):
    source = Text(max_length=80, help_text="The source's key.")  # type: ignore[assignment]  # the API's name for the field, which DRF uses too
    dataset = Text(max_length=100)
    matter = Text(max_length=LONGEST_MATTER, help_text="The case or file that asks for it.")
    reason = Text(max_length=LONGEST_REASON)
    criteria = Text(
        required=False, allow_blank=True, max_length=LONGEST_CRITERIA, help_text="An OData filter; empty covers all rows, unless keys do."
    )
    keys = serializers.ListField(
        child=serializers.ListField(), required=False, help_text="Keys of rows, each a list of the values of the dataset's key columns."
    )
    startsAt = serializers.DateTimeField(required=False, source="starts_at", help_text="Now, unless given.")
    endsAt = serializers.DateTimeField(
        required=False, allow_null=True, source="ends_at", help_text="Without it, it stands until it is released."
    )


class ReleaseRequest(StrictSerializer):
    reason = Text(max_length=LONGEST_REASON, help_text="Why the rows need not be kept any longer.")


def _hold(request: Request, hold_id: str) -> Hold:
    return holds.find(access_of(request), read_id(hold_id, "hold"))


_AFTER = dict.fromkeys(("get_hold", "release_hold"), "hold_id")


class Holds(OwnView):
    @operation("list_holds", {200: HoldPage}, query=HoldsQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get the holds that were ever placed, the newest first."""
        query = read_query(request, HoldsQuery)
        found = holds.listing(access_of(request), matter=query.get("matter", ""), standing=query.get("standing", False))
        rows, following = page(found, query)
        return Response({"items": HoldInfo(rows, many=True).data, "next": following})

    @operation("place_hold", {201: HoldInfo, 202: HoldInfo}, body=HoldRequest, leads_to=_AFTER, failures=(400, 409))
    def post(self, request: Request) -> Response:
        """Place a hold on rows of a dataset.

        201: nothing that it covers goes from now on, or from its start. 202: it stands, but is not in force yet (`note`).
        """
        sent, access = read_body(request, HoldRequest), access_of(request)
        placed = holds.place(access, dataset_named(access, sent.pop("source"), sent.pop("dataset")), **sent)
        pending = holds.state_of(placed, timezone.now()) == holds.State.PENDING
        return Response(HoldInfo(placed).data, status=202 if pending else 201)


class HoldDetail(OwnView):
    @operation("get_hold", {200: HoldCovered}, query=HoldQuery, failures=(400, 404, 409))
    def get(self, request: Request, hold_id: str) -> Response:
        """Get a hold. 409: the rows that it covers cannot be counted."""
        query = read_query(request, HoldQuery)
        return Response(HoldCovered(_hold(request, hold_id), context=query).data)


class HoldRelease(OwnView):
    @operation("release_hold", {200: HoldInfo}, body=ReleaseRequest, failures=(400, 404, 409))
    def post(self, request: Request, hold_id: str) -> Response:
        """Release a hold: what it covers may go from now on, unless another hold covers it."""
        reason = read_body(request, ReleaseRequest)["reason"]
        return Response(HoldInfo(holds.release(access_of(request), _hold(request, hold_id), reason)).data)
