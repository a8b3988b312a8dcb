"""/api/v1/dispositions: what went, provably. docs/dispositions.md"""

# ruff: noqa: N815 the fields are named as JSON has them

from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import Csv, StrictSerializer, describe, read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import NoQuery, OwnView, PageQuery
from exports.api.udm.dialect import read_id
from retention.api.own.paging import page
from retention.models import Disposition
from retention.services import certificates, dispositions

operation = describe("Dispositions").operation


class Html(BaseRenderer):
    """Stands for a page in the negotiation; its view gives it itself."""

    media_type = "text/html"
    format = "html"


class RuleSaid(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    version = serializers.IntegerField()
    terms = serializers.DictField(help_text="What this version said.")


class JobSaid(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    criteria = serializers.DictField(child=serializers.CharField())


class Kept(serializers.Serializer[Any]):
    reason = serializers.CharField()
    rows = serializers.IntegerField()


class Along(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    rows = serializers.IntegerField()


class FileSaid(serializers.Serializer[Any]):
    name = serializers.CharField()
    dataset = serializers.CharField()
    rows = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class DispositionInfo(serializers.Serializer[Any]):
    """The record of one purge. `hash` is the SHA-256 of the canonical JSON (RFC 8785) of all other fields."""

    organization = serializers.UUIDField()
    number = serializers.IntegerField(help_text="1, 2, 3, … without a gap.")
    at = serializers.DateTimeField()
    purge = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]  # the API's name for the field, which DRF uses too
    dataset = serializers.CharField()
    schema = serializers.CharField()
    table = serializers.CharField()
    rule = RuleSaid(allow_null=True)
    job = JobSaid(allow_null=True)
    author = serializers.CharField(help_text="With whose permissions it acted.")
    approvedBy = serializers.CharField(allow_null=True)
    approvedAt = serializers.DateTimeField(allow_null=True)
    askedBecause = serializers.CharField(help_text="Why an approval was asked for; empty if none was.")
    slot = serializers.DateTimeField(help_text="Ages are counted from here.")
    outcome = serializers.CharField(help_text="completed, or what ended it before: cancelled, failed.")
    outcomeBecause = serializers.CharField()
    archived = serializers.BooleanField()
    rowsSelected = serializers.IntegerField()
    rowsPurged = serializers.IntegerField()
    kept = Kept(many=True)
    children = Along(many=True, help_text="Rows that went along.")
    keySetSha256 = serializers.CharField()
    run = serializers.IntegerField(allow_null=True, help_text="The extract.")
    manifestSha256 = serializers.CharField()
    files = FileSaid(many=True)
    beganAt = serializers.DateTimeField(allow_null=True)
    endedAt = serializers.DateTimeField()
    batches = serializers.IntegerField()
    longestLockMs = serializers.IntegerField()
    previous = serializers.CharField(help_text="Hash of the disposition before this one.")
    hash = serializers.CharField()


class DispositionPage(serializers.Serializer[Any]):
    items = DispositionInfo(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`olderThan` of the next page; null on the last one.")


class Recipe(serializers.Serializer[Any]):
    steps = serializers.ListField(child=serializers.CharField())
    commands = serializers.ListField(child=serializers.CharField())


class Certificate(serializers.Serializer[Any]):
    kind = serializers.CharField()
    version = serializers.IntegerField()
    entry = DispositionInfo()
    canonical = serializers.CharField(help_text="The text of which the hash is.")
    howToVerify = Recipe()


class DispositionsQuery(PageQuery):
    format = serializers.ChoiceField(
        required=False, choices=["json", "csv"], help_text="Instead of the Accept header. A CSV has all of them."
    )


class CertificateQuery(StrictSerializer):
    format = serializers.ChoiceField(required=False, choices=["json", "html"], help_text="Instead of the Accept header.")


def _disposition(request: Request, number: str) -> Disposition:
    return dispositions.find(access_of(request), read_id(number, "disposition"))


class Dispositions(OwnView):
    renderer_classes = [JSONRenderer, Csv]

    @operation(
        "list_dispositions",
        {(200, "application/json"): DispositionPage, (200, "text/csv"): OpenApiTypes.STR},
        query=DispositionsQuery,
        failures=(400,),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Get the organization's dispositions, the newest first; as JSON, page by page, or all as CSV."""
        query, access = read_query(request, DispositionsQuery), access_of(request)
        if isinstance(request.accepted_renderer, Csv):
            headers = {"Content-Disposition": 'attachment; filename="dispositions.csv"'}
            return StreamingHttpResponse(dispositions.download(access), content_type="text/csv; charset=utf-8", headers=headers)
        found, following = page(dispositions.listing(access), query, "number")
        return Response({"items": [dispositions.view(entry) for entry in found], "next": following})


class DispositionDetail(OwnView):
    @operation("get_disposition", {200: DispositionInfo}, failures=(400, 404))
    def get(self, request: Request, number: str) -> Response:
        """Get a disposition by its number."""
        read_query(request, NoQuery)
        return Response(dispositions.view(_disposition(request, number)))


class DispositionCertificate(OwnView):
    renderer_classes = [JSONRenderer, Html]

    @operation(
        "get_disposition_certificate",
        {(200, "application/json"): Certificate, (200, "text/html"): OpenApiTypes.STR},
        query=CertificateQuery,
        failures=(400, 404),
    )
    def get(self, request: Request, number: str) -> HttpResponseBase:
        """Get a disposition's certificate, which can be verified offline: as JSON, or as a page to keep and to print."""
        read_query(request, CertificateQuery)
        entry = _disposition(request, number)
        if isinstance(request.accepted_renderer, Html):
            text = certificates.as_html(entry)
            return HttpResponse(text, content_type="text/html; charset=utf-8", headers=_attached(entry, "html"))
        return Response(certificates.as_json(entry), headers=_attached(entry, "json"))


def _attached(entry: Disposition, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{certificates.file_name(entry, ending)}"'}
