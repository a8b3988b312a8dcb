"""/orgs/{uuid}/retention/jobs"""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import NoBody, NoQuery, read_body
from exports.services.files import give_links
from retention.api.medchat.dialect import FILE_NAME, JOB, ORGANIZATION, OrgView, answers, operation
from retention.api.medchat.shapes import JobDetailInfo, JobPage, JobRequest, LinkedFile, PageQuery
from retention.api.medchat.showing import job_detail, job_infos, linked
from retention.models import RetentionJob
from retention.services import retention_jobs
from retention.tasks import wake

_CREATED = OpenApiParameter(
    "Location", {"type": "string", "format": "uri"}, OpenApiParameter.HEADER, response=[204], required=True, description="The new job."
)
_LINK = OpenApiParameter(
    "Location", {"type": "string", "format": "uri"}, OpenApiParameter.HEADER, response=[303], required=True, description="The link."
)
_EXAMPLES = (
    OpenApiExample(
        "Chats of before 2024 that were resolved",
        value={"jobType": "ExtractPurge", "criteria": {"Interaction": "startDate lt 2024-01-01T00:00:00Z and mediaTypeId eq 'chat'"}},
        request_only=True,
    ),
)


def _job(request: Request, job_uuid: str) -> RetentionJob:
    read_query(request, NoQuery)
    return retention_jobs.find(access_of(request), job_uuid)


class Jobs(OrgView):
    @operation("list_retention_jobs", answers(JobPage()), query=PageQuery, parameters=(ORGANIZATION,), failures=(400, 404))
    def get(self, request: Request, uuid: str) -> Response:
        """Get the organization's retention jobs, the newest first."""
        query = read_query(request, PageQuery)
        top, skip = query["$top"], query["$skip"]
        jobs = retention_jobs.listing(access_of(request)).select_related("organization", "owner")
        found = list(jobs[skip : skip + top + 1])
        page: dict[str, Any] = {"count": jobs.count()} if query["$count"] == "true" else {}
        page["value"] = job_infos(found[:top])
        if len(found) > top:
            page["next"] = request.build_absolute_uri(f"?{urlencode({**query, '$skip': skip + top}, safe='$')}")
        return Response(JobPage(page).data)

    @operation(
        "create_retention_job",
        {204: None},
        body=JobRequest,
        parameters=(ORGANIZATION, _CREATED),
        examples=_EXAMPLES,
        failures=(400, 404, 409),
    )
    def post(self, request: Request, uuid: str) -> Response:
        """Create a retention job. It is pending until the organization's window opens."""
        sent = read_body(request, JobRequest)
        job = retention_jobs.create(access_of(request), sent["jobType"], sent["criteria"])
        wake()
        return Response(status=204, headers={"Location": request.build_absolute_uri(f"{request.path}/{job.pk}")})


class JobDetail(OrgView):
    @operation("get_retention_job", answers(JobDetailInfo()), parameters=(ORGANIZATION, JOB), failures=(400, 404))
    def get(self, request: Request, uuid: str, job_uuid: str) -> Response:
        """Get a retention job: how far it is, what it has extracted, purged and kept, and its files."""
        return Response(JobDetailInfo(job_detail(_job(request, job_uuid))).data)


class JobCancel(OrgView):
    @operation("cancel_retention_job", answers(JobDetailInfo()), body=NoBody, parameters=(ORGANIZATION, JOB), failures=(400, 404, 409))
    def post(self, request: Request, uuid: str, job_uuid: str) -> Response:
        """Cancel a retention job that has not ended. Rows that are gone by then stay gone, and are in its files."""
        read_body(request, NoBody)
        access = access_of(request)
        return Response(JobDetailInfo(job_detail(retention_jobs.cancel(access, retention_jobs.find(access, job_uuid)))).data)


class Files(OrgView):
    @operation("list_retention_job_files", answers(LinkedFile(many=True)), parameters=(ORGANIZATION, JOB), failures=(400, 404))
    def get(self, request: Request, uuid: str, job_uuid: str) -> Response:
        """Get the files of the extract, each with a fresh link to download it."""
        access = access_of(request)
        found = list(retention_jobs.files(access, _job(request, job_uuid)))
        links = give_links(access, found, request.build_absolute_uri("/"))
        return Response(LinkedFile(linked(found, links), many=True).data)


class FileDetail(OrgView):
    @operation("download_retention_job_file", {303: None}, parameters=(ORGANIZATION, JOB, FILE_NAME, _LINK), failures=(400, 404))
    def get(self, request: Request, uuid: str, job_uuid: str, filename: str) -> Response:
        """Download a file of the extract: answers 303 with the link."""
        access = access_of(request)
        file = retention_jobs.file(access, _job(request, job_uuid), filename)
        [link] = give_links(access, [file], request.build_absolute_uri("/"))
        return Response(status=303, headers={"Location": link})
