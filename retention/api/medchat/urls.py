"""The addresses below /orgs."""

from django.urls import path

from retention.api.medchat import views

_JOBS = "<str:uuid>/retention/jobs"

urlpatterns = [
    path(_JOBS, views.Jobs.as_view()),
    path(f"{_JOBS}/<str:job_uuid>", views.JobDetail.as_view()),
    path(f"{_JOBS}/<str:job_uuid>/cancel", views.JobCancel.as_view()),
    path(f"{_JOBS}/<str:job_uuid>/files", views.Files.as_view()),
    path(f"{_JOBS}/<str:job_uuid>/files/<str:filename>", views.FileDetail.as_view()),
]
