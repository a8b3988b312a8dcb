from dataclasses import replace

from exports.api.udm.v4.urls import V4, patterns

V4_OF_OLD = replace(
    V4, prefix="data_download_v4", tag="Cloud Data Download, version 4", job_update=V4.job_create, job_shown=None, moved=None
)

urlpatterns = patterns(V4_OF_OLD)
