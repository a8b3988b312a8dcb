"""The faces of the export app, their OpenAPI document, and the links to files."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from exports.api.download import download

urlpatterns = [
    path("udm/v10/", include("exports.api.udm.v10.urls")),
    path("udm/v4/", include("exports.api.udm.v4.urls")),
    path("udm/v3/", include("exports.api.udm.v3.urls")),
    path("data-download/v4/", include("exports.api.data_download.v4.urls")),
    path("data-download/v3/", include("exports.api.data_download.v3.urls")),
    path("download/<str:token>", download, name="download"),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]
