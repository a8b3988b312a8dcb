from django.urls import path

from exports.api.udm import catalogue, files, history, jobs
from exports.api.udm.schema import serve
from exports.api.udm.v10 import serializers
from exports.api.udm.version import Version

V10 = Version(
    prefix="udm_v10",
    tag="User Data Management, version 10",
    file_query=serializers.FileQuery,
    history_query=serializers.HistoryQuery,
    job_query=serializers.JobListQuery,
    job_create=serializers.JobRequest,
    job_update=serializers.JobRequest,
    job_info=serializers.JobInfo,
    job_page=serializers.JobPage,
    deletes_each=False,
    key_in_query=True,
)

urlpatterns = [
    path("cipher", serve(catalogue.Cipher, V10)),
    path("cipher/<str:certificatefilename>", serve(catalogue.CipherUpload, V10)),
    path("data/attributes", serve(catalogue.Attributes, V10)),
    path("data/job-statuses", serve(catalogue.JobStatuses, V10)),
    path("data/sources", serve(catalogue.Sources, V10)),
    path("data/sub-types", serve(catalogue.SubTypes, V10)),
    path("data/types", serve(catalogue.DataTypes, V10)),
    path("export/history", serve(history.History, V10)),
    path("export/history/<str:run_id>", serve(history.HistoryRecord, V10)),
    path("export/history/<str:run_id>/progress", serve(history.HistoryProgress, V10)),
    path("export/jobs", serve(jobs.Jobs, V10)),
    path("export/jobs/<str:job_id>", serve(jobs.JobDetail, V10)),
    path("export/jobs/cancel/<str:job_id>", serve(jobs.JobCancel, V10)),
    path("export/jobs/resume/<str:job_id>", serve(jobs.JobResume, V10)),
    path("export/jobs/suspend/<str:job_id>", serve(jobs.JobSuspend, V10)),
    path("file-metadatas", serve(files.FileMetadatas, V10)),
    path("files", serve(files.Files, V10)),
    path("files/<str:filename>", serve(files.FileDetail, V10)),
    path("resources/labels", serve(catalogue.Labels, V10)),
    path("version", serve(catalogue.VersionDetail, V10)),
]
