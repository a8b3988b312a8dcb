"""The faces of the export app, their OpenAPI document, and the links to files."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from exports.api.download import download

urlpatterns = [
    path("udm/v10/", include("exports.api.udm.v10.urls")),
    path("download/<str:token>", download, name="download"),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]
