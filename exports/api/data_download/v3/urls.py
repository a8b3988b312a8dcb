from dataclasses import replace

from exports.api.udm.v3.urls import V3, patterns

urlpatterns = patterns(replace(V3, prefix="data_download_v3", tag="Cloud Data Download, version 3"))
