"""What the views of this face share: whose organization the address names, media types, how operations are described."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.dialect import Failure
from accounts.api.parsers import BoundedJSONParser
from accounts.api.permissions import access_of
from accounts.api.schema import Operations, Shape
from exports.api.own.dialect import OwnView
from retention.api.medchat.media import MEDCHAT, OFFERED, Negotiation, Renderer

HIGHEST_BODY = 131_072
"""Bytes: the longest filters (retention/services/job_criteria.py) fit, whatever of them is escaped."""

operation = Operations(
    prefix="medchat",
    tag="Retention jobs",
    failure=Failure,
    reasons={
        400: "Bad request: `errors` names each wrong field.",
        404: "There is no such thing, or the organization is not the one that the token speaks for.",
        406: "The Accept header asks for something else than this answers with; `message` says what there is.",
    },
).operation


def _path(name: str, about: str, schema: Mapping[str, Any]) -> OpenApiParameter:
    return OpenApiParameter(name, dict(schema), OpenApiParameter.PATH, required=True, description=about)


_UUID = {"type": "string", "format": "uuid"}
ORGANIZATION = _path("uuid", "The unique id of the org.", _UUID)
JOB = _path("job_uuid", "Id of a retention job.", _UUID)
FILE_NAME = _path("filename", "Name of one of the job's files.", {"type": "string", "pattern": "^[^/]+$"})


def answers(shape: Shape) -> dict[Any, Shape]:
    """200 with `shape`, in each media type."""
    return {(200, media_type): shape for media_type in OFFERED}


class JobParser(BoundedJSONParser):
    most = HIGHEST_BODY


class MedChatParser(JobParser):
    media_type = MEDCHAT


class TextParser(JobParser):
    media_type = "text/json"


class OrgView(OwnView):
    """A view below /orgs/{uuid}. Another organization's id is a 404, whatever the roles."""

    authentication_classes = [*APIView.authentication_classes]
    content_negotiation_class = Negotiation
    renderer_classes = [Renderer]
    parser_classes = [JobParser, MedChatParser, TextParser]

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {**super().default_response_headers, "Vary": "Accept"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if kwargs["uuid"].lower() != str(access_of(request).organization.pk):
            raise NotFound("There is no such organization, or your token does not speak for it.")
