"""/export/jobs"""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import read_query
from accounts.api.parsers import BoundedJSONParser
from accounts.api.permissions import access_of
from exports.api.udm.dialect import UdmView, page, paged, read_id, read_ids
from exports.api.udm.v10.schema import operation
from exports.api.udm.v10.serializers import IdsQuery, JobInfo, JobListQuery, JobPage, JobRequest, NoQuery, job_infos
from exports.models import Job
from exports.services import jobs
from exports.services.definitions import JobDefinition
from exports.tasks import wake


def _job(request: Request, job_id: str) -> Job:
    read_query(request, NoQuery)
    return jobs.find(access_of(request), read_id(job_id, "job"))


def _definition(request: Request) -> JobDefinition:
    sent = JobRequest(data=request.data)
    sent.is_valid(raise_exception=True)
    return sent.definition()


def _info(job: Job, status: int = 200) -> Response:
    return Response(job_infos([job])[0], status=status)


class Jobs(UdmView):
    parser_classes = [BoundedJSONParser]

    @operation("list_jobs", {200: JobPage, 204: None}, query=JobListQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of jobs."""
        query = read_query(request, JobListQuery)
        found = jobs.listing(
            access_of(request),
            title=query.get("title", ""),
            type=query.get("type", ""),
            source=query.get("source", ""),
            schedule_type=query.get("scheduleType", ""),
            suspended=query.get("suspend"),
        )
        count, rows = page(found, query, JobListQuery.ORDERS)
        return paged(count, job_infos(rows), query)

    @operation("create_job", {202: JobInfo}, body=JobRequest, failures=(400,))
    def post(self, request: Request) -> Response:
        """Create a job."""
        read_query(request, NoQuery)
        job = jobs.create_job(access_of(request), _definition(request))
        wake()
        return _info(job, status=202)

    @operation("delete_jobs", {204: None}, query=IdsQuery, failures=(400, 404))
    def delete(self, request: Request) -> Response:
        """Delete a bunch of jobs: all of them, or none if one is unknown or in progress."""
        ids = read_ids(read_query(request, IdsQuery)["jobIDs"], "jobIDs", "job")
        jobs.delete_jobs(access_of(request), ids)
        return Response(status=204)


class JobDetail(UdmView):
    parser_classes = [BoundedJSONParser]

    @operation("get_job", {200: JobInfo}, failures=(400, 404))
    def get(self, request: Request, job_id: str) -> Response:
        """Get job info."""
        return _info(_job(request, job_id))

    @operation("update_job", {200: JobInfo}, body=JobRequest, failures=(400, 404))
    def put(self, request: Request, job_id: str) -> Response:
        """Update a job that has not started."""
        job = jobs.update_job(access_of(request), _job(request, job_id), _definition(request))
        wake()
        return _info(job)

    @operation("delete_job", {204: None}, failures=(400, 404))
    def delete(self, request: Request, job_id: str) -> Response:
        """Delete a job that is not in progress. Its history stays."""
        jobs.delete_job(access_of(request), _job(request, job_id))
        return Response(status=204)


class JobCancel(UdmView):
    @operation("cancel_job", {200: JobInfo}, failures=(400, 404))
    def post(self, request: Request, job_id: str) -> Response:
        """Cancel the run that goes on or waits; if there is none, the schedule."""
        return _info(jobs.cancel_job(access_of(request), _job(request, job_id)))


class JobSuspend(UdmView):
    @operation("suspend_job", {200: JobInfo}, failures=(400, 404))
    def post(self, request: Request, job_id: str) -> Response:
        """Suspend an unfinished job: it starts nothing more until it is resumed."""
        return _info(jobs.suspend_job(access_of(request), _job(request, job_id)))


class JobResume(UdmView):
    @operation("resume_job", {200: JobInfo}, failures=(400, 404))
    def post(self, request: Request, job_id: str) -> Response:
        """Resume a suspended job."""
        job = jobs.resume_job(access_of(request), _job(request, job_id))
        wake()
        return _info(job)
