"""/api/v1/datasets: what the lines of a dataset are."""

from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import describe, read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import NoQuery, OwnView
from exports.services import schemas

operation = describe("Datasets").operation


class SchemaRenderer(JSONRenderer):
    media_type = "application/schema+json"
    format = "schema"


class DatasetSchema(OwnView):
    renderer_classes = [JSONRenderer, SchemaRenderer]

    @operation("get_dataset_schema", {200: OpenApiTypes.OBJECT}, failures=(400, 404, 409))
    def get(self, request: Request, source: str, dataset: str) -> Response:
        """Get the JSON Schema (draft 7) that each line of the dataset's files in JSON Lines is valid by.

        `source` is the source's key, `dataset` its data type. 409: the source cannot be read now.
        """
        read_query(request, NoQuery)
        return Response(schemas.schema_named(access_of(request), source, dataset))
