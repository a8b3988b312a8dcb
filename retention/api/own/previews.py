"""/api/v1/retention/previews: what a rule or criteria would do now. Nothing goes."""

# ruff: noqa: N815 the fields are named as JSON has them

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import StrictSerializer, Text, describe, read_query
from accounts.api.permissions import access_of
from accounts.services.access import Access
from exports.api.own.dialect import NoQuery, OwnView, PageQuery, read_body
from exports.api.udm.dialect import read_id
from exports.services.errors import Invalid
from retention.api.own.paging import page
from retention.models import Preview, Rule
from retention.models.rule import ANY, HIGHEST_AGE
from retention.services import previews
from retention.services.datasets import dataset_named
from retention.services.hold_terms import LONGEST_CRITERIA

operation = describe("Previews").operation
_NAMES = {"data_type": "dataType", "fragment_type": "fragmentType", "maximum_age": "maximumAge"}
"""What a rule's fields are called here."""


class Terms(StrictSerializer):
    """What a retention rule says; `*` matches all."""

    dataType = Text(required=False, default=ANY, max_length=100, source="data_type")
    fragmentType = Text(required=False, default=ANY, max_length=200, source="fragment_type")
    type = Text(required=False, default=ANY, max_length=200)
    source = Text(required=False, default=ANY, max_length=200)  # type: ignore[assignment]  # the API's name for the field, which DRF uses too
    maximumAge = serializers.IntegerField(min_value=1, max_value=HIGHEST_AGE, source="maximum_age", help_text="Days.")


class PreviewRequest(StrictSerializer):
    """Of a rule, or of terms that a rule could have, or of a dataset with criteria."""

    rule = serializers.IntegerField(required=False, min_value=1, max_value=2**62, help_text="The rule's id.")
    terms = Terms(required=False)
    source = Text(required=False, max_length=80, help_text="The source's key.")  # type: ignore[assignment]  # the API's name for the field, which DRF uses too
    dataset = Text(required=False, max_length=100)
    criteria = Text(required=False, allow_blank=True, max_length=LONGEST_CRITERIA, help_text="An OData filter over the dataset.")
    exact = serializers.BooleanField(required=False, default=False, help_text="true: rows are counted, not estimated.")
    exactChildren = serializers.BooleanField(required=False, default=False, help_text="true: so are rows that go along.")


class Samples(serializers.Serializer[Any]):
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField(allow_null=True)))


class KeptRows(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="hold, open, or referred.")
    text = serializers.CharField()
    rows = serializers.IntegerField()
    estimated = serializers.BooleanField()


class BlockedRows(serializers.Serializer[Any]):
    text = serializers.CharField()
    rows = serializers.IntegerField()
    estimated = serializers.BooleanField()


class ChildRows(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    above = serializers.CharField(help_text="The dataset that they belong to.")
    columns = serializers.ListField(child=serializers.CharField(), help_text="Those that refer to it.")
    action = serializers.CharField(help_text="cascade: they go along. (What skips or blocks is in `kept` and `blocked`.)")
    rows = serializers.IntegerField()
    estimated = serializers.BooleanField()


class DatasetFigures(serializers.Serializer[Any]):
    """Of a dataset with a `problem` there is nothing else."""

    source = serializers.CharField()  # type: ignore[assignment]  # the API's name for the field, which DRF uses too
    dataset = serializers.CharField()
    problem = serializers.CharField(required=False, help_text="Why no row of it can be chosen, or looked at.")
    rows = serializers.IntegerField(required=False, help_text="That would go.")
    estimated = serializers.BooleanField(required=False, help_text="Whether `rows` is what the database's planner expects.")
    oldest = serializers.CharField(required=False, allow_null=True, help_text="Of those that would go; null if they were not counted.")
    newest = serializers.CharField(required=False, allow_null=True)
    bytes = serializers.IntegerField(required=False, allow_null=True, help_text="Estimated from the first rows.")
    datasetRows = serializers.IntegerField(required=False, help_text="All rows of the dataset.")
    datasetRowsEstimated = serializers.BooleanField(required=False)
    kept = KeptRows(
        many=True, required=False, help_text="Rows that would go but for a reason; each counts once, for the first that applies."
    )
    blocked = BlockedRows(many=True, required=False, help_text="While any of these has rows, nothing of the dataset goes.")
    children = ChildRows(many=True, required=False)
    samples = Samples(
        required=False, allow_null=True, help_text="The first rows, shortened. Only in the answer to POST, for who may export the source."
    )


class PreviewInfo(serializers.ModelSerializer[Preview]):
    rule = serializers.IntegerField(source="rule_id", allow_null=True)
    terms = serializers.SerializerMethodField(help_text="What was previewed.")
    exact = serializers.BooleanField(help_text="Whether all rows were counted.")
    user = serializers.CharField(source="user.username")
    createdAt = serializers.DateTimeField(source="created_at")
    datasets = DatasetFigures(many=True, source="figures.datasets")

    class Meta:
        model = Preview
        fields = ["id", "rule", "terms", "exact", "user", "createdAt", "datasets"]
        read_only_fields = fields

    def get_terms(self, preview: Preview) -> dict[str, Any]:
        return {_NAMES.get(name, name): value for name, value in preview.terms.items()}


class PreviewPage(serializers.Serializer[Any]):
    items = PreviewInfo(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`olderThan` of the next page; null on the last one.")


class Previews(OwnView):
    @operation("list_previews", {200: PreviewPage}, query=PageQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get the previews that were made, the newest first."""
        rows, following = page(previews.listing(access_of(request)), read_query(request, PageQuery))
        return Response({"items": PreviewInfo(rows, many=True).data, "next": following})

    @operation("create_preview", {201: PreviewInfo}, body=PreviewRequest, leads_to={"get_preview": "preview_id"}, failures=(400, 404, 409))
    def post(self, request: Request) -> Response:
        """See what a rule, terms or criteria would do now: an estimate, or counted."""
        return Response(PreviewInfo(_made(access_of(request), read_body(request, PreviewRequest))).data, status=201)


class PreviewDetail(OwnView):
    @operation("get_preview", {200: PreviewInfo}, failures=(400, 404))
    def get(self, request: Request, preview_id: str) -> Response:
        """Get a preview, as it was then. Samples are not kept."""
        read_query(request, NoQuery)
        return Response(PreviewInfo(previews.find(access_of(request), read_id(preview_id, "preview"))).data)


def _made(access: Access, sent: Mapping[str, Any]) -> Preview:
    counted = {"exact": sent["exact"], "children": sent["exactChildren"]}
    if len({"rule", "terms", "dataset"} & sent.keys()) != 1:
        raise Invalid({"rule": "Exactly one of rule, terms, and dataset (with source) says what is to be previewed."})
    if "dataset" not in sent:
        if stray := next((name for name in ("source", "criteria") if name in sent), None):
            raise Invalid({stray: f"{stray} belongs to a dataset; there is none in the body."})
        rule = previews.rule_of(access, sent["rule"]) if "rule" in sent else Rule(organization=access.organization, **sent["terms"])
        return previews.preview(access, rule=rule, **counted)
    if "source" not in sent:
        raise Invalid({"source": "source must be the key of the source that the dataset is of."})
    return previews.preview_criteria(access, dataset_named(access, sent["source"], sent["dataset"]), sent.get("criteria", ""), **counted)
