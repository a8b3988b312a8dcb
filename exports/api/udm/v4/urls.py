from django.urls import URLPattern, path

from exports.api.udm import history, jobs
from exports.api.udm.schema import serve
from exports.api.udm.v4 import serializers
from exports.api.udm.version import Version

V4 = Version(
    prefix="udm_v4",
    tag="User Data Management, version 4",
    deprecated=True,
    history_query=serializers.HistoryQuery,
    job_create=serializers.JobRequest,
    job_update=serializers.JobUpdate,
    job_shown=serializers.JobShown,
    moved=serializers.Moved,
)


def patterns(version: Version) -> list[URLPattern]:
    return [
        path("export/history", serve(history.History, version)),
        path("export/history/<str:run_id>", serve(history.HistoryRecord, version)),
        path("export/history/<str:run_id>/progress", serve(history.HistoryProgress, version)),
        path("export/jobs", serve(jobs.Jobs, version)),
        path("export/jobs/<str:job_id>", serve(jobs.JobDetail, version)),
        path("export/jobs/cancel/<str:job_id>", serve(jobs.JobCancel, version)),
        path("export/jobs/resume/<str:job_id>", serve(jobs.JobResume, version)),
        path("export/jobs/suspend/<str:job_id>", serve(jobs.JobSuspend, version)),
    ]


urlpatterns = patterns(V4)
