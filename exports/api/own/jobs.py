"""/api/v1/jobs: what no document of another product has a word for. docs/operations.md says what a watermark is."""

# ruff: noqa: N815 the fields are named as JSON has them

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import StrictSerializer, describe, read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import NoQuery, OwnView, read_body
from exports.api.udm.dialect import read_id
from exports.models import Job
from exports.services import jobs
from exports.services.watermark import check_sync, set_watermark

operation = describe("Jobs").operation


class WatermarkInfo(serializers.Serializer[Any]):
    watermark = serializers.DateTimeField(allow_null=True, help_text="What changed before was delivered; null before the first run.")
    safetyLag = serializers.IntegerField(help_text="Seconds that the newest changes wait.", source="lag_seconds")
    overlap = serializers.IntegerField(
        help_text="Seconds before the watermark in which late changes are looked for.", source="overlap_seconds"
    )


class WatermarkRequest(StrictSerializer):
    watermark = serializers.DateTimeField(
        allow_null=True, help_text="The next run reads what changed from this moment on, delivered or not; null: everything."
    )


def _job(request: Request, job_id: str) -> Job:
    return jobs.find(access_of(request), read_id(job_id, "job"))


class Watermark(OwnView):
    @operation("get_watermark", {200: WatermarkInfo}, failures=(400, 404, 409))
    def get(self, request: Request, job_id: str) -> Response:
        """Get the watermark of a job of the type DataSync."""
        read_query(request, NoQuery)
        return Response(WatermarkInfo(check_sync(_job(request, job_id))).data)

    @operation("set_watermark", {200: WatermarkInfo}, body=WatermarkRequest, failures=(400, 404, 409))
    def put(self, request: Request, job_id: str) -> Response:
        """Move the watermark: back to deliver again, forward to leave out. Refused while a run goes on."""
        sent = read_body(request, WatermarkRequest)
        job = set_watermark(access_of(request), _job(request, job_id), sent["watermark"])
        return Response(WatermarkInfo(job).data)
