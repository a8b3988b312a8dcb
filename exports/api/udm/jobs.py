"""/export/jobs"""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import IntegerField

from accounts.api.dialect import read_query
from accounts.api.parsers import BoundedJSONParser
from accounts.api.permissions import access_of
from exports.api.udm.dialect import UdmView, page, paged, read_id, read_ids, undone
from exports.api.udm.examples import job_examples
from exports.api.udm.queries import IdsQuery, NoQuery
from exports.api.udm.schema import JOB_ID, operation
from exports.api.udm.shapes import JobRequest, job_infos
from exports.api.udm.version import Version
from exports.models import Job
from exports.services import jobs
from exports.services.definitions import JobDefinition, definition_of
from exports.tasks import wake


def _job(request: Request, job_id: str) -> Job:
    read_query(request, NoQuery)
    return jobs.find(access_of(request), read_id(job_id, "job"))


def _definition(request: Request, shape: type[JobRequest], former: Job | None = None) -> JobDefinition:
    sent = shape(data=request.data)
    sent.is_valid(raise_exception=True)
    return sent.definition(definition_of(former) if former else None)


def _info(version: Version, job: Job, status: int = 200) -> Response:
    return Response(job_infos([job], version.job_info)[0], status=status)


def _moved(version: Version, job: Job) -> Response:
    return Response(version.moved({"status": {}}).data) if version.moved else _info(version, job)


_AFTER = dict.fromkeys(("get_job", "update_job", "suspend_job", "resume_job", "cancel_job", "delete_job"), "job_id")


class Jobs(UdmView):
    parser_classes = [BoundedJSONParser]

    @operation("list_jobs", lambda version: {200: version.job_page, 204: None}, query=lambda version: version.job_query, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of jobs."""
        query = read_query(request, self.version.job_query)
        found = jobs.listing(
            access_of(request),
            title=query.get("title", ""),
            type=query.get("type", ""),
            source=query.get("source", ""),
            schedule_type=query.get("scheduleType", ""),
            suspended=query.get("suspend"),
        )
        count, rows = page(found, query, self.version.job_query.ORDERS)
        return paged(count, job_infos(rows, self.version.job_info), query) if rows else Response(status=204)

    @operation(
        "create_job",
        lambda version: {202: version.job_info},
        body=lambda version: version.job_create,
        examples=job_examples,
        leads_to=_AFTER,
        failures=(400,),
    )
    def post(self, request: Request) -> Response:
        """Create a job."""
        read_query(request, NoQuery)
        job = jobs.create_job(access_of(request), _definition(request, self.version.job_create))
        wake()
        return _info(self.version, job, status=202)

    @operation("delete_jobs", lambda version: version.bulk(IntegerField()), query=IdsQuery, failures=(400, 404))
    def delete(self, request: Request) -> Response:
        """Delete a bunch of jobs. Their history stays."""
        ids = read_ids(read_query(request, IdsQuery)["jobIDs"], "jobIDs", "job")
        delete = jobs.delete_each if self.version.deletes_each else jobs.delete_jobs
        return undone(delete(access_of(request), ids))


class JobDetail(UdmView):
    parser_classes = [BoundedJSONParser]

    @operation("get_job", lambda version: {200: version.job_shown or version.job_info}, parameters=(JOB_ID,), failures=(400, 404))
    def get(self, request: Request, job_id: str) -> Response:
        """Get job info."""
        job = _job(request, job_id)
        return Response(self.version.job_shown(job).data) if self.version.job_shown else _info(self.version, job)

    @operation(
        "update_job",
        lambda version: {200: version.job_info},
        body=lambda version: version.job_update,
        examples=job_examples,
        parameters=(JOB_ID,),
        failures=(400, 404),
    )
    def put(self, request: Request, job_id: str) -> Response:
        """Update a job that has not started."""
        former = _job(request, job_id)
        job = jobs.update_job(access_of(request), former, _definition(request, self.version.job_update, former))
        wake()
        return _info(self.version, job)

    @operation("delete_job", {204: None}, parameters=(JOB_ID,), failures=(400, 404))
    def delete(self, request: Request, job_id: str) -> Response:
        """Delete a job that is not in progress. Its history stays."""
        jobs.delete_job(access_of(request), _job(request, job_id))
        return Response(status=204)


class JobCancel(UdmView):
    @operation("cancel_job", lambda version: {200: version.job_info}, parameters=(JOB_ID,), failures=(400, 404))
    def post(self, request: Request, job_id: str) -> Response:
        """Cancel the run that goes on or waits; if there is none, the schedule."""
        return _info(self.version, jobs.cancel_job(access_of(request), _job(request, job_id)))


class JobSuspend(UdmView):
    @operation("suspend_job", lambda version: {200: version.moved or version.job_info}, parameters=(JOB_ID,), failures=(400, 404))
    def post(self, request: Request, job_id: str) -> Response:
        """Suspend an unfinished job: it starts nothing more until it is resumed."""
        return _moved(self.version, jobs.suspend_job(access_of(request), _job(request, job_id)))


class JobResume(UdmView):
    @operation("resume_job", lambda version: {200: version.moved or version.job_info}, parameters=(JOB_ID,), failures=(400, 404))
    def post(self, request: Request, job_id: str) -> Response:
        """Resume a suspended job."""
        job = jobs.resume_job(access_of(request), _job(request, job_id))
        wake()
        return _moved(self.version, job)
