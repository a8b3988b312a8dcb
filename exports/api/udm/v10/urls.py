from django.urls import path

from exports.api.udm.v10 import catalogue, files, history, jobs

urlpatterns = [
    path("cipher", catalogue.Cipher.as_view()),
    path("cipher/<str:certificatefilename>", catalogue.CipherUpload.as_view()),
    path("data/job-statuses", catalogue.JobStatuses.as_view()),
    path("data/sources", catalogue.Sources.as_view()),
    path("data/sub-types", catalogue.SubTypes.as_view()),
    path("data/types", catalogue.DataTypes.as_view()),
    path("export/history", history.History.as_view()),
    path("export/history/<str:run_id>", history.HistoryRecord.as_view()),
    path("export/history/<str:run_id>/progress", history.HistoryProgress.as_view()),
    path("export/jobs", jobs.Jobs.as_view()),
    path("export/jobs/<str:job_id>", jobs.JobDetail.as_view()),
    path("export/jobs/cancel/<str:job_id>", jobs.JobCancel.as_view()),
    path("export/jobs/resume/<str:job_id>", jobs.JobResume.as_view()),
    path("export/jobs/suspend/<str:job_id>", jobs.JobSuspend.as_view()),
    path("file-metadatas", files.FileMetadatas.as_view()),
    path("files", files.Files.as_view()),
    path("files/<str:filename>", files.FileDetail.as_view()),
    path("version", catalogue.Version.as_view()),
]
