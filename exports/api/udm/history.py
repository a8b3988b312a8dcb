"""/export/history"""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import IntegerField

from accounts.api.dialect import read_query
from accounts.api.permissions import access_of
from exports.api.udm.dialect import UdmView, page, paged, read_id, read_ids, undone
from exports.api.udm.queries import IdsQuery, NoQuery
from exports.api.udm.schema import RUN_ID, operation
from exports.api.udm.shapes import JobProgress, run_infos
from exports.models import Run
from exports.services import runs
from exports.services.runs import Status


def _run(request: Request, run_id: str) -> Run:
    read_query(request, NoQuery)
    return runs.find(access_of(request), read_id(run_id, "history record"))


class History(UdmView):
    @operation(
        "list_history", lambda version: {200: version.job_page, 204: None}, query=lambda version: version.history_query, failures=(400,)
    )
    def get(self, request: Request) -> Response:
        """Get a list of history records."""
        query = read_query(request, self.version.history_query)
        found = runs.history(
            access_of(request),
            title=query.get("title", ""),
            type=query.get("type", ""),
            source=query.get("source", ""),
            status=Status(query["status"]) if "status" in query else None,
            job_id=query.get("jobId"),
            file_name=query.get("fileName", ""),
        )
        count, rows = page(found, query, self.version.history_query.ORDERS)
        return paged(count, run_infos(rows, self.version.job_info), query) if rows else Response(status=204)

    @operation("delete_history", lambda version: version.bulk(IntegerField()), query=IdsQuery, failures=(400, 404))
    def delete(self, request: Request) -> Response:
        """Delete a bunch of history records with their files."""
        ids = read_ids(read_query(request, IdsQuery)["jobIDs"], "jobIDs", "history record")
        delete = runs.delete_each if self.version.deletes_each else runs.delete_runs
        return undone(delete(access_of(request), ids))


class HistoryRecord(UdmView):
    @operation("get_history_record", lambda version: {200: version.job_info}, parameters=(RUN_ID,), failures=(400, 404))
    def get(self, request: Request, run_id: str) -> Response:
        """Get history record info."""
        return Response(run_infos([_run(request, run_id)], self.version.job_info)[0])

    @operation("delete_history_record", {204: None}, parameters=(RUN_ID,), failures=(400, 404))
    def delete(self, request: Request, run_id: str) -> Response:
        """Delete a history record with its files."""
        read_query(request, NoQuery)
        runs.delete_run(access_of(request), read_id(run_id, "history record"))
        return Response(status=204)


class HistoryProgress(UdmView):
    @operation("get_progress", {200: JobProgress}, parameters=(RUN_ID,), failures=(400, 404))
    def get(self, request: Request, run_id: str) -> Response:
        """Get job progress."""
        run = _run(request, run_id)
        return Response({"progress": run.progress, "status": runs.run_status(run)})
