"""/api/v1/retention/restores: rows of a disposition come back."""

# ruff: noqa: N815 the fields are named as JSON has them

from collections.abc import Mapping
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import StrictSerializer, describe, read_query
from accounts.api.parsers import BoundedJSONParser
from accounts.api.permissions import access_of
from exports.api.own.dialect import NoQuery, OwnView, PageQuery, read_body
from exports.api.udm.dialect import read_id
from exports.models import File
from retention.api.own.paging import page
from retention.models import Restore
from retention.services import restores
from retention.tasks import wake

operation = describe("Restores").operation
_FIELDS = 1024 * 1024
"""Bytes of a form beside its files."""
_HIGHEST = 2**62


class RestoreRequest(StrictSerializer):
    disposition = serializers.IntegerField(min_value=1, max_value=_HIGHEST, help_text="The number of the disposition whose rows come back.")


class RestoreUpload(RestoreRequest):
    parts = serializers.ListField(
        child=serializers.FileField(max_length=255),
        required=False,
        help_text="Zips that `openssl cms -decrypt` gave of the disposition's files, unchanged; none if the organization keeps a private key.",
    )


class PreviewQuery(StrictSerializer):
    disposition = serializers.IntegerField(min_value=1, max_value=_HIGHEST, help_text="The number of the disposition.")


class RestoredRows(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    rows = serializers.IntegerField(help_text="That came back.")


class ConflictExample(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The row's key columns, as a JSON object.")
    columns = serializers.ListField(child=serializers.CharField(), help_text="Those that differ, where there is a row of that key.")


class RestoreConflict(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    reason = serializers.ChoiceField(
        choices=["same", "different", "taken", "altered", "parent missing"],
        help_text="same, different: there is a row of that key, which stays as it is. taken: another row has a value that must be unique. "
        "altered: it came back, but the database changed columns. parent missing: the row that it refers to is not there.",
    )
    rows = serializers.IntegerField()
    examples = ConflictExample(many=True)


class RestoreEntry(serializers.ModelSerializer[Restore]):
    disposition = serializers.IntegerField(source="disposition.number")
    requestedBy = serializers.CharField(source="user.username")
    createdDate = serializers.DateTimeField(source="created_at")
    startedDate = serializers.DateTimeField(source="started_at", allow_null=True)
    finishedDate = serializers.DateTimeField(source="finished_at", allow_null=True)
    parts = serializers.SerializerMethodField(help_text="The names of the files from which rows come back.")
    missingParts = serializers.SerializerMethodField(help_text="Those of the disposition's other files: their rows stay away.")
    restored = serializers.SerializerMethodField(help_text="So far, or in all once it has ended.")
    conflicts = serializers.SerializerMethodField(help_text="Rows of which something is to be said, with up to ten examples.")
    holds = serializers.SerializerMethodField(help_text="Ids of the holds that keep the rows from the next sweep.")

    class Meta:
        model = Restore
        fields = [
            *("id", "disposition", "status", "requestedBy", "createdDate", "startedDate", "finishedDate"),
            *("parts", "missingParts", "restored", "conflicts", "holds", "message"),
        ]
        read_only_fields = fields

    def get_parts(self, restore: Restore) -> list[str]:
        return list(restore.uploads)

    def get_missingParts(self, restore: Restore) -> list[str]:  # noqa: N802 named for its field
        return restores.missing_parts(restore)

    @extend_schema_field(RestoredRows(many=True))
    def get_restored(self, restore: Restore) -> list[dict[str, Any]]:
        return [{"dataset": name, "rows": rows} for name, rows in restore.restored.items()]

    @extend_schema_field(RestoreConflict(many=True))
    def get_conflicts(self, restore: Restore) -> list[dict[str, Any]]:
        return [{"dataset": name, "reason": why, **said} for name, reasons in restore.conflicts.items() for why, said in reasons.items()]

    def get_holds(self, restore: Restore) -> list[int]:
        return [hold.pk for hold in restore.holds.all()]


class RestorePage(serializers.Serializer[Any]):
    items = RestoreEntry(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="What to send as `olderThan` for the next page; null if there is none.")


class PreviewedDataset(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    rows = serializers.IntegerField(help_text="That the purge deleted.")
    lookedAt = serializers.IntegerField(source="looked_at", help_text="Of so many it was looked whether a row of their key is there.")
    present = serializers.IntegerField(help_text="Of so many one is: they would not come back.")


class PreviewedPart(serializers.ModelSerializer[File]):
    dataset = serializers.CharField(source="part.dataset.name")
    decryptCommand = serializers.CharField(source="decrypt_command", help_text="The zip that it makes is what can be uploaded.")
    zipSha256 = serializers.CharField(source="zip_sha256", help_text="Of that zip.")
    stored = serializers.SerializerMethodField(help_text="Whether the sealed file is still stored.")

    class Meta:
        model = File
        fields = ["name", "dataset", "rows", "decryptCommand", "zipSha256", "stored"]
        read_only_fields = fields

    def get_stored(self, file: File) -> bool:
        return file.name in self.context["stored"]


class RestorePreview(serializers.Serializer[Any]):
    disposition = serializers.IntegerField(source="disposition.number")
    datasets = PreviewedDataset(many=True)
    parts = PreviewedPart(many=True)
    keepsKey = serializers.BooleanField(source="has_key", help_text="Whether the parts can be decrypted here, without uploads.")


class UploadParser(MultiPartParser):
    """A form whose files together are no larger than all files of one disposition."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        assert parser_context is not None
        length = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
        most = restores.largest_upload(access_of(parser_context["request"])) + _FIELDS
        if not length.isdecimal() or int(length) > most:
            raise ParseError(f"The body is too large: all parts of your largest disposition have {most} bytes at most.")
        return super().parse(stream, media_type, dict(parser_context))


class Restores(OwnView):
    parser_classes = [BoundedJSONParser, UploadParser]

    @operation("list_restores", {200: RestorePage}, query=PageQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get the organization's restores, the newest first."""
        query = read_query(request, PageQuery)
        items, following = page(restores.listing(access_of(request)), query)
        shown = [restores.with_figures(restore) for restore in items]
        return Response(RestorePage({"items": shown, "next": following}).data)

    @operation(
        "request_restore",
        {201: RestoreEntry},
        body={"application/json": RestoreRequest, "multipart/form-data": RestoreUpload},
        failures=(400, 404, 409),
        leads_to={"get_restore": "restore_id"},
    )
    def post(self, request: Request) -> Response:
        """Ask that rows come back: from the decrypted parts in the form, or, if the organization keeps a private key, from what is stored.

        Rows that were kept, that are there again or whose part is missing are left alone. A hold keeps the others for 30 days.
        """
        is_form = request.content_type.startswith("multipart/")
        sent, access = read_body(request, RestoreUpload if is_form else RestoreRequest), access_of(request)
        disposition = restores.find_disposition(access, sent["disposition"])
        restore = restores.request_restore(access, disposition, sent.get("parts", []))
        wake()
        return Response(RestoreEntry(restore).data, status=201)


class RestoreDetail(OwnView):
    @operation("get_restore", {200: RestoreEntry}, failures=(400, 404))
    def get(self, request: Request, restore_id: str) -> Response:
        """Get a restore: what has come back, and what has not and why."""
        read_query(request, NoQuery)
        found = restores.find(access_of(request), read_id(restore_id, "restore"))
        return Response(RestoreEntry(restores.with_figures(found)).data)


class Previewed(OwnView):
    @operation("preview_restore", {200: RestorePreview}, query=PreviewQuery, failures=(400, 404, 409))
    def get(self, request: Request) -> Response:
        """Get what a restore of a disposition would bring back, how much of it is there already, and the parts that it takes.

        Of each dataset the first 50,000 rows are looked for. 409: nothing was archived, or the source cannot be read now.
        """
        query = read_query(request, PreviewQuery)
        found = restores.preview(access_of(request), query["disposition"])
        return Response(RestorePreview(found, context={"stored": found.stored}).data)


urlpatterns = [
    path("retention/restores", Restores.as_view()),
    path("retention/restores/preview", Previewed.as_view()),
    path("retention/restores/<str:restore_id>", RestoreDetail.as_view()),
]
