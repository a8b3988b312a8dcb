"""/download/{token}: what links to files lead to, unless S3 keeps them. The link is the credential; there is no other.

One range of bytes is honoured (RFC 9110, section 14), so that an interrupted download can go on.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.core.files.base import File as StoredFile
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from exports.models import File
from exports.services.files import LinkRefused, follow, media_type, note_download, presigned

logger = logging.getLogger(__name__)

_CHUNK = 256 * 1024
_REDIRECT_SECONDS = 60
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class Unsatisfiable(Exception):
    """The range begins after the last byte."""


@dataclass(frozen=True)
class Span:
    """Bytes `first` … `last`, both included; `whole` if nobody asked for less."""

    first: int
    last: int
    whole: bool = False

    @property
    def length(self) -> int:
        return self.last - self.first + 1


@require_safe
def download(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file, or 403 if the link is forged, has expired, or its file is gone."""
    try:
        file, user = follow(token)
        span = requested(request, file)
    except LinkRefused as refused:
        return HttpResponse(str(refused), status=403, content_type="text/plain")
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    answer = HttpResponseRedirect(presigned(file, _REDIRECT_SECONDS)) if settings.S3_BUCKET else _send(request, file, span)
    if request.method == "GET" and answer.status_code < 400:
        note_download(file, user, span.first, span.last)
    return answer


def requested(request: HttpRequest, file: File) -> Span:
    """What the Range header asks for. Several ranges, and what is no range, count as none; so does a range of another version."""
    everything = Span(0, file.size - 1, whole=True)
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if not match or match.group() == "bytes=-" or request.headers.get("If-Range", etag(file)) != etag(file):
        return everything
    first, last = match.groups()
    if first and last and int(first) > int(last):
        return everything
    span = Span(int(first), min(int(last or file.size), file.size - 1)) if first else Span(max(0, file.size - int(last)), file.size - 1)
    if span.length < 1:
        raise Unsatisfiable
    return span


def etag(file: File) -> str:
    return f'"{file.sha256}"'


def _send(request: HttpRequest, file: File, span: Span) -> HttpResponseBase:
    try:
        stored = default_storage.open(file.storage_key, "rb")
    except FileNotFoundError:
        logger.error("The stored object %s of a listed file is missing", file.storage_key)  # noqa: TRY400 the traceback says no more
        return HttpResponse("The file's bytes are missing from the storage. Tell the administrator.", status=500, content_type="text/plain")
    response: HttpResponseBase = StreamingHttpResponse(_chunks(stored, span)) if request.method == "GET" else HttpResponse()
    response.status_code = 200 if span.whole else 206
    if request.method != "GET":
        stored.close()
    if not span.whole:
        response["Content-Range"] = f"bytes {span.first}-{span.last}/{file.size}"
    response["Content-Length"] = str(span.length)
    response["Content-Type"] = media_type(file)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file.name)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag(file)
    response["Cache-Control"] = "private, no-store"
    return response


def _chunks(stored: StoredFile, span: Span) -> Iterator[bytes]:  # type: ignore[type-arg]  # no generic at run time
    with stored:
        stored.seek(span.first)
        left = span.length
        while left and (chunk := stored.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
